"""The standard suite for Pipedrive."""

from __future__ import annotations

import base64

from integration.connectors.base import Credentials, WebhookRequest
from integration.connectors.pipedrive import oauth
from integration.connectors.pipedrive.connector import CONNECTOR
from tests.support.conformance.suite import ConnectorSuite
from tests.support.conformance.vendor import Call, Deliveries, Vendor

from .conftest import FIXTURES, TOKEN


def webhook(name: str, body: bytes, secret: str | None) -> WebhookRequest:
    headers = {} if secret is None else {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    return WebhookRequest("POST", "https://hub.example/hooks/pipedrive/x/", headers, {}, body)


class TestPipedrive(ConnectorSuite):
    vendor = Vendor(
        connector=CONNECTOR,
        credentials=lambda url: Credentials("api_token", f"{url}/pipedrive/acme", {"api_token": TOKEN}),
        secret=TOKEN,
        reads=(
            Call("get_person", lambda client: client.get_person("8")),
            Call("persons_page", lambda client: client.persons_page()),
            Call("get_users", lambda client: client.get_users()),
            Call("get_account", lambda client: client.get_account()),
        ),
        writes=(Call("update_person", lambda client: client.update_person("8", {"name": "Ada"})),),
        sign_in=(
            Call("exchange_code", lambda _: oauth.exchange_code("id", "s3cret", "code", "https://hub.example/back/")),
            Call("refresh", lambda _: oauth.refresh("id", "s3cret", "refresh-token")),
        ),
        deliveries=Deliveries(webhook, FIXTURES / "webhooks"),
        foreign=(
            "https://pipedrive.com.evil.example",
            "http://acme.pipedrive.com",
            "https://acme.pipedrive.com@evil.example",
        ),
    )
