"""Declare Planhat: how to open a client, what it offers, its quota. Found by the registry."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.connectors.base import Account, Connector, Credentials, RateWindow
from integration.connectors.planhat import fields, objects, webhooks
from integration.connectors.planhat.api import MINUTE, POLICY, normalise_base_url
from integration.connectors.planhat.client import PlanhatClient
from integration.http import Instrumentation

# A soft quota; beside it 150 calls a second, which one runner at a time never reaches (planhat sheet §2).
WINDOWS = (RateWindow(MINUTE, _("Calls in a minute"), 60, 200, reserve=0.1, every_call=True),)


def open_client(credentials: Credentials, wire: Instrumentation) -> PlanhatClient:
    """Build a client; makes no call."""
    return PlanhatClient(credentials, wire)


def check(client: PlanhatClient) -> Account:
    """Prove the token and name the account."""
    return client.get_account()


CONNECTOR = Connector(
    key="planhat",
    label="Planhat",
    auth_kinds=("api_token",),
    policy=POLICY,
    default_base_url="",
    windows=WINDOWS,
    open=open_client,
    check=check,
    fields=fields.list_fields,
    create_field=fields.create_field,
    name_problem=fields.name_problem,
    field_name=fields.field_name,
    webhooks=webhooks,
    most_bytes=512 * 1024,  # one object of the tenant's own template (sheet §6)
    webhook_addresses=webhooks.addresses,
    objects=objects.OBJECTS,
    one_writer=True,
    normalise_base_url=normalise_base_url,
)
