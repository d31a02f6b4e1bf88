"""How many vendor calls much work costs, and that Brevo's three budgets are kept."""

from __future__ import annotations

from collections import Counter

import pytest

from integration.engine.clients.session import OpenSession
from integration.engine.sync import runs
from integration.models import RateBudget, RecordLink, VendorCall
from integration.recipes.pipedrive_brevo import contact_lookup
from integration.recipes.registry import get_recipe
from tests.support import hub

pytestmark = pytest.mark.usefixtures("full_slices")


def test_five_thousand_persons_cost_ten_reads_and_few_writes(brevo_world, sandbox):
    sandbox.control("PATCH", "/pipedrive/acme", {"plan": "unlimited"})
    brevo_world.seed_people(4996)  # with the four that are there already
    sandbox.control("DELETE", "/calls")

    runs.start(brevo_world.integration, "fetch_all", "person_to_contact")
    hub.drain()

    calls = sandbox.control("GET", "/calls")
    assert len(brevo_world.contacts()) == 5000
    pipedrive = [call for call in calls if call["vendor"] == "pipedrive" and "limit=500" in call["query"]]
    brevo = Counter(f"{call['method']} {call['path']}" for call in calls if call["vendor"] == "brevo")
    polls = sum(count for key, count in brevo.items() if key.startswith("GET /brevo/v3/processes/"))
    assert len([call for call in pipedrive if call["path"].endswith("/persons")]) == 10
    assert brevo["POST /brevo/v3/contacts/import"] == 2
    joins = sum(count for key, count in brevo.items() if key.endswith("/contacts/add"))
    assert joins == 34, "a hundred and fifty at once"
    assert sum(brevo.values()) - polls - joins <= 20
    assert polls <= 4


def test_the_budgets_of_a_real_plan_are_kept(install, sandbox):
    world = install(plan="general")
    for number in range(15):
        world.person(f"Person {number}")

    for webhook in world.held():
        assert world.post(webhook) == 200
    hub.drain(due_now=False)

    assert not VendorCall.objects.filter(connection=world.integration.right, status=429).exists()
    windows = set(RateBudget.objects.filter(connection=world.integration.right).values_list("window", flat=True))
    assert {"contacts", "contacts_hour", "other"} <= windows


def test_people_whose_ids_are_not_known_yet_are_looked_for_together(brevo_world, sandbox):
    """One call for each would never end within a limit of ten a second."""
    brevo_world.seed_people(60)
    brevo_world.poll("fetch_all")
    assert RecordLink.objects.filter(link_type="person", state="active").update(target_id="") >= 60
    people = RecordLink.objects.filter(link_type="person").values_list("source_id", flat=True)
    sandbox.control("DELETE", "/calls")

    ctx = OpenSession(brevo_world.integration, get_recipe("pipedrive_brevo"))
    found = contact_lookup.contacts_behind(ctx, list(people))

    assert len(found) >= 60
    assert len(sandbox.control("GET", "/calls?vendor=brevo")) == 1
