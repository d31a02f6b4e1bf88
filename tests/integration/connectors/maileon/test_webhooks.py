"""Webhooks: the token in the URL, the event in the URL, and which deliveries are the same event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from integration.connectors.base import ParsedEvent, Subscription, WebhookRequest
from integration.connectors.maileon import webhooks
from integration.connectors.maileon.client import MaileonClient
from integration.errors import ContractError
from tests.support import webhook_cases
from tests.support.client_cases import Stub

from .conftest import FIXTURES, ROOT, api

ALL = sorted((FIXTURES / "webhooks").glob("*.json"))
URL = "https://hub.example/hooks/maileon/x/"


def request(event: str, body: bytes = b"", token: str | None = webhook_cases.SECRET, **query: str) -> WebhookRequest:
    parameters = {"event": event, **({} if token is None else {"token": token}), **query}
    return WebhookRequest("POST", URL, {}, parameters, body)


def event_of(path: Path) -> str:
    return path.stem.partition("__")[0]


def parsed(name: str, **changes: Any) -> ParsedEvent:
    path = FIXTURES / "webhooks" / f"{name}.json"
    body = json.loads(path.read_bytes()) | changes
    (event,) = webhooks.parse(request(event_of(path), json.dumps(body).encode()))
    return event


def test_an_unsubscription_names_the_person() -> None:
    event = parsed("unsubscription")
    assert (event.vendor_event, event.object_type, event.external_id) == ("unsubscription", "contact", "9001-8")
    assert (event.email, event.account_id, event.occurred_at) == ("ada@example.com", "", None)
    assert event.payload == {
        "action": "unsubscription", "email": "ada@example.com", "external_id": "9001-8", "msg_id": "123",
        "method": "link", "timestamp": "2026-02-01 10:00:00",
    }  # fmt: skip


def test_an_address_alone_is_enough() -> None:
    event = parsed("unsubscription__no_external_id")
    assert (event.external_id, event.email) == ("", "ada+news@example.com")


def test_url_parameters_stand_in_for_a_body() -> None:
    call = request("unsubscription", email="ada news@example.com", eid="9001-8", msg_id="5")
    (event,) = webhooks.parse(call)
    assert (event.email, event.external_id, event.payload["msg_id"]) == ("ada+news@example.com", "9001-8", "5")


def test_a_time_counts_only_when_it_has_a_zone() -> None:
    assert parsed("doi").occurred_at == datetime(2026, 2, 1, 9, tzinfo=UTC)
    assert parsed("unsubscription__epoch").occurred_at == datetime(2026, 2, 1, 9, tzinfo=UTC)
    assert parsed("unsubscription", timestamp="not a time").occurred_at is None
    assert parsed("unsubscription", timestamp="9" * 40).occurred_at is None


def test_repeated_deliveries_collapse_and_later_events_do_not() -> None:
    first = parsed("unsubscription").dedupe_key
    assert parsed("unsubscription").dedupe_key == first
    assert parsed("unsubscription", email="ADA@example.com").dedupe_key == first
    assert parsed("unsubscription", timestamp="2026-03-01 10:00:00").dedupe_key != first
    assert parsed("unsubscription", msg_id=124).dedupe_key != first
    assert parsed("unsubscription", external_id="9001-9").dedupe_key != first


def test_without_a_time_the_minute_of_arrival_tells_them_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        minute_now = 1

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2026, 2, 1, 10, cls.minute_now, 30, tzinfo=tz)

    monkeypatch.setattr(webhooks, "datetime", Clock)
    first, again = (parsed("unsubscription__no_external_id").dedupe_key for _ in range(2))
    Clock.minute_now = 2
    assert first == again != parsed("unsubscription__no_external_id").dedupe_key


def test_a_delivery_without_event_is_refused() -> None:
    with pytest.raises(ContractError):
        webhooks.parse(request("", b'{"email":"ada@example.com"}'))


def test_subscribe_puts_token_and_event_into_the_url(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"<id>1915</id>", 201)
    assert webhooks.subscribe(client, "unsubscription", URL, "s3cret") == "1915"
    assert (stub.last.method, stub.last.path) == ("POST", f"{ROOT}/webhooks")
    nothing = {"standard_contact_field": None, "custom_contact_field": None}
    assert json.loads(stub.last.body) == {
        "url": URL, "event": "unsubscription",
        "urlParams": [
            {"name": "token", "custom_value": "s3cret", **nothing},
            {"name": "event", "custom_value": "unsubscription", **nothing},
        ],
        "standardFields": ["email", "external_id"], "customFields": [],
        "eventFields": ["timestamp", "msg_id", "method"],
    }  # fmt: skip


@pytest.mark.parametrize("answer", [b"", b"{}", b"ok"])
def test_an_answer_without_id_is_looked_up(answer: bytes, stub: Stub, client: MaileonClient) -> None:
    stub.will(answer, 201).will(api("GET_webhooks__200"))
    assert webhooks.subscribe(client, "doi", URL, "s3cret") == "1916"


def test_a_webhook_that_cannot_be_found_is_a_contract_error(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"", 201).will(b"")
    with pytest.raises(ContractError):
        webhooks.subscribe(client, "doi", URL, "s3cret")


def test_webhooks_are_listed_and_deleted(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_webhooks__200")).will(b"", 204).will(b"", 404)
    assert webhooks.list_subscriptions(client) == [
        Subscription("1915", "unsubscription", URL, True), Subscription("1916", "doi", f"{URL}?token=t", True),
    ]  # fmt: skip
    webhooks.unsubscribe(client, "1915")
    webhooks.unsubscribe(client, "1915")
    assert (stub.last.method, stub.last.path) == ("DELETE", f"{ROOT}/webhooks/1915")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}"])
def test_an_account_without_webhooks(body: bytes, stub: Stub, client: MaileonClient) -> None:
    stub.will(body)
    assert webhooks.list_subscriptions(client) == []


def test_webhooks_of_unknown_shape_are_a_contract_error(stub: Stub, client: MaileonClient) -> None:
    stub.will(b'{"webhooks":3}')
    with pytest.raises(ContractError):
        webhooks.list_subscriptions(client)


def test_a_webhook_without_an_id_is_told_from_those_of_others_by_its_address() -> None:
    rows = [
        SimpleNamespace(id="1", event="doi", url="https://hub.example/hooks/maileon/ours/?token=x&event=doi"),
        SimpleNamespace(id="2", event="unsubscription", url="https://hub.example/hooks/maileon/ours/"),
        SimpleNamespace(id="3", event="doi", url="https://hub.example/hooks/maileon/another/"),
        SimpleNamespace(id="4", event="doi", url="https://elsewhere.example/hooks/maileon/ours/"),
    ]
    client: Any = SimpleNamespace(create_webhook=lambda body: "", list_webhooks=lambda: rows)

    assert webhooks.subscribe(client, "doi", "https://hub.example/hooks/maileon/ours/", "secret") == "1"
