"""The part Activities, case by case: which visits count, and what their activity is linked to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.connectors.leadboxer.client import LeadBoxerClient
from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Batch, Item, Skip
from integration.models import RecordLink, SyncJob
from integration.recipes.registry import get_recipe
from tests.support.factories import LinkFactory


def test_a_visit_becomes_one_activity_of_person_and_organization(activities):
    world = activities()
    world.ada()
    world.poll()

    [activity] = world.activities()
    [organization], [person] = world.named("organization", "X GmbH"), world.named("person", "Ada Byron")
    assert (activity["person_id"], activity["org_id"], activity["deal_id"]) == (person["id"], organization["id"], None)
    assert person["org_id"] == organization["id"]
    assert (activity["subject"], activity["type"], activity["done"]) == ("Website visit: 1 page", "task", True)


def test_several_pages_of_one_visit_are_one_activity(activities):
    world = activities()
    made = world.visit("/", "/prices", "/contact", email="ada@x.example")
    world.poll()

    [activity] = world.activities()
    assert activity["subject"] == "Website visit: 3 pages"
    for page in ("/prices", "/contact"):
        assert f"https://acme.example{page}" in activity["note"]
    assert made["session"] in activity["note"]


def test_two_visits_are_two_activities(activities):
    world = activities()
    made = world.ada(minutes_ago=40)
    world.ada(lead=made["lead"], minutes_ago=15)
    world.poll()

    assert len(world.activities()) == 2
    assert len(world.named("person", "Ada Byron")) == len(world.named("organization", "X GmbH")) == 1


def test_a_visit_still_going_on_is_left_to_the_next_run(activities):
    world = activities()
    made = world.visit("/", email="ada@x.example", minutes_ago=2)
    world.poll()
    assert world.activities() == []
    assert not any("/leads/events" in call for call in world.calls("leadboxer"))

    world.sandbox.control("POST", "/time", {"advance_seconds": 60})
    world.track(lead=made["lead"], url="https://acme.example/prices", minutes_ago=2)
    for session in world.sandbox.state.leadboxer.accounts["401"].datasets["5173" * 8].leads[made["lead"]].sessions:
        for event in session.events:
            event.at -= 11 * 60_000  # eleven minutes pass
    world.poll()
    assert [activity["subject"] for activity in world.activities()] == ["Website visit: 2 pages"]


def test_the_kind_of_event_decides_type_and_subject(activities):
    world = activities(type_form="meeting")
    made = world.ada()
    world.track(lead=made["lead"], title="Form-Submit", url="https://acme.example/contact", minutes_ago=12)
    world.visit(email="bob@y.example", title="Email open")
    world.poll()

    assert {(row["subject"], row["type"]) for row in world.activities()} == {
        ("Form submitted", "meeting"), ("E-mail opened", "email"),
    }  # fmt: skip


def test_only_leads_known_by_email_and_in_the_segment(activities):
    world = activities(activities_segment=f"{'5173' * 8}:903")  # Germany
    world.company(organizationCountry="Germany")
    world.ada(organizationCountry="Austria")
    world.visit(email="bob@y.example", organizationCountry="Germany", firstName="Bob")
    world.poll()

    [activity] = world.activities()
    [bob] = world.named("person", "Bob")
    assert activity["person_id"] == bob["id"]
    assert world.named("organization", "X GmbH") == []


def test_the_persons_own_organization_comes_first(activities):
    world = activities()
    person = world.person(org_id=2)
    world.ada()
    world.poll()

    [activity] = world.activities()
    assert (activity["person_id"], activity["org_id"]) == (person, 2)
    assert world.named("organization", "X GmbH") == []


def test_a_person_without_organization_is_linked_to_the_leads(activities):
    world = activities()
    person, organization = world.person(), world.create("organizations", name="The X", website="https://x.example")
    world.ada()
    world.poll()

    [activity] = world.activities()
    assert (activity["person_id"], activity["org_id"]) == (person, organization)
    assert {row["id"]: row["org_id"] for row in world.rows("person")}[person] == organization


def test_the_open_deal_changed_last_is_linked(activities):
    world = activities()
    person = world.person()
    old = world.create("deals", title="Old", person_id=person)
    world.create("deals", title="Won", person_id=person, status="won")
    newer = world.create("deals", title="Newer", person_id=person)
    world.sandbox.control("POST", "/time", {"advance_seconds": 5})
    world.sandbox.control("PATCH", f"/pipedrive/acme/deals/{old}", {"value": 10})
    world.ada()
    world.poll()

    assert [row["deal_id"] for row in world.activities()] == [old]
    assert newer != old


def test_no_deal_is_made_unless_the_settings_say_so(activities):
    world = activities()
    world.ada()
    world.poll()

    assert [row["title"] for row in world.rows("deal")] == ["Difference engine"]


def test_one_deal_is_made_in_the_chosen_pipeline(activities):
    world = activities()
    pipeline = world.pipeline("Inbound")
    world.set(create_deals=True, pipeline=pipeline)
    made = world.ada(minutes_ago=40)
    world.ada(lead=made["lead"], minutes_ago=15)
    world.poll()

    [deal] = [row for row in world.rows("deal") if row["title"] == "X GmbH"]
    assert str(deal["pipeline_id"]) == pipeline
    assert {row["deal_id"] for row in world.activities()} == {deal["id"]}
    assert deal["org_id"] == world.named("organization", "X GmbH")[0]["id"]


def test_the_next_run_logs_only_what_is_new(activities):
    world = activities()
    made = world.ada(minutes_ago=30)
    world.poll()
    world.poll()
    world.ada(lead=made["lead"], minutes_ago=12)
    world.poll()

    assert len(world.activities()) == 2
    assert world.said(flow="visit_to_activity") == [("log_activity", ""), ("log_activity", "")]


def test_fetch_all_looks_back_as_many_days_as_the_settings_say(activities):
    world = activities(lookback_days=5)
    world.ada(minutes_ago=60 * 24 * 3)
    world.visit(email="bob@y.example", minutes_ago=60 * 24 * 8)
    dry = world.fetch_all("visit_to_activity", dry_run=True)
    assert (dry.counts, world.activities()) == ({"log_activity": 1}, [])

    world.fetch_all("visit_to_activity")
    world.fetch_all("visit_to_activity")
    assert len(world.activities()) == 1


def test_fetch_all_of_leads_says_first_what_it_would_do(leadboxer_install):
    from tests.support.leadboxer_world import LEADS

    world = leadboxer_install(**LEADS)
    world.company(minutes_ago=60 * 24 * 3)
    world.visit(minutes_ago=60 * 24 * 4)
    dry = world.fetch_all("lead_to_lead", dry_run=True)

    assert dry.counts == {"create_lead": 1, "skipped:no_organization": 1}
    assert dry.samples["create_lead"][0]["name"] == "X GmbH"
    assert (world.leads(), world.named("organization", "X GmbH"), RecordLink.objects.count()) == ([], [], 0)
    assert world.fetch_all("lead_to_lead").counts == dry.counts
    assert len(world.leads()) == 1


@pytest.mark.parametrize("tells", [True, False])
def test_a_vendor_that_tells_no_times_of_sessions_is_read_by_their_events(activities, tells, monkeypatch):
    from integration.connectors.leadboxer import records

    world = activities()
    if not tells:
        monkeypatch.setattr(records, "parse_session", lambda row: records.Session(str(row["id"])))
    made = world.ada(minutes_ago=60 * 24 * 2)
    world.ada(lead=made["lead"], minutes_ago=15)
    world.poll()

    assert len(world.activities()) == 1
    assert not SyncJob.objects.filter(state="dead").exists()


def test_of_two_people_with_the_address_the_older_is_meant(activities, sandbox):
    world = activities()
    while sandbox.state.pipedrive.companies["acme"].tables["person"].next_id() < 98:
        pass  # where one number has a digit more than the other
    older, newer = world.person("ada@x.example", "Ada Old"), world.person("ada@x.example", "Ada New")
    world.ada()
    world.poll()

    assert (older, newer) == (99, 100)
    assert [activity["person_id"] for activity in world.activities()] == [older]


def test_a_visit_whose_end_only_its_events_tell_is_left_until_it_is_over(activities, monkeypatch):
    world = activities()
    told = LeadBoxerClient.get_sessions
    untold = lambda *args: [replace(row, last_event=None) for row in told(*args)]  # noqa: E731
    monkeypatch.setattr(LeadBoxerClient, "get_sessions", untold)
    world.ada(minutes_ago=40)
    made = world.visit("/", email="bob@x.example", minutes_ago=2)
    world.poll()

    assert len(world.activities()) == 1
    assert made["session"] not in world.activities()[0]["note"]


@pytest.mark.django_db
@pytest.mark.parametrize(("state", "reason"), [("active", "unchanged"), ("pending", "deleted_at_source")])
def test_a_visit_that_was_logged_is_not_logged_again_whoever_asks(state, reason):
    link = LinkFactory(link_type="visit", source_id="lead/visit", state=state)
    ctx = OpenSession(link.integration, get_recipe("leadboxer_pipedrive"))

    decision = ctx.recipe.flow("visit_to_activity").decide(
        ctx, Batch({"lead/visit": link}, {}), Item("lead/visit"), None
    )

    assert decision == Skip(reason)
