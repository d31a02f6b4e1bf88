"""Declare Brevo: how to open a client, what it offers, which budgets it has. Found by the registry."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.connectors.base import Account, Connector, Credentials, Formatting, RateWindow
from integration.connectors.brevo import fields, objects, webhooks
from integration.connectors.brevo.api import BASE_URL, CONTACTS, EVENTS, OTHER, POLICY
from integration.connectors.brevo.client import BrevoClient
from integration.http import Instrumentation

# Three budgets of their own (sheet §3); the vendor tells the numbers of better plans in headers.
WINDOWS = (
    RateWindow(CONTACTS, _("Calls about contacts in a second"), 1, 10),
    RateWindow("contacts_hour", _("Calls about contacts in an hour"), 3600, 36_000, reserve=0.1),
    RateWindow(EVENTS, _("Events in a second"), 1, 10),
    RateWindow("events_hour", _("Events in an hour"), 3600, 36_000, reserve=0.1),
    RateWindow(OTHER, _("All other calls in an hour"), 3600, 100, reserve=0.1),
)
# SMS and the other phone numbers as digits with the country code (brevo sheet §4); addresses in lower case is assumed.
FORMATTING = Formatting(phone_digits=True, ignores_case=frozenset({"email"}))


def open_client(credentials: Credentials, wire: Instrumentation) -> BrevoClient:
    """Build a client; makes no call."""
    return BrevoClient(credentials, wire)


def check(client: BrevoClient) -> Account:
    """Prove the key and name the account."""
    return client.get_account()


CONNECTOR = Connector(
    key="brevo",
    label="Brevo",
    auth_kinds=("api_key",),
    policy=POLICY,
    default_base_url=BASE_URL,
    windows=WINDOWS,
    open=open_client,
    check=check,
    fields=fields.list_fields,
    create_field=fields.create_field,
    name_problem=fields.name_problem,
    field_name=fields.field_name,
    webhooks=webhooks,
    objects=objects.OBJECTS,
    formatting=FORMATTING,
    busy_status=429,  # any other refusal makes the vendor drop the event (sheet §7)
)
