"""Deals, activities and leads: lists by stage, events once each, and what is left alone."""

from __future__ import annotations

import pytest

from integration.models import SyncLog
from integration.tasks import start_runs
from tests.support import hub

ADA = "ada@lovelace.example"
QUALIFIED, CUSTOMERS, CHURNED, NURTURE = 61, 62, 63, 64
SETTINGS = {
    "deals_enabled": True, "list_qualified": "61", "list_customers": "62", "list_churned": "63", "list_nurture": "64",
    "activities_enabled": True, "leads_enabled": True,
}  # fmt: skip


@pytest.fixture
def world(install):
    return install(**SETTINGS)


@pytest.fixture
def ada(world):
    person = world.person("Ada Lovelace", email=ADA)
    world.deliver()
    return int(person)


def lists(world):
    return set(world.contact(ADA)["listIds"]) - {world.integration.resources["list_all"]}


def properties(world, name):
    return [row["event_properties"] for row in world.brevo()["events"] if row["event_name"] == name]


def test_a_deals_place_decides_the_list_and_each_move_is_an_event(world, ada):
    stages = sorted(world.sandbox.state.pipedrive.companies["acme"].tables["stage"].rows)
    world.integration.settings[f"stage_{stages[1]}"] = "60"
    world.integration.save()
    deal = world.deal(title="Engine", person_id=ada, value=100, currency="EUR")
    world.deliver()
    assert lists(world) == {QUALIFIED}

    world.change_deal(deal, stage_id=stages[1])
    world.deliver()
    assert lists(world) == {60}
    world.change_deal(deal, status="won")
    world.deliver()

    assert lists(world) == {CUSTOMERS}
    [created] = properties(world, "deal_created")
    first, second = properties(world, "deal_stage_changed")
    assert (created["title"], created["value"], created["currency"]) == ("Engine", 100, "EUR")
    assert (first["previous_stage_id"], first["new_stage_id"]) == (str(stages[0]), str(stages[1]))
    assert first["previous_stage"] != first["new_stage"]
    assert (second["new_place"], second["person_id"], second["deal_id"]) == ("won", str(ada), deal)


def test_a_deal_that_only_changes_its_value_moves_nobody(world, ada):
    deal = world.deal(title="Engine", person_id=ada, value=1, currency="EUR")
    world.deliver()
    world.calls("brevo")

    world.change_deal(deal, value=2)
    world.deliver()

    assert [row["value"] for row in properties(world, "deal_updated")] == [2]
    assert properties(world, "deal_stage_changed") == []


def test_a_person_stays_on_a_list_as_long_as_one_deal_belongs_there(world, ada):
    first = world.deal(title="One", person_id=ada)
    second = world.deal(title="Two", person_id=ada)
    world.deliver()

    world.change_deal(first, status="lost")
    world.deliver()
    assert lists(world) == {QUALIFIED, CHURNED}
    world.change_deal(second, status="won")
    world.deliver()

    assert lists(world) == {CUSTOMERS, CHURNED}


def test_a_deleted_deal_lets_its_list_go(world, ada):
    deal = world.deal(title="One", person_id=ada)
    world.deliver()
    assert lists(world) == {QUALIFIED}
    world.sandbox.control("DELETE", f"/pipedrive/acme/deals/{deal}")

    world.deliver()

    assert lists(world) == set()


def test_a_deletion_that_nobody_reported_is_found_by_the_reconcile(world, ada):
    kept, deal = (world.deal(title=title, person_id=ada) for title in ("One", "Two"))
    world.deliver()
    world.sandbox.control("DELETE", f"/pipedrive/acme/deals/{deal}")
    world.held()  # its webhook is lost

    start_runs(world.integration, "reconcile")
    hub.drain()
    assert lists(world) == {QUALIFIED}, "the other deal keeps her there"

    world.sandbox.control("DELETE", f"/pipedrive/acme/deals/{kept}")
    world.held()
    start_runs(world.integration, "reconcile")
    hub.drain()
    assert lists(world) == set()


def test_a_list_somebody_left_is_not_joined_by_a_deal(world, ada):
    deal = world.deal(title="One", person_id=ada)
    world.deliver()
    world.leave(ADA, list=QUALIFIED)
    world.deliver()
    world.change_deal(deal, status="won")
    world.deliver()

    world.change_deal(deal, status="open")
    world.deliver()

    assert lists(world) == set()
    assert world.contact(ADA)["listUnsubscribed"] == [QUALIFIED]


def test_a_deal_waits_for_its_person(world):
    person = world.person("Ada Lovelace", email=ADA)
    world.deal(title="One", person_id=int(person))
    for delivery in world.held()[::-1]:
        assert world.post(delivery) == 200

    hub.drain()
    world.deliver()

    assert lists(world) == {QUALIFIED}
    assert len(properties(world, "deal_created")) == 1


@pytest.mark.parametrize(("values", "reason"), [({}, "deal_without_person"), ({"person_id": 4}, "contact_missing")])
def test_a_deal_of_nobody_who_is_a_contact_is_skipped(world, values, reason):
    deal = world.deal(title="One", **values)
    world.change(str(values.get("person_id", 4)), emails=[])
    world.deliver()

    assert world.log(flow="deal_to_contact", source_id=deal).reason == reason


def test_a_lost_answer_sends_no_event_twice_and_a_lost_webhook_is_found(world, ada, sandbox):
    failure = {"status": 500, "times": 1, "path_contains": "/events", "method": "POST", "after": True}
    sandbox.control("POST", "/misbehave", {"vendor": "brevo", "fail_next": [failure]})
    deal = world.deal(title="One", person_id=ada)
    world.deliver()
    assert len(properties(world, "deal_created")) == 1

    world.change_deal(deal, status="won")
    world.lose()
    world.poll()

    assert lists(world) == {CUSTOMERS}
    assert len(properties(world, "deal_stage_changed")) == 1


def test_deals_from_before_take_their_place_by_fetch_all_without_events(world):
    world.poll("fetch_all")

    contact = world.contact("ada@example.com")
    assert QUALIFIED in contact["listIds"]
    assert world.events() == []
    assert world.log(flow="deal_to_contact").action == "place_deal"


def test_an_event_without_a_name_is_not_sent(install):
    world = install(**SETTINGS, event_deal_added="", event_person_added="")
    person = world.person("Ada Lovelace", email=ADA)
    world.deal(title="One", person_id=int(person))

    world.deliver()

    assert "deal_created" not in dict(world.events())
    assert "contact_created" not in dict(world.events())
    assert lists(world) == {QUALIFIED}


def test_an_activity_is_an_event_once(world, ada):
    body = {"subject": "Call Ada", "type": "call", "participants": [{"person_id": ada, "primary": True}]}
    world.sandbox.control("POST", "/pipedrive/acme/activities", body)

    world.deliver()
    world.poll()

    [sent] = properties(world, "activity_logged")
    assert (sent["type"], sent["subject"], sent["person_id"]) == ("call", "Call Ada", str(ada))


def test_the_person_of_a_lead_joins_the_nurture_list(world, ada):
    world.sandbox.control("POST", "/pipedrive/acme/leads", {"title": "Maybe", "person_id": int(ada)})

    world.deliver()

    assert lists(world) == {NURTURE}
    assert SyncLog.objects.filter(flow="lead_to_list", action="join_list").exists()
