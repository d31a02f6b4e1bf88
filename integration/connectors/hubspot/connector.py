"""Declare HubSpot: how to open a client, what it offers, which budgets it has. Found by the registry."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.translation import gettext_lazy as _

from integration.connectors.base import Account, Connector, Credentials, Formatting, Identity, RateWindow
from integration.connectors.hubspot import fields, oauth, objects, webhooks
from integration.connectors.hubspot.api import BASE_URL, POLICY, TIMELINE_VERSION, VERSION
from integration.connectors.hubspot.client import HubSpotClient
from integration.http import Instrumentation
from integration.sunset import Sunset

# A version is unsupported 18 months after it became generally available: 2026-09 on 8 September, 2026-03 on 30 March.
VERSIONING = "https://developers.hubspot.com/docs/developer-tooling/platform/versioning"
SUNSETS = {
    f"API version {VERSION}": Sunset(datetime(2028, 3, 8, tzinfo=UTC), VERSIONING),
    f"API version {TIMELINE_VERSION} (timeline events)": Sunset(datetime(2027, 9, 30, tzinfo=UTC), VERSIONING),
}
# Per portal and app; searches count apart and tell no numbers (hubspot sheet §7).
WINDOWS = (
    RateWindow("burst", _("Calls in 10 seconds"), 10, 110, every_call=True),
    RateWindow("search", _("Searches in a second"), 1, 5),
)
# Addresses are in lower case and phone properties in a form by country (hubspot sheet §3; "standard formatting and
# validation are automatically applied to phone numbers", iv-lead.com, property field types, 2025-09-22).
FORMATTING = Formatting(phone_digits=True, ignores_case=frozenset({"email"}))


def open_client(credentials: Credentials, wire: Instrumentation) -> HubSpotClient:
    """Build a client; makes no call."""
    return HubSpotClient(credentials, wire)


def check(client: HubSpotClient) -> Account:
    """Prove the token and name the portal."""
    return client.get_account()


def identify(client: HubSpotClient) -> Identity:
    """Say whose consent opened this client."""
    return client.get_identity()


CONNECTOR = Connector(
    key="hubspot",
    label="HubSpot",
    auth_kinds=("oauth",),
    policy=POLICY,
    default_base_url=BASE_URL,
    windows=WINDOWS,
    open=open_client,
    check=check,
    fields=fields.list_fields,
    create_field=fields.create_field,
    webhooks=webhooks,
    app_webhooks=True,
    oauth=oauth.OAUTH,
    identify=identify,
    objects=objects.OBJECTS,
    sunsets=SUNSETS,
    formatting=FORMATTING,
)
