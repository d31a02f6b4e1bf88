"""What a burst and a flood cost at the vendors: the number of calls, counted at the sandbox."""

from __future__ import annotations

import random

import pytest

from integration.engine.dispatch import wakeups
from integration.engine.dispatch.jobs import save_jobs
from integration.engine.sync import router
from integration.models import SyncJob, SyncLog, WebhookEvent
from integration.recipes.registry import get_recipe
from tests.support import hub

from .conftest import confirmed

pytestmark = pytest.mark.usefixtures("full_slices")

PORTAL = 62515001
VENDORS = ("hubspot", "maileon")
TWELVE = {
    "email": "ada@example.com", "firstname": "Ada", "lastname": "Byron", "salutation": "Ms", "jobtitle": "Analyst",
    "company": "Engines", "address": "Street 1", "city": "Wien", "state": "Wien", "zip": "1010", "country": "Austria",
    "gender": "female",
}  # fmt: skip


def save_with_twelve_properties(world):
    """One save of a person, told in requests of three events each, in no order and some twice."""
    client_id = next(iter(world.sandbox.state.hubspot.apps))
    wish = {"client_id": client_id, "events_per_request": 3}
    world.sandbox.control("POST", "/hubspot/apps", wish)
    world.sandbox.control("POST", f"/hubspot/{PORTAL}/contacts", TWELVE)
    requests = world.held()
    random.Random(7).shuffle(requests)
    return [*requests, requests[0], requests[2]]


def test_one_save_of_thirteen_events_is_one_call_to_maileon(made):
    world = made(doi_enabled=False, permission="2")
    requests = save_with_twelve_properties(world)
    assert len(requests) == 5 + 2

    for request in requests:  # a worker looks after each of them, as busy ones do
        assert world.post(request) == 200
        router.route_new_events(get_recipe)
    hub.drain()

    kinds = WebhookEvent.objects.values_list("vendor_event", flat=True)
    assert sorted(set(kinds)) == ["contact.creation", "contact.propertyChange"]
    assert len(kinds) == 1 + 12 + 1  # and the stage HubSpot itself gave
    assert world.calls("maileon") == ["POST /maileon/1.0/contacts"]
    assert SyncJob.objects.get().attempts == 1
    assert world.contacts()["ada@example.com"]["permission"] == 2


def test_one_save_sends_one_opt_in_mail_and_writes_once(world):
    for request in save_with_twelve_properties(world):
        assert world.post(request) == 200
        hub.drain()

    calls = world.calls("maileon")
    assert [call for call in calls if not call.startswith("GET")] == [
        "POST /maileon/1.0/contacts/email/ada%40example.com"
    ]
    assert world.mails() == ["ada@example.com"]


def test_a_hundred_events_of_a_hundred_contacts_are_two_calls(made):
    world = made(doi_enabled=False, permission="2")
    client_id = next(iter(world.sandbox.state.hubspot.apps))
    only = [{"subscriptionType": "contact.creation"}]
    world.sandbox.control("POST", "/hubspot/apps", {"client_id": client_id, "gather": True, "subscriptions": only})
    for n in range(100):
        world.contact(f"Person Number{n}")
    assert world.sandbox.control("POST", "/hubspot/flush") == {"requests": 1}
    [request] = world.held()

    assert world.post(request) == 200
    assert WebhookEvent.objects.count() == 100
    hub.drain()

    assert len(world.contacts()) == 100
    calls = {vendor: [row for row in world.sandbox.control("GET", f"/calls?vendor={vendor}")] for vendor in VENDORS}
    assert [row["path"] for row in calls["hubspot"]] == ["/hubspot/crm/objects/2026-09/contacts/batch/read"]
    assert [row["path"] for row in calls["maileon"]] == ["/maileon/1.0/contacts"]


def test_an_unchanged_second_look_writes_nothing(made):
    world = made(doi_enabled=False, permission="2")
    ids = [world.contact(f"Person Number{n}") for n in range(20)]
    world.deliver()
    world.calls("maileon")
    ours = {"integration": world.integration, "flow": "contact_to_contact"}
    save_jobs([SyncJob(**ours, external_id=key) for key in ids])  # as after an event; a person would be believed
    wakeups.wake(str(world.integration.pk))
    hub.drain()

    assert world.calls("maileon") == []
    assert SyncLog.objects.filter(reason="unchanged").count() == 20


def test_many_opt_outs_are_written_in_batches(world):
    people = [confirmed(world, f"Person Number{chr(97 + n)}") for n in range(12)]
    for _, email in people:
        world.leave(email)
    for delivery in world.held():
        assert world.post(delivery) == 200
    world.calls("hubspot")
    hub.drain()

    calls = world.calls("hubspot")
    assert len([call for call in calls if call.endswith("/batch/update")]) == 1
    assert len([call for call in calls if call.endswith("/notes")]) == 12
    assert {world.shown(key, "maileon_subscribe")[0] for key, _ in people} == {"false"}
