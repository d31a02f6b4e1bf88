"""The standard suite for HubSpot."""

from __future__ import annotations

import time

from integration.connectors.base import Credentials, WebhookRequest
from integration.connectors.hubspot import oauth, webhooks
from integration.connectors.hubspot.connector import CONNECTOR
from tests.support.conformance.suite import ConnectorSuite
from tests.support.conformance.vendor import Call, Deliveries, Vendor

from .conftest import FIXTURES, TOKEN

URL = "https://hub.example/hooks/hubspot/"


def webhook(name: str, body: bytes, secret: str | None) -> WebhookRequest:
    """A call signed with the app's secret, as version 3 of the signature asks."""
    bare = WebhookRequest("POST", URL, {}, {}, body)
    if secret is None:
        return bare
    stamp = str(int(time.time() * 1000))
    signature = webhooks.signature_v3(bare, secret, stamp)
    headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}
    return WebhookRequest("POST", URL, headers, {}, body)


class TestHubSpot(ConnectorSuite):
    vendor = Vendor(
        connector=CONNECTOR,
        credentials=lambda url: Credentials("oauth", f"{url}/hubspot", {"access_token": TOKEN}),
        secret=TOKEN,
        reads=(
            Call("get_contact", lambda client: client.get_contact("512", [])),
            Call("get_contacts", lambda client: client.get_contacts(["512"], [])),
            Call("contacts_page", lambda client: client.contacts_page(None, [])),
            Call("list_properties", lambda client: client.list_properties()),
        ),
        writes=(
            Call("update_contact", lambda client: client.update_contact("512", {"firstname": "Ada"})),
            Call("update_contacts", lambda client: client.update_contacts({"512": {"firstname": "Ada"}})),
        ),
        sign_in=(
            Call("exchange_code", lambda _: oauth.exchange_code("id", "s3cret", "code", "https://hub.example/back/")),
            Call("refresh", lambda _: oauth.refresh("id", "s3cret", "refresh-token")),
        ),
        deliveries=Deliveries(webhook, FIXTURES / "webhooks"),
        foreign=("https://api.hubapi.com.evil.example", "http://api.hubapi.com"),
    )
