"""Installations: codes, grants with their tokens, uninstalling from either side."""

from __future__ import annotations

import secrets

from starlette.responses import Response

from sandbox.http import Record, Refused, reply
from sandbox.hubspot.api import Call, Endpoint, refuse
from sandbox.hubspot.model import App, Code, Grant, Portal
from sandbox.state import Sandbox

CODE_S = 60.0
ACCESS_S = 1800


def issue_code(
    sandbox: Sandbox, app: App, portal: Portal, user_id: int, redirect_uri: str, scopes: tuple[str, ...]
) -> str:
    code = f"na1-{secrets.token_hex(4)}-{secrets.token_hex(16)}"
    expires = sandbox.clock.seconds() + CODE_S
    sandbox.hubspot.codes[code] = Code(portal.id, user_id, app.client_id, redirect_uri, scopes, expires)
    return code


def install(sandbox: Sandbox, code: Code) -> Grant:
    """Make or renew the installation in a portal. A second installation goes on with the same refresh token."""
    for grant in sandbox.hubspot.grants:
        if (grant.portal, grant.client_id) == (code.portal, code.client_id):
            grant.user_id, grant.scopes = code.user_id, code.scopes
            return grant
    grant = Grant(code.portal, code.user_id, code.client_id, code.scopes, f"na1-{secrets.token_hex(18)}")
    sandbox.hubspot.grants.append(grant)
    return grant


def new_access_token(sandbox: Sandbox, grant: Grant) -> str:
    token = secrets.token_urlsafe(220)  # the vendor tells us to allow at least 512 characters
    now = sandbox.clock.seconds()
    grant.access_tokens = {key: end for key, end in grant.access_tokens.items() if end > now - ACCESS_S}
    grant.access_tokens[token] = now + ACCESS_S
    return token


def uninstall(sandbox: Sandbox, portal: Portal, client_id: str | None = None) -> int:
    """End installations without telling anybody: HubSpot sends no event about it."""
    gone = [
        grant for grant in sandbox.hubspot.grants if grant.portal == portal.id and client_id in (None, grant.client_id)
    ]
    for grant in gone:
        sandbox.hubspot.grants.remove(grant)
    return len(gone)


def uninstall_self(call: Call) -> Response:
    assert call.actor.app is not None
    uninstall(call.sandbox, call.portal, call.actor.app.client_id)
    return Response(status_code=204)


def account_details(call: Call) -> Response:
    return reply(
        {
            "portalId": call.portal.id, "accountType": "STANDARD", "timeZone": "Europe/Berlin",
            "companyCurrency": "EUR", "additionalCurrencies": [], "utcOffset": "+01:00",
            "utcOffsetMilliseconds": 3_600_000, "uiDomain": "app.hubspot.com", "dataHostingLocation": "eu1",
        }
    )  # fmt: skip


def user_details(call: Call) -> Response:
    raw = call.params["id"]
    user = call.portal.users.get(int(raw)) if raw.isdigit() else None
    if user is None:
        refuse(404, "User not found", "OBJECT_NOT_FOUND")
    first, _, last = user.name.partition(" ")
    return reply(
        {
            "id": str(user.id), "email": user.email, "firstName": first, "lastName": last,
            "superAdmin": user.super_admin, "roleIds": [], "secondaryTeamIds": [], "sendWelcomeEmail": False,
        }
    )  # fmt: skip


def gone(message: str) -> Refused:
    """The refusal of a refresh token that is no longer good."""
    body: Record = {
        "error": "invalid_grant", "error_description": message, "status": "BAD_REFRESH_TOKEN", "message": message,
    }  # fmt: skip
    return Refused(reply(body, 400))


ENDPOINTS = [
    Endpoint("DELETE", "appinstalls/external-install", uninstall_self),
    Endpoint("GET", "account-info/details", account_details),
    Endpoint("GET", "settings/users/{id}", user_details, "settings.users.read"),
]
