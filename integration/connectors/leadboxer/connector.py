"""Declare LeadBoxer: how to open a client and what it offers. It calls nobody, so it is polled (sheet §2)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.connectors.base import Account, Connector, Credentials
from integration.connectors.leadboxer import fields, objects
from integration.connectors.leadboxer.api import BASE_URL, POLICY, WINDOWS
from integration.connectors.leadboxer.client import LeadBoxerClient
from integration.http import Instrumentation


def open_client(credentials: Credentials, wire: Instrumentation) -> LeadBoxerClient:
    """Build a client; makes no call."""
    return LeadBoxerClient(credentials, wire)


def check(client: LeadBoxerClient) -> Account:
    """Prove the key and name the account."""
    return client.get_account()


CONNECTOR = Connector(
    key="leadboxer",
    label="LeadBoxer",
    auth_kinds=("api_key",),
    asks={"email": _("Email address you log in to LeadBoxer with")},
    policy=POLICY,
    default_base_url=BASE_URL,
    windows=WINDOWS,
    open=open_client,
    check=check,
    fields=fields.list_fields,
    create_field=fields.create_field,
    objects=objects.OBJECTS,
    open_fields=True,  # properties the customer names itself; the list knows those of the newest leads
)
