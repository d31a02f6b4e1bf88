"""Declare Pipedrive: how to open a client, what it offers, which budgets it has. Found by the registry."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

from integration.connectors.base import Account, Connector, Credentials, Identity, Permission, RateWindow
from integration.connectors.pipedrive import fields, oauth, references, webhooks
from integration.connectors.pipedrive.api import POLICY
from integration.connectors.pipedrive.client import PipedriveClient
from integration.http import Instrumentation

# The vendor tells the real numbers in headers; these hold until it does (the smallest plan, pipedrive sheet §13).
WINDOWS = (
    RateWindow("burst", "Calls in 2 seconds", 2, 20),
    RateWindow("search", "Searches in 2 seconds", 2, 10),
    RateWindow("day", "Tokens per day", 24 * 3600, 30_000, reserve=0.2),
)


def open_client(credentials: Credentials, wire: Instrumentation) -> PipedriveClient:
    """Build a client; makes no call."""
    return PipedriveClient(credentials, wire)


def check(client: PipedriveClient) -> Account:
    """Prove the credentials and name the company."""
    return client.get_account()


def identify(client: PipedriveClient) -> Identity:
    """Say whose consent opened this client."""
    return client.get_identity()


def rights(client: PipedriveClient) -> list[Permission]:
    """The app's scopes where consent gave them, and whether the user is an administrator, whom webhooks need."""
    admin, granted = client.is_admin(), client.granted_scopes
    role = "Make the connected user an administrator in Pipedrive, or connect with one."
    roles = [] if admin is None else [Permission("administrator", admin, role)]
    fix = "Add them to the app in Pipedrive's Developer Hub, then let the customer connect again."
    # `admin` opens webhooks and fields; for webhooks alone either of the two is enough (pipedrive sheet §2).
    enough = {"admin", "webhooks:full"} if granted & {"admin", "webhooks:full"} else set()
    enough |= {"contact-fields:full"} if "admin" in granted else set()
    scopes = [Permission(scope, scope in granted | enough, fix) for scope in oauth.SCOPES] if granted else []
    return [*roles, *scopes]


def normalise_base_url(typed: str) -> str:
    """Cut what a tenant types (`acme`, `acme.pipedrive.com`, `https://acme.pipedrive.com/v1`) to the company's root.

    Makes no judgement: the host policy refuses whatever does not belong to the vendor.
    """
    text = typed.strip()
    if settings.SANDBOX_URL and text.startswith(f"{settings.SANDBOX_URL.rstrip('/')}/"):
        return "/".join(text.split("/")[:5])  # scheme, "", origin, "pipedrive", company
    if "://" not in text:
        text = f"https://{text}"
    try:
        host = (urlsplit(text).hostname or "").lower()
    except ValueError:
        return typed
    if host and "." not in host:
        host = f"{host}.pipedrive.com"
    return f"https://{host}" if host else typed


CONNECTOR = Connector(
    key="pipedrive",
    label="Pipedrive",
    auth_kinds=("oauth", "api_token"),
    policy=POLICY,
    default_base_url="",
    windows=WINDOWS,
    open=open_client,
    check=check,
    fields=fields.list_fields,
    create_field=fields.create_field,
    webhooks=webhooks,
    oauth=oauth.OAUTH,
    identify=identify,
    read_removal=oauth.read_removal,
    objects=fields.OBJECTS,
    field_name=fields.field_name,
    references=references.REFERENCES,
    path_of=fields.path_of,
    rights=rights,
    normalise_base_url=normalise_base_url,
)
