"""How many vendor calls much work costs. The least possible follows from what the vendors allow per call."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from integration.engine.sync import router, runner
from integration.models import SyncLog, VendorCall
from integration.recipes.planhat_pipedrive import sweeps
from integration.recipes.registry import get_recipe

pytestmark = pytest.mark.usefixtures("full_slices")

PIPEDRIVE_PAGE, PLANHAT_BULK = 500, 5000
COUNT = 2000


def pages(count):
    return -(-count // PIPEDRIVE_PAGE)


def seeded(world, count):
    """Won deals, each with an organization, a person and a note of its own; no webhooks."""
    control = world.sandbox.control
    first = control("POST", "/pipedrive/acme/seed", {
        "organizations": [{"name": f"Org {n}"} for n in range(count)],
    })["organizations"][0]  # fmt: skip
    control("POST", "/pipedrive/acme/seed", {
        "persons": [
            {"name": f"Person {n}", "org_id": first + n, "emails": [{"value": f"p{n}@example.com"}]}
            for n in range(count)
        ],
        "deals": [
            {"title": f"Deal {n}", "org_id": first + n, "value": 100 + n, "currency": "EUR", "status": "won"}
            for n in range(count)
        ],
        "notes": [{"content": f"Note {n}", "org_id": first + n} for n in range(count)],
    })  # fmt: skip
    world.sandbox.control("DELETE", "/calls")


def test_two_thousand_won_deals_with_all_that_belongs_to_them_cost_the_least_possible(world):
    seeded(world, COUNT)
    tables = world.sandbox.state.pipedrive.companies["acme"].tables
    totals = {name: len(tables[name].rows) for name in ("organization", "person", "note")}

    world.run()

    assert world.counts() == {
        "companies": COUNT, "endusers": COUNT, "licenses": COUNT, "sales": 0, "conversations": COUNT,
    }  # fmt: skip
    calls = world.sandbox.control("GET", "/calls")
    # Every deal, organization, person and note must be read once, 500 per call (2,000 won deals; the lists of the
    # others hold a few more), both teams once for the owners, and each of four models written once, up to 5,000
    # records per call.
    reads = pages(COUNT) + sum(pages(total) for total in totals.values())
    writes = 4 * -(-COUNT // PLANHAT_BULK)
    least = reads + 2 + writes
    assert (reads, writes, least) == (4 + 5 + 5 + 4, 4, 24)
    assert len(calls) <= least * 1.03, Counter(f"{call['method']} {call['path']}" for call in calls)
    assert not SyncLog.objects.exclude(outcome="synced").exists()


def test_a_second_fetch_all_reads_and_writes_nothing(world):
    seeded(world, 20)
    world.run()
    world.calls("planhat")
    before = SyncLog.objects.count()
    counts = world.run()
    assert world.calls("planhat") == []
    assert counts["deal_to_license"].keys() == {"skipped:unchanged"}
    assert counts["deal_to_license"]["skipped:unchanged"] >= 20
    assert SyncLog.objects.count() == before, "what is unchanged is counted and not logged"


def test_each_page_of_organizations_is_read_once_however_many_steps_the_deals_take(world, monkeypatch):
    monkeypatch.setattr(sweeps, "DEAL_PAGES", 1)
    seeded(world, 1500)

    world.run()

    assert len(world.rows("companies")) == 1500
    reads = [call for call in world.calls("pipedrive") if call.endswith("/organizations")]
    assert 3 < len(reads) <= 4 + 2  # of 500, and where a step ends within one


def test_organizations_are_read_by_id_where_that_is_cheaper(world):
    seeded(world, 1200)
    tables = world.sandbox.state.pipedrive.companies["acme"].tables["deal"].rows
    for number in list(tables):
        if number % 60:
            tables[number]["status"] = "open"
    world.run()
    reads = [call for call in world.calls("pipedrive") if call.endswith("/organizations")]
    assert len(reads) == 1
    assert len(world.rows("companies")) == 20


def test_one_change_of_a_won_deal_costs_little(world):
    org = world.organization("Engines")
    world.person("Ada Lovelace", org)
    deal = world.won(org)
    world.deliver()
    world.forget_calls()

    world.change("deals", deal, value=5)
    world.deliver()

    # The deal, its organization, its people; no notes are asked for where none are counted.
    calls = world.all_calls()
    assert [call for call in calls if "planhat" in call] == ["PUT /planhat/licenses"]
    assert len(calls) == 4


def test_a_poll_without_changes_costs_one_call(world):
    world.won(world.organization("Engines"))
    world.deliver()
    world.forget_calls()
    world.run("poll")
    assert world.all_calls() == ["GET /pipedrive/acme/api/v2/deals"]


@pytest.mark.slow
def test_the_budget_of_the_smallest_plan_is_kept(install, sandbox):
    world = install()
    sandbox.control("PATCH", "/pipedrive/acme", {"plan": "lite", "seats": 20})
    sandbox.control("PATCH", "/planhat/901", {"plan": "standard"})
    for number in range(12):
        org = world.organization(f"Org {number}")
        world.person(f"Person {number}", org)
        world.note("x", org_id=org)
        world.note("y", deal_id=world.won(org))
    [world.post(delivery) for delivery in world.held()]
    router.route_new_events(get_recipe)
    deadline = time.monotonic() + 40
    while world.counts()["conversations"] < 24 and time.monotonic() < deadline:
        runner.run(str(world.integration.pk), get_recipe)
        time.sleep(0.3)
    assert world.counts() == {
        "companies": 12, "endusers": 12, "licenses": 12, "sales": 0, "conversations": 24,
    }  # fmt: skip
    assert not VendorCall.objects.filter(connection=world.integration.right, status=429).exists()
