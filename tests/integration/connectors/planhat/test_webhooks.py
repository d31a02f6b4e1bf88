"""Calls of a tenant's automation: the secret in address or header, tolerant parsing, what counts as the same event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from integration.connectors.base import ParsedEvent, WebhookRequest
from integration.connectors.planhat import webhooks
from tests.support import webhook_cases

from .conftest import FIXTURES

ALL = sorted((FIXTURES / "webhooks").glob("*.json"))
URL = "https://hub.example/hooks/planhat/x/"


def in_address(secret: str | None, body: bytes = b"") -> WebhookRequest:
    return WebhookRequest("POST", URL, {}, {} if secret is None else {webhooks.TOKEN: secret}, body)


def in_header(secret: str | None) -> WebhookRequest:
    headers = {} if secret is None else {"X-Lockstep-Secret": secret}
    return WebhookRequest("POST", URL, headers, {}, b"")


def parsed(**body: Any) -> ParsedEvent:
    [event] = webhooks.parse(in_address(webhook_cases.SECRET, json.dumps(body).encode()))
    return event


def test_a_template_needs_an_id_only_and_may_name_it_its_way() -> None:
    assert parsed(_id="65a").external_id == parsed(id="65a").external_id == parsed(companyId="65a").external_id == "65a"
    assert parsed(_id="65a").vendor_event == parsed(_id="65a", model="COMPANY").vendor_event == "company.changed"
    assert parsed(_id="65a", model="Ticket").vendor_event == "ticket.changed"


def test_deliveries_are_the_same_only_if_the_template_tells_the_time() -> None:
    stamp = "2026-11-20T09:30:00.000Z"
    first = parsed(_id="65a", updatedAt=stamp)
    assert first.dedupe_key == parsed(_id="65a", updatedAt=stamp).dedupe_key
    assert first.occurred_at == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    assert first.dedupe_key != parsed(_id="65a", updatedAt="2026-11-20T09:31:00.000Z").dedupe_key
    assert parsed(_id="65a").dedupe_key != parsed(_id="65a").dedupe_key


def test_the_address_to_paste_carries_the_secret() -> None:
    [address] = webhooks.addresses(URL, webhook_cases.SECRET).values()
    query = dict(parse_qsl(urlsplit(address).query))
    assert address.startswith(URL)
    assert webhooks.verify(WebhookRequest("POST", address, {}, query, b""), [webhook_cases.SECRET])
