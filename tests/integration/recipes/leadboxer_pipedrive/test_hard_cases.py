"""Twice, killed, answers lost, duplicates: one lead, one activity per visit, one organization, one person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from integration import tasks
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.sync import outcomes
from integration.models import RecordLink, SyncJob, SyncRun
from tests.support import hub
from tests.support.leadboxer_world import ACTIVITIES, LEADS

SITE = "5173" * 8


class Killed(BaseException):
    """The worker is gone in the middle of its work."""


@pytest.fixture
def both(leadboxer_install):
    """Both parts on, leads linked to both, deals made."""

    def install(**chosen):
        world = leadboxer_install(**{**LEADS, **ACTIVITIES, "leads_link": "both", **chosen})
        world.set(create_deals=True, pipeline=world.pipeline("Inbound"))
        return world

    return install


def assert_one_of_each(world):
    world.at_rest()
    world.no_trouble()
    assert (len(world.leads()), len(world.activities())) == (1, 1)
    [lead], [activity] = world.leads(), world.activities()
    [organization], [person] = world.named("organization", "X GmbH"), world.named("person", "Ada Byron")
    [deal] = [row for row in world.rows("deal") if row["title"] == "X GmbH"]
    assert (lead["person_id"], lead["organization_id"]) == (person["id"], organization["id"])
    assert (activity["person_id"], activity["org_id"], activity["deal_id"]) == (
        person["id"], organization["id"], deal["id"],
    )  # fmt: skip
    links = RecordLink.objects.filter(link_type__in=("lead", "visit"))
    assert {(link.link_type, link.state, link.target_id) for link in links} == {
        ("lead", "active", lead["id"]), ("visit", "active", str(activity["id"])),
    }  # fmt: skip


def test_two_runs_of_the_same_hour_leave_one_of_each(both):
    world = both()
    world.ada()
    world.poll()
    world.poll()
    world.fetch_all("lead_to_lead")
    world.fetch_all("visit_to_activity")

    assert_one_of_each(world)


@pytest.mark.chaos("V8", "V9")
@pytest.mark.parametrize(
    "verb", ["create_organization", "create_person", "create_lead", "create_activity", "create_deal"]
)
@pytest.mark.parametrize("searches", ["at once", "late"])
@pytest.mark.usefixtures("sweeper_helps")  # a dead worker leaves its runs behind
def test_a_kill_right_after_any_creation_leaves_one_of_each(both, monkeypatch, verb, searches):
    world = both()
    world.ada()
    if searches == "late":
        world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "search_delay_s": 3600})
    real, calls = getattr(PipedriveClient, verb), []

    def die_once(self, values):
        made = real(self, values)
        calls.append(made.id)
        if len(calls) == 1:
            raise Killed
        return made

    monkeypatch.setattr(PipedriveClient, verb, die_once)
    tasks.start_runs(world.integration, "poll")
    with pytest.raises(Killed):
        hub.drain()
    hub.drain()

    assert calls
    assert_one_of_each(world)


@pytest.mark.parametrize("flow", ["lead_to_lead", "visit_to_activity"])
@pytest.mark.usefixtures("sweeper_helps")  # a dead worker leaves its runs behind
def test_a_kill_before_the_page_is_stored_leaves_one_of_each(both, monkeypatch, flow):
    world = both()
    world.ada()
    real, killed = outcomes.save, []

    def die_once(ctx, this, done, **how):
        if this.key == flow and not killed:
            killed.append(flow)
            raise Killed
        real(ctx, this, done, **how)

    monkeypatch.setattr(outcomes, "save", die_once)
    tasks.start_runs(world.integration, "poll")
    with pytest.raises(Killed):
        hub.drain()
    hub.drain()

    assert_one_of_each(world)


@pytest.mark.chaos("V8", "V9")
@pytest.mark.parametrize("path", ["/v2/organizations", "/v2/persons", "/v1/leads", "/v2/activities", "/v2/deals"])
def test_a_lost_answer_of_any_creation_leaves_one_of_each(both, path):
    world = both()
    world.ada()
    world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "search_delay_s": 3600})
    world.fail("pipedrive", 502, path, method="POST", after=True)
    tasks.start_runs(world.integration, "poll")
    hub.drain()
    for _ in range(3):
        world.wait()

    assert_one_of_each(world)


def test_a_lost_answer_in_a_later_run_finds_what_is_there(both):
    """The link waits with its marker until the vendor answers again, however late that is."""
    world = both()
    world.ada()
    world.fail("pipedrive", 502, "/v1/leads", method="POST", after=True)
    tasks.start_runs(world.integration, "poll")
    hub.drain()
    world.fail("pipedrive", 503, "/api", times=3)
    for _ in range(5):
        world.wait()

    assert_one_of_each(world)


def test_a_trial_deal_whose_answer_was_lost_is_found_again(leadboxer_install):
    world = leadboxer_install(**LEADS)
    world.set(trial=True, trial_count=5, trial_pipeline=world.pipeline())
    world.company()
    world.fail("pipedrive", 502, "/v2/deals", method="POST", after=True)
    tasks.start_runs(world.integration, "poll")
    hub.drain()
    for _ in range(3):
        world.wait()

    assert len([row for row in world.rows("deal") if row["title"] == "X GmbH"]) == 1


def test_a_second_profile_of_the_same_address_is_no_second_lead(both):
    world = both()
    made = world.ada()
    world.sandbox.control("POST", f"/leadboxer/401/{SITE}/leads/{made['lead']}/copy")
    world.poll()
    world.poll()

    assert len(world.leads()) == len(world.named("person", "Ada Byron")) == 1
    assert len(world.named("organization", "X GmbH")) == 1
    assert len(world.activities()) == 2  # two visits, by two browsers
    assert ("", "duplicate_email") in world.said(flow="lead_to_lead")


def test_a_profile_of_the_same_address_that_comes_later_is_no_second_lead(leadboxer_install):
    world = leadboxer_install(**LEADS)
    made = world.ada()
    world.poll()
    assert len(world.leads()) == 1

    twin = world.sandbox.control("POST", f"/leadboxer/401/{SITE}/leads/{made['lead']}/copy")  # another browser
    world.track(lead=twin["use_id"], url="https://acme.example/", minutes_ago=0)
    world.poll()

    assert len(world.leads()) == 1
    assert ("", "duplicate_email") in world.said(flow="lead_to_lead")


def test_many_visitors_of_one_company_share_its_organization(leadboxer_install):
    world = leadboxer_install(**LEADS)
    for number in range(5):
        world.company(organizationName="X GmbH" if number % 2 else "x gmbh", minutes_ago=12 + 20 * number / 10)
    world.poll()

    assert len(world.leads()) == 5
    assert len({lead["organization_id"] for lead in world.leads()}) == 1
    assert len([row for row in world.rows("organization") if row["name"].lower() == "x gmbh"]) == 1


@pytest.mark.chaos("V10")
def test_a_page_token_that_ran_out_starts_the_reading_again(leadboxer_install, monkeypatch):
    from integration.recipes.leadboxer_pipedrive import lead_to_lead

    monkeypatch.setattr(lead_to_lead, "PAGE_SIZE", 2)
    world = leadboxer_install(**LEADS)
    world.sandbox.control("POST", f"/leadboxer/401/{SITE}/seed", {"count": 6, "minutes_ago": 12})
    run_page = []
    real = lead_to_lead.LeadToLead.page

    def slow(self, ctx, kind, cursor, since):
        run_page.append(cursor)
        if len(run_page) == 2:  # eleven minutes pass at the vendor, and our clock says nothing of it
            world.sandbox.control("POST", "/time", {"advance_seconds": 660})
        return real(self, ctx, kind, cursor, since)

    monkeypatch.setattr(lead_to_lead.LeadToLead, "page", slow)
    world.poll()

    assert len(world.leads()) == 6


def test_a_token_older_than_its_life_is_not_even_tried():
    from django.utils import timezone

    from integration.recipes.leadboxer_pipedrive.listing import usable_token
    from integration.recipes.leadboxer_pipedrive.state import ListPlace

    now = timezone.now()
    assert usable_token(ListPlace(token="t", at=now.isoformat())) == "t"
    assert usable_token(ListPlace(token="t", at=(now - timedelta(minutes=9, seconds=1)).isoformat())) is None


def test_a_segment_that_is_gone_holds_and_comes_back_with_another(leadboxer_install):
    world = leadboxer_install(**LEADS)
    world.company()
    world.sandbox.control("DELETE", f"/leadboxer/401/{SITE}/segments/900")
    world.integration.left.reference_lists.all().delete()  # an hour passed
    tasks.start_runs(world.integration, "poll")
    hub.drain()
    run = SyncRun.objects.get(kind="poll")
    assert (run.state, "no longer exists" in run.problem, world.leads()) == ("running", True, [])
    assert tasks.repair_integration(str(world.integration.pk)) == "not fine"
    world.integration.refresh_from_db()
    [step] = [step for step in world.integration.provisioning if not step["ok"]]
    assert (step["key"], step["reason"]) == ("segment_leads", "segment_missing")

    world.set(leads_segment=f"{SITE}:902", leads_link="organization")
    world.edit(next(iter(world.sandbox.state.leadboxer.accounts["401"].datasets[SITE].leads)), email="ada@x.example")
    world.wait()
    world.at_rest()
    assert len(world.leads()) == 1


def test_a_refused_key_holds_everything_and_goes_on_after(leadboxer_install):
    world = leadboxer_install(**LEADS)
    world.company()
    world.sandbox.control("PATCH", "/leadboxer/401", {"locked": True})
    tasks.start_runs(world.integration, "poll")
    hub.drain()
    world.integration.left.refresh_from_db()
    assert world.integration.left.health == "needs_you"

    world.sandbox.control("PATCH", "/leadboxer/401", {"locked": False})
    assert tasks.check_integration(str(world.integration.pk)) == "fine"
    world.wait()
    assert len(world.leads()) == 1
    assert not SyncJob.objects.filter(state="dead").exists()
