"""Declare Maileon: how to open a client and what it offers. Found by the registry."""

from __future__ import annotations

from integration.connectors.base import Account, Connector, Credentials, Formatting, Permission
from integration.connectors.maileon import fields, objects, webhooks
from integration.connectors.maileon.api import BASE_URL, POLICY
from integration.connectors.maileon.client import VERBS, MaileonClient
from integration.http import Instrumentation


def open_client(credentials: Credentials, wire: Instrumentation) -> MaileonClient:
    """Build a client; makes no call."""
    return MaileonClient(credentials, wire)


def check(client: MaileonClient) -> Account:
    """Prove the key with all four verbs and name the account."""
    client.check_key()
    return client.get_account()


def rights(client: MaileonClient) -> list[Permission]:
    """The verbs of the key."""
    fix = "Allow them for this key in Maileon under Settings, API Keys."
    return [Permission(verb, client.may(verb), fix) for verb in VERBS]


CONNECTOR = Connector(
    key="maileon",
    label="Maileon",
    auth_kinds=("api_key",),
    policy=POLICY,
    default_base_url=BASE_URL,
    windows=(),  # no limit is documented and no header tells one (maileon sheet §1)
    open=open_client,
    check=check,
    fields=fields.list_fields,
    create_field=fields.create_field,
    name_problem=fields.name_problem,
    field_name=fields.field_name,
    webhooks=webhooks,
    most_bytes=256 * 1024,  # one flat object with chosen fields (sheet §6)
    webhook_addresses=webhooks.addresses,
    objects=objects.OBJECTS,
    formatting=Formatting(longest=fields.LIMITS["contact"]),  # our client cuts what Maileon would refuse (sheet §10.12)
    rights=rights,
)
