"""Declare Pipedrive: how to open a client, what it offers, which budgets it has. Found by the registry."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from integration.connectors.base import Account, Connector, Credentials, Identity, Permission, RateWindow
from integration.connectors.pipedrive import fields, oauth, objects, references, webhooks
from integration.connectors.pipedrive.api import POLICY
from integration.connectors.pipedrive.client import PipedriveClient
from integration.http import Instrumentation

# The vendor tells the real numbers in headers; these hold until it does (the smallest plan, pipedrive sheet §13).
WINDOWS = (
    RateWindow("burst", _("Calls in 2 seconds"), 2, 20, every_call=True),
    RateWindow("search", _("Searches in 2 seconds"), 2, 10),
    RateWindow("day", _("Tokens per day"), 24 * 3600, 30_000, reserve=0.2, per_call=10, every_call=True),
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
    """Whether the user is an administrator, whom webhooks need."""
    admin = client.is_admin()
    role = "Make the connected user an administrator in Pipedrive, or connect with one."
    return [] if admin is None else [Permission("administrator", admin, role)]


def includes(granted: frozenset[str]) -> frozenset[str]:
    """The scopes that these allow as well: writing includes reading, and `admin` opens webhooks and fields.

    For webhooks alone either of the two that the vendor names is enough (pipedrive sheet §2).
    """
    enough = granted | {scope.replace(":full", ":read") for scope in granted}
    if granted & {"admin", "webhooks:full"}:
        enough |= {"admin", "webhooks:full"}
    if "admin" in granted:
        enough |= {"contact-fields:full", "deal-fields:full"}
    return enough


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
    objects=objects.OBJECTS,
    field_name=fields.field_name,
    references=references.REFERENCES,
    path_of=fields.path_of,
    rights=rights,
    includes=includes,
    normalise_base_url=normalise_base_url,
)
