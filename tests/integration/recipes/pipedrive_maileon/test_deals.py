"""Deal → contact event, case by case, against the sandbox vendors."""

from __future__ import annotations

import pytest

from integration.engine.sync import replay
from integration.models import RecordLink, SyncJob, SyncLog
from integration.tasks import start_runs
from tests.support import hub
from tests.support.world import World


@pytest.fixture
def world(sandbox, settings, transactional_db):
    settings.PUBLIC_URL = "https://hub.example.com"
    return World.install(sandbox, deals_enabled=True)


@pytest.fixture
def reader(world):
    person_id = world.person("Ada Byron")
    world.deliver()
    return int(person_id)


def sent(world):
    types = {row.id: row.name for row in world.sandbox.state.maileon.accounts[501].types.values()}
    return [(types.get(row.get("type_id"), row.get("type")), row["content"]) for row in world.events_sent()]


def reasons(deal_id):
    return list(SyncLog.objects.filter(flow="deal_to_event", source_id=deal_id).values_list("reason", flat=True))


def actions(deal_id):
    rows = SyncLog.objects.filter(flow="deal_to_event", source_id=deal_id, outcome="synced").order_by("id")
    return list(rows.values_list("action", flat=True))


def test_a_deal_is_added_updated_and_deleted(world, reader):
    deal = world.deal(title="Engine", value=1234.56, currency="EUR", person_id=reader, org_id=1)
    world.deliver()
    world.sandbox.control("PATCH", f"/pipedrive/acme/deals/{deal}", {"status": "won"})
    world.deliver()
    world.sandbox.control("DELETE", f"/pipedrive/acme/deals/{deal}")
    world.deliver()

    assert actions(deal) == ["deal_added", "deal_updated", "deal_deleted"]
    contents = [row["content"] for row in world.events_sent()]
    assert [row["status"] for row in contents] == ["open", "won", "deleted"]
    first = contents[0]
    assert (first["deal_id"], first["value"], first["value_decimal"]) == (int(deal), 1235, 1234.56)
    assert (first["person_name"], first["org_name"]) == ("Ada Byron", "Analytical Engines Ltd")
    assert (first["title"], first["currency"], first["owner_name"]) == ("Engine", "EUR", "Grace Hopper")


def test_the_event_types_have_the_seeds_fields_and_are_made_on_first_use(world, reader):
    account = world.sandbox.state.maileon.accounts[501]
    assert not account.types

    world.deal(title="Engine", person_id=reader)
    world.deliver()

    [kind] = account.types.values()
    attributes = {row["name"]: row["type"] for row in kind.attributes}
    assert kind.name == "pipedrive_deal_added"
    assert attributes["deal_id"] == attributes["value"] == "integer"
    assert (attributes["value_decimal"], attributes["timestamp"]) == ("double", "timestamp")
    assert len(attributes) == 13


def test_a_change_that_changes_nothing_we_send_is_not_sent(world, reader):
    deal = world.deal(title="Engine", person_id=reader)
    world.deliver()

    world.sandbox.control("PATCH", f"/pipedrive/acme/deals/{deal}", {"probability": 40})
    world.deliver()

    assert actions(deal) == ["deal_added"]
    assert "unchanged" in reasons(deal)


def test_a_deal_older_than_the_installation_is_an_update(world, reader):
    [deal] = world.sandbox.control("POST", "/pipedrive/acme/seed", {"deals": [{"title": "Old", "person_id": reader}]})[
        "deals"
    ]
    row = world.sandbox.state.pipedrive.companies["acme"].tables["deal"].rows[deal]
    row["add_time"] = "2025-01-01T00:00:00Z"

    world.sandbox.control("PATCH", f"/pipedrive/acme/deals/{deal}", {"title": "Still old"})
    world.deliver()

    assert actions(str(deal)) == ["deal_updated"]


def test_who_cannot_receive_an_event_is_skipped_with_its_reason(world):
    nobody = world.deal(title="Nobody's")
    silent = world.person("Silent Bob", newsletter=None)
    world.person("Blank", email="")
    not_there = world.deal(title="Silent", person_id=int(silent))

    world.deliver()

    assert reasons(nobody) == ["deal_without_person"]
    assert reasons(not_there) == ["contact_missing"]
    assert world.events_sent() == []


def test_missing_contacts_can_be_created_with_permission_none(sandbox, settings, transactional_db):
    settings.PUBLIC_URL = "https://hub.example.com"
    world = World.install(sandbox, deals_enabled=True, deals_create_contacts=True)
    silent = world.person("Silent Bob", newsletter=None)

    world.deal(title="Silent", person_id=int(silent))
    world.deliver()

    assert world.contacts()["silent.bob@example.com"]["permission"] == 1
    assert len(world.events_sent()) == 1
    assert world.mails() == []


@pytest.mark.chaos("V8")
@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer_doubles_no_event(world, reader, after):
    failure = {"status": 500, "times": 1, "method": "POST", "path_contains": "/transactions", "after": after}
    world.deal(title="Warm up", person_id=reader)
    world.deliver()
    world.sandbox.control(
        "POST", "/misbehave", {"vendor": "maileon", "fail_next": [failure], "webhooks": {"hold": True}}
    )

    deal = world.deal(title="Engine", person_id=reader)
    world.deliver()

    assert [row["content"]["title"] for row in world.events_sent()] == ["Warm up", "Engine"]
    assert actions(deal) == ["deal_added"]
    assert RecordLink.objects.get(link_type="deal", source_id=deal).state == "active"


def test_a_deal_changed_while_its_answer_was_lost_is_sent_as_an_update(world, reader):
    world.deal(title="Warm up", person_id=reader)
    world.deliver()
    failure = {"status": 500, "times": 1, "method": "POST", "path_contains": "/transactions", "after": True}
    world.sandbox.control(
        "POST", "/misbehave", {"vendor": "maileon", "fail_next": [failure], "webhooks": {"hold": True}}
    )
    deal = world.deal(title="Engine", person_id=reader)
    for delivery in world.held():
        world.post(delivery)
    hub.drain(due_now=False)
    assert SyncJob.objects.get(flow="deal_to_event", external_id=deal).state == "waiting"

    world.sandbox.control("PATCH", f"/pipedrive/acme/deals/{deal}", {"title": "Better engine"})
    world.deliver()

    titles = [row["content"]["title"] for row in world.events_sent()]
    assert titles == ["Warm up", "Engine", "Better engine"]


def test_a_deleted_deal_that_was_never_sent_uses_what_its_event_knew(world, reader):
    deal = world.deal(title="Short-lived", person_id=reader)
    world.sandbox.control("DELETE", f"/pipedrive/acme/deals/{deal}")

    world.deliver()

    assert actions(deal) == ["deal_deleted"]
    assert world.events_sent()[0]["content"]["title"] == "Short-lived"


def test_a_deal_missed_by_webhooks_is_found_by_the_poll(world, reader):
    world.deal(title="Engine", person_id=reader)
    world.held()  # lost

    start_runs(world.integration, "poll")
    hub.drain()

    assert [row["content"]["title"] for row in world.events_sent()] == ["Engine"]


def test_a_deal_waits_for_its_person(world):
    person_id = world.person("Ada Byron")
    deal = world.deal(title="Engine", person_id=int(person_id))
    rows = world.held()
    person_events = [row for row in rows if b'"entity": "person"' in row.body(1) or b'"entity":"person"' in row.body(1)]
    deal_events = [row for row in rows if row not in person_events]
    for delivery in deal_events:
        world.post(delivery)
    hub.drain(due_now=False)
    assert SyncJob.objects.get(flow="deal_to_event").reason == "person_announced"

    for delivery in person_events:
        world.post(delivery)
    world.deliver()

    assert actions(deal) == ["deal_added"]


def test_deals_sent_before_a_restore_are_not_sent_again(world, reader):
    deal = world.deal(title="Engine", person_id=reader)
    world.deliver()
    RecordLink.objects.filter(link_type="deal").delete()
    sent_content = dict(world.events_sent()[0]["content"])
    assert sent_content["transaction_id"]

    from integration.recipes.pipedrive_maileon import deal_to_event

    deal_to_event.FRESH = deal_to_event.FRESH * 0
    try:
        replay.resync(world.integration, "deal_to_event", [deal])
        hub.drain()
    finally:
        deal_to_event.FRESH = deal_to_event.timedelta(minutes=10)

    assert len(world.events_sent()) == 1
    assert RecordLink.objects.get(link_type="deal").state == "active"


def test_nobody_who_said_no_becomes_a_contact_through_a_deal(sandbox, settings, transactional_db):
    settings.PUBLIC_URL = "https://hub.example.com"
    world = World.install(sandbox, deals_enabled=True, deals_create_contacts=True)
    person_id = world.person("No Thanks", newsletter="No")

    deal = world.deal(title="Engine", person_id=int(person_id))
    world.deliver()

    assert reasons(deal) == ["contact_missing"]
    assert world.contacts() == {}


def test_the_event_goes_to_the_address_the_contact_has(world):
    person = int(world.person("Ada Byron", email="ada@b\u00fccher.example\u200b"))
    world.deliver()
    deal = world.deal(title="Engine", person_id=person)
    world.deliver()

    assert list(world.contacts()) == ["ada@xn--bcher-kva.example"]
    assert len(world.events_sent()) == 1  # Maileon takes none for an address it does not have
    assert actions(deal) == ["deal_added"]
