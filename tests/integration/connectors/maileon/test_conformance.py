"""The standard suite for Maileon."""

from __future__ import annotations

from integration.connectors.base import Credentials, WebhookRequest
from integration.connectors.maileon.connector import CONNECTOR
from integration.connectors.maileon.records import Contact
from tests.support.conformance.suite import ConnectorSuite
from tests.support.conformance.vendor import ANYTHING, Call, Deliveries, Vendor

from .conftest import FIXTURES, KEY, ROOT

ADA = Contact("ada@example.com", "9001-8", {"FIRSTNAME": "Ada"})


def webhook(name: str, body: bytes, secret: str | None) -> WebhookRequest:
    query = {"event": name.partition("__")[0], **({} if secret is None else {"token": secret})}
    return WebhookRequest("POST", "https://hub.example/hooks/maileon/x/", {}, query, body)


class TestMaileon(ConnectorSuite):
    vendor = Vendor(
        connector=CONNECTOR,
        credentials=lambda url: Credentials("api_key", f"{url}{ROOT}", {"api_key": KEY}),
        secret=KEY,
        reads=(
            Call("find_contact", lambda client: client.find_contact("ada@example.com"), statuses=frozenset({404, 410})),
            Call("contacts_page", lambda client: client.contacts_page()),
            Call("get_account", lambda client: client.get_account()),
        ),
        writes=(
            Call("update_contact", lambda client: client.update_contact("ada@example.com", ADA), ANYTHING),
            Call("synchronize_contacts", lambda client: client.synchronize_contacts([ADA])),
        ),
        deliveries=Deliveries(webhook, FIXTURES / "webhooks"),
        foreign=("https://api.maileon.com.evil.example", "http://api.maileon.com"),
    )
