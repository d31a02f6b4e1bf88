"""The client against the stand-in: what one promises the other keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.connectors.base import Credentials, WebhookRequest
from integration.connectors.hubspot import crm, oauth, timeline, webhooks
from integration.connectors.hubspot.client import HubSpotClient
from integration.connectors.hubspot.connector import CONNECTOR
from integration.connectors.registry import get_connector
from integration.errors import AuthError
from sandbox.hubspot.seed import CLIENT_ID, CLIENT_SECRET, PORTAL_ID, USER_ID
from sandbox.thread import SandboxThread


@pytest.fixture
def tokens(sandbox: SandboxThread, settings: Any) -> Any:
    settings.OAUTH_APPS = {"hubspot": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}}
    return sandbox.control("POST", f"/hubspot/{PORTAL_ID}/install", {"client_id": CLIENT_ID})


@pytest.fixture
def hubspot(tokens: Any) -> HubSpotClient:
    credentials = Credentials("oauth", oauth.base_url(), {"access_token": tokens["access_token"]})
    return HubSpotClient(credentials)


def test_the_registry_finds_it_and_it_makes_no_webhooks() -> None:
    assert get_connector("hubspot") is CONNECTOR
    assert CONNECTOR.subscriptions is None


def test_account_and_identity(hubspot: HubSpotClient) -> None:
    identity = hubspot.get_identity()
    assert identity.account.external_id == str(PORTAL_ID)
    assert (identity.user_id, identity.email) == (str(USER_ID), "grace@acme.example")
    assert CONNECTOR.check(hubspot).name == "acme.example"


def test_a_refresh_works_until_the_app_is_uninstalled(sandbox: SandboxThread, tokens: Any) -> None:
    fresh = oauth.refresh(CLIENT_ID, CLIENT_SECRET, tokens["refresh_token"])
    assert fresh.access_token
    oauth.revoke(CLIENT_ID, CLIENT_SECRET, fresh.refresh_token)
    with pytest.raises(AuthError):
        oauth.refresh(CLIENT_ID, CLIENT_SECRET, fresh.refresh_token)
    assert sandbox.control("GET", "/hubspot/portals")[0]["installed"] == []


def test_a_contact_is_created_found_changed_and_archived(hubspot: HubSpotClient) -> None:
    made = hubspot.create_contact({"email": "ada@example.com", "firstname": "Ada"})
    same = hubspot.create_contact({"email": "ADA@example.com", "city": "Wien"})
    assert same.id == made.id
    [found] = hubspot.get_contacts([made.id, "999"], ["city", "firstname", "no_such_property"])
    assert (found.properties["city"], found.properties["firstname"]) == ("Wien", "Ada")
    assert "no_such_property" not in found.properties
    hubspot.update_contacts({made.id: {"city": None}})
    assert hubspot.get_contact(made.id, ["city"]).properties["city"] is None
    crm.archive(hubspot, "contacts", made.id)
    assert hubspot.get_contacts([made.id], []) == []


def test_a_merge_leads_to_the_survivor(sandbox: SandboxThread, hubspot: HubSpotClient) -> None:
    ada, bob = (hubspot.create_contact({"email": f"{name}@example.com"}).id for name in ("ada", "bob"))
    below = f"/hubspot/{PORTAL_ID}/contacts"
    survivor = sandbox.control("POST", f"{below}/{bob}/merge", {"into": int(ada)})["id"]
    assert hubspot.get_contact(bob, []).id == survivor
    written = hubspot.update_contacts({ada: {"city": "Wien"}})
    assert written.records[ada].id == survivor
    [found] = hubspot.find_contacts(["bob@example.com"], ["hs_additional_emails"])
    assert found.emails == ("ada@example.com", "bob@example.com")


def test_a_walk_over_changes_meets_everybody(sandbox: SandboxThread, hubspot: HubSpotClient) -> None:
    ids = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/seed", {"count": 430})["ids"]
    since, cursor, seen = datetime.now(UTC) - timedelta(minutes=5), None, []
    while True:
        page = hubspot.changed_ids_page(since, cursor)
        seen += page.records
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ids
    assert hubspot.count_contacts() == 430


def test_notes_are_found_again(hubspot: HubSpotClient) -> None:
    contact = hubspot.create_contact({"email": "ada@example.com"})
    entry = timeline.Entry("maileon_confirmed", "key-1", datetime.now(UTC), "Confirmed")
    for again in (False, True, True):
        timeline.of(hubspot).add(contact.id, entry, again=again)
    assert len(hubspot.get_notes(contact.id)) == 1


def test_a_delivery_of_the_sandbox_proves_itself_and_parses(sandbox: SandboxThread, hubspot: HubSpotClient) -> None:
    sandbox.control("POST", "/misbehave", {"vendor": "hubspot", "webhooks": {"hold": True}})
    hubspot.create_contact({"email": "ada@example.com"})
    [delivery] = sandbox.state.courier.held
    body = delivery.body(1)
    call = WebhookRequest("POST", delivery.url, delivery.signed(body), {}, body)
    assert webhooks.verify(call, [CLIENT_SECRET])
    events = webhooks.parse(call)
    assert {event.account_id for event in events} == {str(PORTAL_ID)}
    assert all(event.payload["own"] for event in events)
