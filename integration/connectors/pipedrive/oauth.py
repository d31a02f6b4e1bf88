"""Pipedrive's OAuth: where the consent page is, and exchanging, refreshing and revoking tokens.

Called by the portal (install) and by whoever holds a connection's lease (refresh). It keeps nothing: whatever comes
back must be stored before it is used. Each user of each company installs separately.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.integrations.base_client.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from django.conf import settings

from config.json_value import parse_json
from integration import guard
from integration.connectors.base import OAuth, Removal, Tokens, WebhookRequest, is_lifetime
from integration.connectors.pipedrive.api import POLICY
from integration.errors import AuthError, ContractError, RateLimited, TenantActionError, TransientError
from integration.guarded_session import CONNECT_TIMEOUT, NO_ANSWER, READ_TIMEOUT, guarded
from integration.http import retry_after
from integration.reasons import Reason
from integration.redact import redact_text

HOST = "https://oauth.pipedrive.com"
SANDBOX_PATH = "/pipedrive-oauth"
# Set in the vendor's Developer Hub, not by a query parameter; named here for docs and checks. For webhooks the
# specification asks for `admin`, the guide for `webhooks:full`: ask for both (pipedrive sheet §2).
SCOPES = (
    "base", "contacts:full", "contact-fields:full", "deals:full", "deal-fields:full", "leads:full", "activities:full",
    "users:read", "search:read", "webhooks:full", "admin",
)  # fmt: skip
EXPIRY_MARGIN = timedelta(minutes=2)  # a token this close to its end is treated as expired


def _declare(host: str) -> OAuth:
    return OAuth(f"{host}/oauth/authorize", f"{host}/oauth/token", f"{host}/oauth/revoke", SCOPES)


OAUTH = _declare(HOST)


def declaration() -> OAuth:
    """Return the endpoints in use: the vendor's, or the sandbox's where SANDBOX_URL is set."""
    return _declare(settings.SANDBOX_URL.rstrip("/") + SANDBOX_PATH) if settings.SANDBOX_URL else OAUTH


def authorize_url(client_id: str, redirect_uri: str, state: str) -> str:
    """Return the address of the consent page."""
    query = {"client_id": client_id, "redirect_uri": redirect_uri, "state": state}
    return f"{declaration().authorize_url}?{urlencode(query)}"


def exchange_code(client_id: str, client_secret: str, code: str, redirect_uri: str) -> Tokens:
    """Turn the code of the callback (5 minutes, single use) into tokens. Raises AuthError when it is refused."""
    url = _checked_url(declaration().token_url)
    with _session(client_id, client_secret) as session:
        token = _guard(
            lambda: session.fetch_token(
                url, grant_type="authorization_code", code=code, redirect_uri=redirect_uri, allow_redirects=False
            ),
            (client_secret, code),
        )
    return _tokens(token)


def refresh(client_id: str, client_secret: str, refresh_token: str) -> Tokens:
    """Get a new access token. The refresh token usually stays the same, but store what comes back (sheet §2)."""
    url = _checked_url(declaration().token_url)
    with _session(client_id, client_secret) as session:
        token = _guard(
            lambda: session.refresh_token(url, refresh_token=refresh_token, allow_redirects=False),
            (client_secret, refresh_token),
        )
    return _tokens(token, refresh_token)


def revoke(client_id: str, client_secret: str, refresh_token: str) -> None:
    """Uninstall the app for this user: revoking the refresh token ends everything. An unknown one is fine."""
    url = _checked_url(declaration().revoke_url)
    form = {"token": refresh_token, "token_type_hint": "refresh_token"}
    with _session(client_id, client_secret) as session:
        _guard(
            lambda: _accepted(
                session.post(
                    url, data=form, auth=(client_id, client_secret), allow_redirects=False, withhold_token=True
                )
            ),
            (client_secret, refresh_token),
        )


def read_removal(request: WebhookRequest, client_id: str, client_secret: str) -> Removal | None:
    """Read the call that Pipedrive makes after a user uninstalled the app; None unless it proves to be Pipedrive's.

    DELETE at the redirect URI, Basic auth with the app's id and secret, JSON body (pipedrive sheet §2).
    """
    proof = base64.b64encode(f"{client_id}:{client_secret}".encode())
    scheme, _, given = request.header("Authorization").partition(" ")
    if scheme.lower() != "basic" or not hmac.compare_digest(given.strip().encode(), proof):
        return None
    try:
        body = parse_json(request.body)
        return Removal(str(body["company_id"]), str(body["user_id"])) if body["client_id"] == client_id else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def needs_refresh(values: Mapping[str, str], now: datetime | None = None) -> bool:
    """Say whether the stored access token is over, or about to be."""
    try:
        expires_at = datetime.fromisoformat(values["expires_at"])
    except (KeyError, ValueError):
        return True
    return expires_at - EXPIRY_MARGIN <= (now or datetime.now(UTC))


def _checked_url(url: str) -> str:
    try:
        return POLICY.check(url)
    except guard.AddressRefused as exc:
        raise TenantActionError(exc.public, reason=Reason.ADDRESS_REFUSED) from exc


def _session(client_id: str, client_secret: str) -> Any:
    session = OAuth2Session(client_id, client_secret, default_timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))
    # Look at the status before authlib looks at the body: the keys of error bodies are not documented (sheet §2).
    session.register_compliance_hook("access_token_response", _accepted)
    session.register_compliance_hook("refresh_token_response", _accepted)
    return guarded(session)


def _guard(call: Callable[[], Any], secrets: tuple[str, ...]) -> Any:
    """Run one call and turn whatever the libraries raise into our errors."""
    try:
        return call()
    except requests.JSONDecodeError as exc:
        raise ContractError("Pipedrive's sign-in answered in an unknown form.") from exc
    except (*NO_ANSWER, guard.AddressRefused) as exc:
        if refused := guard.refusal_in(exc):
            raise TenantActionError(refused.public, reason=Reason.ADDRESS_REFUSED) from exc
        detail = redact_text(f"{type(exc).__name__}: {exc}", secrets, limit=300)
        public = "Pipedrive's sign-in could not be reached."
        raise TransientError(public, detail=detail, reason=Reason.VENDOR_UNREACHABLE) from exc
    except (AuthlibBaseError, ValueError, TypeError, RecursionError, OverflowError) as exc:
        detail = redact_text(f"{type(exc).__name__}: {exc}", secrets, limit=300)
        raise ContractError("Pipedrive's sign-in answered in an unknown form.", detail=detail) from exc


def _accepted(reply: requests.Response) -> requests.Response:
    """Return a successful answer, or raise: 4xx means that the tenant must connect again, 5xx that we may try later."""
    status = reply.status_code
    if 200 <= status < 300:
        return reply
    detail = redact_text(f"HTTP {status}: {reply.text}", limit=500)
    if status == 429:
        raise RateLimited(
            "Pipedrive asks us to slow down.", detail=detail, retry_after=retry_after(reply.headers.get("Retry-After"))
        )
    if status >= 500:
        raise TransientError("Pipedrive's sign-in has a problem of its own.", detail=detail)
    if status in (400, 401, 403):
        raise AuthError("Pipedrive does not accept the sign-in any more: connect again.", detail=detail)
    raise TenantActionError("Pipedrive's sign-in refused the call.", detail=detail, reason=Reason.CREDENTIALS_REFUSED)


def _tokens(token: Mapping[str, Any], refresh_token: str = "") -> Tokens:
    found = {key: token.get(key) for key in ("access_token", "api_domain")}
    lifetime = token.get("expires_in")
    if not all(isinstance(value, str) and value for value in found.values()) or not is_lifetime(lifetime):
        raise ContractError("Pipedrive's sign-in gave no usable token.", detail=f"keys: {sorted(token)}")
    return Tokens(
        access_token=str(found["access_token"]),
        refresh_token=str(token.get("refresh_token") or refresh_token),
        expires_at=datetime.now(UTC) + timedelta(seconds=lifetime),
        api_domain=_checked_url(str(found["api_domain"])),
        scope=str(token.get("scope") or ""),
    )
