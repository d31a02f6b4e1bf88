"""The standard suite for Brevo."""

from __future__ import annotations

from integration.connectors.base import Credentials, WebhookRequest
from integration.connectors.brevo import webhooks
from integration.connectors.brevo.connector import CONNECTOR
from integration.connectors.brevo.records import Contact
from tests.support.conformance.suite import ConnectorSuite
from tests.support.conformance.vendor import Call, Deliveries, Vendor

from .conftest import FIXTURES, KEY, ROOT

ADA = Contact("ada@example.com", {"FIRSTNAME": "Ada"})
URL = "https://hub.example/hooks/brevo/x/"


def webhook(name: str, body: bytes, secret: str | None) -> WebhookRequest:
    return WebhookRequest("POST", URL, {} if secret is None else {"Authorization": f"Bearer {secret}"}, {}, body)


def notice(secret: str | None) -> WebhookRequest:
    """The call at a notify address, which carries the token in its query."""
    return WebhookRequest("POST", URL, {}, {} if secret is None else {webhooks.TOKEN: secret}, b"")


class TestBrevo(ConnectorSuite):
    vendor = Vendor(
        connector=CONNECTOR,
        credentials=lambda url: Credentials("api_key", f"{url}{ROOT}", {"api_key": KEY}),
        secret=KEY,
        reads=(
            Call("contacts_page", lambda client: client.contacts_page()),
            Call("get_account", lambda client: client.get_account()),
            Call("list_attributes", lambda client: client.list_attributes()),
            Call("find_companies", lambda client: client.find_companies("Engines")),
            Call("get_process", lambda client: client.get_process("78")),
        ),
        writes=(
            Call("upsert_contact", lambda client: client.upsert_contact(ADA), frozenset({b"{}"})),
            Call("import_contacts", lambda client: client.import_contacts([ADA], [60])),
        ),
        deliveries=Deliveries(
            webhook, FIXTURES / "webhooks", elsewhere=frozenset({webhooks.FINISHED}), proofs=(notice,)
        ),
        foreign=("https://api.brevo.com.evil.example/v3", "http://api.brevo.com"),
    )
