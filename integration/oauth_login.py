"""A vendor's consent page and what comes back from it: tokens, and who gave them. Stores nothing."""

from __future__ import annotations

from django.conf import settings

from integration.connectors.base import Connector, Credentials, Identity, Tokens
from integration.connectors.registry import CONNECTORS, get_connector
from integration.engine.clients import tokens
from integration.errors import ContractError
from integration.http import Instrumentation


def login_vendors() -> list[Connector]:
    """The vendors people can sign in with: those with OAuth for which this hub has an app."""
    return [connector for key in CONNECTORS if is_configured(key) and (connector := get_connector(key))]


def speaks_oauth(vendor: str) -> bool:
    """Whether this is a vendor with a consent page, configured or not."""
    return vendor in CONNECTORS and get_connector(vendor).identify is not None


def is_configured(vendor: str) -> bool:
    """Whether people can sign in with this vendor here."""
    app = settings.OAUTH_APPS.get(vendor, {})
    return speaks_oauth(vendor) and bool(app.get("client_id") and app.get("client_secret"))


def page_address(vendor: str, redirect_uri: str, state: str) -> str:
    """The address of the vendor's consent page."""
    client_id, _ = tokens.app_at(vendor)
    return tokens.oauth_of(vendor).authorize_url(client_id, redirect_uri, state)


def exchange_code(vendor: str, code: str, redirect_uri: str) -> tuple[Tokens, Identity]:
    """Turn a code into tokens and ask the vendor whose they are. Raises IntegrationErrors."""
    client_id, client_secret = tokens.app_at(vendor)
    token = tokens.oauth_of(vendor).exchange_code(client_id, client_secret, code, redirect_uri)
    connector = get_connector(vendor)
    values = {"access_token": token.access_token}
    client = connector.open(Credentials("oauth", token.api_domain, values), Instrumentation())
    assert connector.identify is not None
    identity = connector.identify(client)
    if not identity.account.external_id or not identity.user_id:
        raise ContractError(f"{connector.label} did not say who this is.", detail="identify")
    return token, identity
