"""How many vendor calls much work costs, and that both vendors' limits are kept."""

from __future__ import annotations

from collections import Counter

import pytest

from integration import tasks
from integration.connectors.pipedrive.client import PipedriveClient
from integration.errors import RateLimited
from integration.models import RateBudget, VendorCall
from tests.support import hub
from tests.support.leadboxer_world import ACTIVITIES, LEADS

pytestmark = pytest.mark.usefixtures("full_slices")

SITE = "5173" * 8


def seed(world, count, **how):
    world.sandbox.control("POST", f"/leadboxer/401/{SITE}/seed", {"count": count, "minutes_ago": 12, **how})


def known(world, count):
    """Organizations and people of the made-up leads are in Pipedrive already."""
    wish = {
        "organizations": [{"name": f"Firm {n}", "website": f"seed{n}.example"} for n in range(count)],
        "persons": [
            {"name": f"Person {n}", "emails": [{"value": f"person{n}@seed{n}.example"}], "org_id": 4 + n}
            for n in range(count)
        ],
    }
    world.sandbox.control("POST", "/pipedrive/acme/seed", wish)


def test_a_hundred_leads_whose_people_are_known_cost_few_look_ups(leadboxer_install):
    world = leadboxer_install(**{**LEADS, "leads_link": "both"})
    known(world, 100)
    seed(world, 100)
    world.sandbox.control("DELETE", "/calls")
    world.poll()

    assert len(world.leads()) == 100
    assert len(world.rows("organization")) == 103
    calls = world.sandbox.control("GET", "/calls")
    # Forty leads a page; the last one is not full.
    assert [call["path"] for call in calls if call["vendor"] == "leadboxer"] == ["/leadboxer/v1/leads"] * 3
    # The index of people and of organizations, both confirmed once per page and twice for the first, whose first part
    # is small; and the list of fields.
    assert Counter(f"{c['method']} {c['path'][15:]}" for c in calls if c["vendor"] == "pipedrive") == {
        "GET /api/v2/persons": 5, "GET /api/v2/organizations": 5, "GET /api/v2/dealFields": 1,
        "POST /api/v1/leads": 100,
    }  # fmt: skip


def test_a_lead_of_strangers_costs_one_search_and_three_creations(leadboxer_install):
    world = leadboxer_install(**{**LEADS, "leads_link": "both"})
    seed(world, 10)
    world.sandbox.control("DELETE", "/calls")
    world.poll()

    calls = Counter(world.calls("pipedrive"))
    assert len(world.leads()) == 10
    assert {call: number for call, number in calls.items() if number > 1} == {
        "POST /api/v2/organizations": 10, "GET /api/v2/persons/search": 10, "POST /api/v2/persons": 10,
        "POST /api/v1/leads": 10,
    }  # fmt: skip
    assert sum(number for number in calls.values() if number == 1) == 3  # two pages of the index, the fields


def test_the_index_is_read_in_full_once_and_then_only_what_changed(leadboxer_install):
    world = leadboxer_install(**{**LEADS, "leads_link": "both"})
    known(world, 1200)
    seed(world, 1)
    world.poll()
    first = Counter(world.calls("pipedrive"))
    assert first["GET /api/v2/persons"] == 4  # three pages of five hundred, and one to confirm
    world.visit(organizationDomain="seed7.example", email="person7@seed7.example", minutes_ago=1)
    world.poll()
    again = Counter(world.calls("pipedrive"))

    assert len(world.leads()) == 2
    assert again["GET /api/v2/persons"] <= 4
    assert again["GET /api/v2/persons/search"] + again["GET /api/v2/organizations/search"] == 0


def test_a_first_reading_that_a_limit_stops_goes_on_at_its_page(leadboxer_install, monkeypatch):
    world = leadboxer_install(**{**LEADS, "leads_link": "both"})
    known(world, 1200)
    seed(world, 1)
    asked, real = [], PipedriveClient.persons_page

    def limited(self, cursor=None, since=None, limit=500, **filters):
        asked.append(cursor)
        if len(asked) == 3:
            raise RateLimited("", retry_after=1)
        return real(self, cursor, since, limit, **filters)

    monkeypatch.setattr(PipedriveClient, "persons_page", limited)
    tasks.start_runs(world.integration, "poll")
    hub.drain()
    world.wait()

    world.at_rest()
    assert (asked[0], len(asked), asked[3]) == (None, 4, asked[2])
    assert asked[3] is not None
    assert len(world.leads()) == 1


def test_an_hour_without_news_costs_one_call_per_part(leadboxer_install):
    world = leadboxer_install(**{**LEADS, **ACTIVITIES})
    world.poll()

    assert world.sandbox.control("GET", "/calls/count") == {"leadboxer:401": 2}


def test_visits_cost_two_reads_there_and_one_call_here(leadboxer_install):
    world = leadboxer_install(**ACTIVITIES)
    known(world, 40)
    seed(world, 40)
    world.sandbox.control("DELETE", "/calls")
    world.poll()

    assert len(world.activities()) == 40
    calls = world.sandbox.control("GET", "/calls")
    # Twenty leads per page, and one to see that there are no more; the visits of each lead; the events of each new one.
    assert Counter(c["path"][13:] for c in calls if c["vendor"] == "leadboxer") == {
        "/leads": 3, "/leads/sessions": 40, "/leads/events": 40,
    }  # fmt: skip
    # One look for people and organizations per page, two for the first; nobody has an open deal, so none is asked for.
    assert Counter(f"{c['method']} {c['path'][15:]}" for c in calls if c["vendor"] == "pipedrive") == {
        "GET /api/v2/persons": 4, "GET /api/v2/organizations": 4, "POST /api/v2/activities": 40,
    }  # fmt: skip


def test_visits_that_are_logged_are_not_read_again(leadboxer_install):
    world = leadboxer_install(**ACTIVITIES)
    seed(world, 10)
    world.poll()
    world.sandbox.control("DELETE", "/calls")
    world.fetch_all("visit_to_activity")

    assert Counter(world.calls("leadboxer")) == {"GET /leads": 1, "GET /leads/sessions": 10}
    assert len(world.activities()) == 10


def test_pipedrives_budgets_are_kept(leadboxer_install):
    world = leadboxer_install(**{**LEADS, "leads_link": "both"})
    RateBudget.objects.all().delete()
    world.sandbox.control("PATCH", "/pipedrive/acme", {"plan": "premium"})
    seed(world, 12)
    tasks.start_runs(world.integration, "poll")
    hub.drain(due_now=False)

    assert not VendorCall.objects.filter(connection=world.integration.right, status=429).exists()
    assert {"burst", "search", "day"} <= set(
        RateBudget.objects.filter(connection=world.integration.right).values_list("window", flat=True)
    )


def test_leadboxers_limit_is_waited_for_and_nothing_is_lost(leadboxer_install):
    world = leadboxer_install(**ACTIVITIES)
    seed(world, 6)
    world.sandbox.control("PATCH", "/leadboxer/401", {"calls_per_minute": 4})
    tasks.start_runs(world.integration, "poll")
    hub.drain()
    world.integration.left.refresh_from_db()
    assert world.integration.left.not_before is not None
    assert len(world.activities()) == 4  # what was read before the limit is done

    world.no_limits()
    world.wait()
    world.at_rest()
    assert len(world.activities()) == 6
