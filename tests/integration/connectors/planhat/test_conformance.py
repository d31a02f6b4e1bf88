"""The standard suite for Planhat."""

from __future__ import annotations

from integration.connectors.base import Credentials, WebhookRequest
from integration.connectors.planhat import webhooks
from integration.connectors.planhat.connector import CONNECTOR
from tests.support.conformance.suite import ConnectorSuite
from tests.support.conformance.vendor import Call, Deliveries, Vendor

from .conftest import FIXTURES, TOKEN

URL, EMPTY = "https://hub.example/hooks/planhat/x/", frozenset({b"[]"})


def webhook(name: str, body: bytes, secret: str | None) -> WebhookRequest:
    return WebhookRequest("POST", URL, {}, {} if secret is None else {webhooks.TOKEN: secret}, body)


def in_header(secret: str | None) -> WebhookRequest:
    return WebhookRequest("POST", URL, {} if secret is None else {"X-Lockstep-Secret": secret}, {}, b"")


class TestPlanhat(ConnectorSuite):
    vendor = Vendor(
        connector=CONNECTOR,
        credentials=lambda url: Credentials("api_token", url, {"api_token": TOKEN}),
        secret=TOKEN,
        reads=(
            Call("get_company", lambda client: client.get_company("7"), statuses=frozenset({404, 410})),
            Call("companies_page", lambda client: client.companies_page(), EMPTY),
            Call("list_custom_fields", lambda client: client.list_custom_fields(), EMPTY),
            Call("get_account", lambda client: client.get_account(), EMPTY),
        ),
        writes=(
            Call(
                "upsert",
                lambda client: client.upsert("company", [{"sourceId": "7", "name": "Engines"}]),
                frozenset({b"{}"}),  # no count and no error: nothing had to be changed
            ),
        ),
        deliveries=Deliveries(webhook, FIXTURES / "webhooks", proofs=(in_header,)),
        foreign=("https://planhat.com.evil.example", "http://api.planhat.com"),
    )
