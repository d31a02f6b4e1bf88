"""HubSpot's webhooks: arrays of any portals, two signatures, retries that count up, and our own writes coming back."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from sandbox.hubspot.seed import APP_ID, CLIENT_ID, CLIENT_SECRET, PORTAL_ID

CONTACTS = "/crm/objects/2026-09/contacts"


@pytest.fixture
def heard(sandbox, hubspot, receiver):
    """All events the app was sent so far."""
    sandbox.control("POST", "/hubspot/apps", {"client_id": CLIENT_ID, "target_url": f"{receiver.url}/hooks"})

    def all_events():
        sandbox.wait_until_delivered()
        return [event for body in receiver.bodies() for event in body]

    return all_events


def kinds(events):
    return sorted(f"{event['subscriptionType']} {event.get('propertyName', '')}".strip() for event in events)


def test_a_save_tells_of_the_creation_and_of_each_subscribed_property(sandbox, heard, receiver):
    values = {"email": "ada@example.com", "firstname": "Ada", "website": "https://example.com"}
    contact = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/contacts", values)
    events = heard()
    assert kinds(events) == [
        "contact.creation", "contact.propertyChange email", "contact.propertyChange firstname",
        "contact.propertyChange lifecyclestage",
    ]  # fmt: skip
    assert len(receiver.got) == 1
    [creation] = [event for event in events if event["subscriptionType"] == "contact.creation"]
    assert creation["changeFlag"] == "CREATED"
    assert creation["changeSource"] == "CRM_UI"
    assert (creation["objectId"], creation["portalId"]) == (int(contact["id"]), PORTAL_ID)
    assert creation["attemptNumber"] == 0


def test_our_own_write_comes_back_under_the_apps_id(heard, hubspot):
    hubspot("POST", CONTACTS, json={"properties": {"email": "ada@example.com"}})
    events = heard()
    assert {(event["changeSource"], event["sourceId"]) for event in events} == {("INTEGRATION", str(APP_ID))}


def test_both_signatures_are_those_of_the_documents(sandbox, heard, receiver):
    sandbox.control("POST", f"/hubspot/{PORTAL_ID}/contacts", {"email": "ada@example.com"})
    heard()
    [call] = receiver.got
    headers = {name.lower(): value for name, value in call["headers"].items()}
    assert headers["x-hubspot-signature"] == hashlib.sha256(CLIENT_SECRET.encode() + call["raw"]).hexdigest()
    message = f"POST{receiver.url}/hooks".encode() + call["raw"] + headers["x-hubspot-request-timestamp"].encode()
    digest = hmac.new(CLIENT_SECRET.encode(), message, hashlib.sha256).digest()
    assert headers["x-hubspot-signature-v3"] == base64.b64encode(digest).decode()


def test_retries_count_up_and_an_unchanged_value_tells_nothing(sandbox, heard, receiver):
    receiver.statuses = [500, 404]
    contact = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/contacts", {"email": "ada@example.com"})
    heard()
    for seconds in (2, 4):
        sandbox.control("POST", "/time", {"advance_seconds": seconds})
        sandbox.wait_until_delivered()
    assert [body[0]["attemptNumber"] for body in receiver.bodies()] == [0, 1, 2]
    assert len({body[0]["eventId"] for body in receiver.bodies()}) == 1
    sandbox.control("PATCH", f"/hubspot/{PORTAL_ID}/contacts/{contact['id']}", {"email": "ada@example.com"})
    assert len(receiver.bodies()) == 3


def test_portals_meet_in_one_array_of_a_hundred(sandbox, heard, receiver):
    other = sandbox.control("POST", "/hubspot/portals", {"name": "Other Ltd"})["portal_id"]
    sandbox.control("POST", f"/hubspot/{other}/install", {"client_id": CLIENT_ID})
    sandbox.control("POST", "/hubspot/apps", {"client_id": CLIENT_ID, "gather": True})
    for n in range(40):
        sandbox.control("POST", f"/hubspot/{(PORTAL_ID, other)[n % 2]}/contacts", {"email": f"p{n}@example.com"})
    assert sandbox.control("POST", "/hubspot/flush")["requests"] == 2
    events = heard()
    assert sorted(map(len, receiver.bodies())) == [20, 100]
    assert {event["portalId"] for event in receiver.bodies()[0]} == {PORTAL_ID, other}
    assert len(events) == 120


def test_deletion_restoring_merge_and_privacy(sandbox, heard, receiver):
    ids = [
        sandbox.control("POST", f"/hubspot/{PORTAL_ID}/contacts", {"email": f"p{n}@example.com"})["id"]
        for n in range(3)
    ]
    heard()
    receiver.got.clear()
    below = f"/hubspot/{PORTAL_ID}/contacts"
    sandbox.control("DELETE", f"{below}/{ids[0]}")
    sandbox.control("POST", f"{below}/{ids[0]}/restore")
    survivor = sandbox.control("POST", f"{below}/{ids[1]}/merge", {"into": int(ids[0])})
    sandbox.control("POST", f"{below}/{ids[2]}/forget")
    events = heard()
    assert kinds(events) == [
        "contact.deletion", "contact.deletion", "contact.deletion", "contact.merge", "contact.privacyDeletion",
        "contact.restore",
    ]  # fmt: skip
    [merge] = [event for event in events if event["subscriptionType"] == "contact.merge"]
    assert (merge["primaryObjectId"], merge["mergedObjectIds"]) == (int(ids[0]), [int(ids[1])])
    assert merge["newObjectId"] == int(survivor["id"])


def test_a_portal_without_the_app_tells_nothing(sandbox, heard):
    other = sandbox.control("POST", "/hubspot/portals", {"name": "Other Ltd"})["portal_id"]
    sandbox.control("POST", f"/hubspot/{other}/contacts", {"email": "ada@example.com"})
    assert heard() == []


def test_webhooks_misbehave_on_demand(sandbox, heard, receiver):
    sandbox.control("POST", "/misbehave", {"vendor": "hubspot", "webhooks": {"duplicate_rate": 1.0}})
    sandbox.control("POST", f"/hubspot/{PORTAL_ID}/contacts", {"email": "ada@example.com"})
    sandbox.wait_until_delivered()
    assert len(receiver.got) == 2
    assert receiver.got[0]["raw"] == receiver.got[1]["raw"]
