"""Webhooks: the bearer token, tolerant parsing, and which deliveries are the same event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from integration.connectors.base import ParsedEvent, Subscription, WebhookRequest
from integration.connectors.brevo import webhooks
from integration.connectors.brevo.client import BrevoClient
from tests.support import webhook_cases
from tests.support.client_cases import Stub

from .conftest import FIXTURES, ROOT, api

ALL = sorted((FIXTURES / "webhooks").glob("*.json"))
URL = "https://hub.example/hooks/brevo/x/"


def request(body: bytes = b"", token: str | None = webhook_cases.SECRET, **query: str) -> WebhookRequest:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return WebhookRequest("POST", URL, headers, query, body)


def notice(secret: str | None) -> WebhookRequest:
    """The call at a notify address, which carries the token in its query."""
    return WebhookRequest("POST", URL, {}, {} if secret is None else {webhooks.TOKEN: secret}, b"")


def parsed(name: str, **changes: Any) -> list[ParsedEvent]:
    body = json.loads((FIXTURES / "webhooks" / f"{name}.json").read_bytes())
    return list(webhooks.parse(request(json.dumps(body | changes if changes else body).encode())))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_fixture_is_a_declared_event(path: Path) -> None:
    for event in webhooks.parse(request(path.read_bytes())):
        assert event.vendor_event == path.stem.partition("__")[0]
        assert event.vendor_event in {**webhooks.EVENTS, **webhooks.IGNORED_EVENTS}
        assert json.loads(json.dumps(event.payload)) == event.payload
        assert event.email.endswith("@example.com")


@pytest.mark.parametrize(
    "name",
    ["request", "deferred", "blocked", "unique_opened", "proxy_open", "complaint", "error", "invalid_email",
     "delivered", "opened", "click", "soft_bounce"],
)  # fmt: skip
def test_names_of_transactional_mails_are_known_and_ignored(name: str) -> None:
    [event] = parsed("hardBounce__transactional", event=name)
    assert event.vendor_event in webhooks.IGNORED_EVENTS


def test_times_are_read_from_the_utc_fields_only() -> None:
    [event] = parsed("unsubscribed")
    assert event.occurred_at == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    assert event.payload == {"action": "unsubscribed", "list_id": [60]}
    assert parsed("contactUpdated", ts=None, date="2026-11-20 10:30:00")[0].occurred_at is None


def test_a_bulk_event_and_a_batch_speak_of_many_people() -> None:
    bulk, batch = parsed("contactUpdated__bulk"), parsed("contactUpdated__batched")
    assert [event.email for event in bulk] == [event.email for event in batch] == ["ada@example.com", "eve@example.com"]
    assert {event.payload["api_key_name"] for event in bulk} == {"Lockstep"}
    assert len({event.dedupe_key for event in [*bulk, *batch]}) == 4


def test_deliveries_of_one_event_are_the_same_and_later_ones_are_not() -> None:
    first, again = parsed("contactUpdated")[0], parsed("contactUpdated")[0]
    later, other = parsed("contactUpdated", ts=1795167002)[0], parsed("contactUpdated", content=[{"LASTNAME": "L"}])[0]
    assert first.dedupe_key == again.dedupe_key
    assert len({first.dedupe_key, later.dedupe_key, other.dedupe_key}) == 3


def test_the_end_of_an_import_is_known_by_our_marker_whatever_its_body() -> None:
    url = webhooks.notify_url(URL, webhook_cases.SECRET, "m-1")
    call = WebhookRequest("POST", url, {}, dict(parse_qsl(urlsplit(url).query)), b"anything")

    assert webhooks.verify(call, [webhook_cases.SECRET])
    [event] = webhooks.parse(call)
    assert (event.vendor_event, event.external_id) == ("importFinished", "m-1")


def test_one_webhook_per_event_with_our_token(stub: Stub, client: BrevoClient) -> None:
    stub.will(api("POST_webhooks__201"), 201).will(b"", 404).will(api("GET_webhooks__200"))

    assert webhooks.subscribe(client, "contactUpdated", URL, webhook_cases.SECRET) == "5001"
    assert json.loads(stub.last.body) == {
        "url": URL, "events": ["contactUpdated"], "description": "Lockstep contactUpdated", "batched": False,
        "auth": {"type": "bearer", "token": webhook_cases.SECRET}, "type": "marketing",
    }  # fmt: skip
    webhooks.unsubscribe(client, "5001")
    assert webhooks.list_subscriptions(client) == [Subscription("5001", "contactUpdated", URL)]
    assert (stub.last.path, stub.last.query) == (f"{ROOT}/webhooks", [("type", "marketing")])


@pytest.mark.parametrize(
    ("said", "meant"),
    [("unsubscribe", "unsubscribed"), ("unsubscribed", "unsubscribed"), ("hard_bounce", "hardBounce"),
     ("hard_bounced", "hardBounce"), ("soft_bounce", "softBounce"), ("contact_updated", "contactUpdated"),
     ("contact_deleted", "contactDeleted"), ("list_addition", "listAddition"), ("spam", "spam")],
)  # fmt: skip
def test_both_spellings_of_an_event_are_understood(said: str, meant: str) -> None:
    (event,) = webhooks.parse(request(json.dumps({"event": said, "email": "ada@example.com"}).encode()))
    assert event.vendor_event == meant


def test_events_without_any_time_are_never_taken_for_each_other() -> None:
    untimed = b'{"event": "unsubscribed", "email": "ada@example.com", "camp_id": 3}'
    first, second = (webhooks.parse(request(untimed))[0] for _ in range(2))

    assert first.dedupe_key != second.dedupe_key
    assert first.occurred_at is None
