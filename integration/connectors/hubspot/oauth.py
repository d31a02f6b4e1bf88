"""HubSpot's OAuth: the consent page's address; exchanging, refreshing and inspecting tokens; uninstalling.

Called by the portal (install, sign-in) and by whoever holds a connection's lease (refresh). It keeps nothing: whatever
comes back must be stored before it is used. An access token lives half an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings

from integration.connectors.base import OAuth, Tokens, is_lifetime
from integration.connectors.hubspot import api
from integration.errors import AuthError, ContractError, NotFound
from integration.http import Effect, StatusErrors, Transport
from integration.reasons import Reason

PAGE_HOST = "https://app.hubspot.com"
SANDBOX_PAGE_PATH = "/hubspot-app"
# They must equal the required scopes of the app's own configuration, or the consent page refuses (hubspot sheet §1).
SCOPES = (
    "oauth", "crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
)  # fmt: skip
USERS_SCOPE = "settings.users.read"  # says whether a Super Admin gave the consent
# HubSpot drops silently what it does not grant: app events that it has not approved, users in an app without the scope.
OPTIONAL_SCOPES = ("timeline", USERS_SCOPE)
# A refused code or refresh token is a 400 with `error` (hubspot sheet §1): the app was uninstalled, or access revoked.
_REFUSED = (AuthError, Reason.CREDENTIALS_REFUSED, "no longer grants us access; connect again")
ERRORS: StatusErrors = {400: _REFUSED, 401: _REFUSED, 403: _REFUSED}


def _page_host() -> str:
    return str(settings.SANDBOX_URL).rstrip("/") + SANDBOX_PAGE_PATH if settings.SANDBOX_URL else PAGE_HOST


def base_url() -> str:
    """Where the API is: at the vendor, or in the sandbox where SANDBOX_URL is set."""
    return str(settings.SANDBOX_URL).rstrip("/") + api.SANDBOX_PATH if settings.SANDBOX_URL else api.BASE_URL


OAUTH = OAuth(
    f"{PAGE_HOST}/oauth/authorize", api.BASE_URL + api.TOKEN, f"{api.BASE_URL}{api.TOKEN}/revoke", SCOPES,
    client_auth="client_secret_post",
)  # fmt: skip


def authorize_url(client_id: str, redirect_uri: str, state: str) -> str:
    """Return the address of the consent page. Scopes are separated by %20, the parameter's name is singular."""
    query = {
        "client_id": client_id, "redirect_uri": redirect_uri, "scope": " ".join(SCOPES),
        "optional_scope": " ".join(OPTIONAL_SCOPES), "state": state,
    }  # fmt: skip
    return f"{_page_host()}/oauth/authorize?{urlencode(query, quote_via=quote)}"


def exchange_code(client_id: str, client_secret: str, code: str, redirect_uri: str) -> Tokens:
    """Turn the code of the callback (single use, short-lived) into tokens. Raises AuthError when it is refused."""
    form = {"grant_type": "authorization_code", "redirect_uri": redirect_uri, "code": code}
    return _tokens(_post(client_id, client_secret, "", form, code))


def refresh(client_id: str, client_secret: str, refresh_token: str) -> Tokens:
    """Get a new access token; keep the refresh token that comes back. AuthError: uninstalled, or access revoked."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _tokens(_post(client_id, client_secret, "", form, refresh_token), refresh_token)


def introspect(access_token: str) -> Mapping[str, Any]:
    """Say whose token this is: portal, user, app, scopes. Raises AuthError for one that is no longer good."""
    app = settings.OAUTH_APPS.get("hubspot", {})
    form = {"token": access_token, "token_type_hint": "access_token"}
    found = _post(app.get("client_id", ""), app.get("client_secret", ""), "/introspect", form, access_token)
    if not found.get("active"):
        raise AuthError("HubSpot no longer accepts the access token.")
    if not found.get("hub_id"):
        raise ContractError("HubSpot did not say which account this is.", detail=f"keys: {sorted(found)}")
    return found


def revoke(client_id: str, client_secret: str, refresh_token: str) -> None:
    """Uninstall the app in the portal, then revoke. One that was uninstalled there already is fine."""
    try:
        token = refresh(client_id, client_secret, refresh_token)
        _uninstall(token.access_token)
        _post(client_id, client_secret, "/revoke", {"token": refresh_token}, refresh_token)
    except (AuthError, NotFound):
        return


def _uninstall(access_token: str) -> None:
    headers = {"Authorization": f"Bearer {access_token}"}
    transport = Transport("HubSpot", base_url(), api.POLICY, headers=headers, secrets=(access_token,))
    transport.request("DELETE", api.UNINSTALL, effect=Effect.WRITE)


def _post(client_id: str, client_secret: str, below: str, form: Mapping[str, str], secret: str) -> Mapping[str, Any]:
    """Everything goes in the body, never in the address."""
    transport = Transport(
        "HubSpot", base_url(), api.POLICY, headers={"Accept": "application/json"}, secrets=(client_secret, secret),
        errors=ERRORS, explain=api.explain,
    )  # fmt: skip
    whole = {**form, "client_id": client_id, "client_secret": client_secret}
    body = transport.request("POST", api.TOKEN + below, effect=Effect.SIGN_IN, data=whole).json()
    if not isinstance(body, dict):
        raise ContractError("HubSpot's sign-in answered in an unknown form.", detail=type(body).__name__)
    return body


def _tokens(found: Mapping[str, Any], refresh_token: str = "") -> Tokens:
    token, lifetime = found.get("access_token"), found.get("expires_in")
    if not isinstance(token, str) or not token or not is_lifetime(lifetime):
        raise ContractError("HubSpot's sign-in gave no usable token.", detail=f"keys: {sorted(found)}")
    scopes = found.get("scopes")
    return Tokens(
        access_token=token,
        refresh_token=str(found.get("refresh_token") or refresh_token),
        expires_at=datetime.now(UTC) + timedelta(seconds=lifetime),
        api_domain=base_url(),
        scope=" ".join(map(str, scopes)) if isinstance(scopes, list) else "",
    )
