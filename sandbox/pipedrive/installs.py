"""Installations of an app: codes, grants with their tokens, revoking and uninstalling."""

from __future__ import annotations

import base64
import json
import secrets

from sandbox.delivery import Delivery
from sandbox.pipedrive.model import App, Code, Company, Grant
from sandbox.state import Sandbox

CODE_S = 5 * 60.0
ACCESS_S = 3599
REFRESH_S = 60 * 24 * 3600.0
CALLBACK_TIMEOUT_S = 10.0


def issue_code(sandbox: Sandbox, app: App, company: Company, user_id: int, redirect_uri: str) -> str:
    code = secrets.token_hex(20)
    expires = sandbox.clock.seconds() + CODE_S
    sandbox.pipedrive.codes[code] = Code(company.domain, user_id, app.client_id, redirect_uri, expires)
    return code


def install(sandbox: Sandbox, app: App, company: str, user_id: int) -> Grant:
    """Create or renew the installation of an app by one user."""
    refresh = _refresh_token(sandbox, company, user_id)
    expires = sandbox.clock.seconds() + REFRESH_S
    for grant in sandbox.pipedrive.grants:
        if (grant.company, grant.user_id, grant.client_id) == (company, user_id, app.client_id):
            grant.refresh_token, grant.refresh_expires, grant.scopes = refresh, expires, app.scopes
            return grant
    grant = Grant(company, user_id, app.client_id, app.scopes, refresh, expires)
    sandbox.pipedrive.grants.append(grant)
    return grant


def rotate(sandbox: Sandbox, grant: Grant) -> None:
    """Give the installation another refresh token."""
    grant.refresh_token = _refresh_token(sandbox, grant.company, grant.user_id)


def _refresh_token(sandbox: Sandbox, company: str, user_id: int) -> str:
    return f"{sandbox.pipedrive.companies[company].id}:{user_id}:{secrets.token_hex(20)}"


def new_access_token(sandbox: Sandbox, grant: Grant) -> str:
    token = "v1u:" + secrets.token_urlsafe(240)  # long on purpose: the vendor's grow beyond 300 characters
    now = sandbox.clock.seconds()
    grant.access_tokens = {key: expires for key, expires in grant.access_tokens.items() if expires > now}
    grant.access_tokens[token] = now + ACCESS_S
    grant.refresh_expires = now + REFRESH_S
    return token


def remove(sandbox: Sandbox, grant: Grant) -> None:
    """End an installation: tokens and the webhooks the app made for that user are gone."""
    sandbox.pipedrive.grants.remove(grant)
    company = sandbox.pipedrive.companies[grant.company]
    for hook in list(company.webhooks.values()):
        if hook.client_id == grant.client_id and hook.admin_id == grant.user_id:
            del company.webhooks[hook.id]


def uninstall(sandbox: Sandbox, company: Company, client_id: str | None = None, user_id: int | None = None) -> int:
    """The user uninstalls in the vendor's pages: the installation ends and the app is told."""
    gone = [
        grant
        for grant in sandbox.pipedrive.grants
        if grant.company == company.domain and client_id in (None, grant.client_id) and user_id in (None, grant.user_id)
    ]
    for grant in gone:
        remove(sandbox, grant)
        _tell(sandbox, company, grant)
    return len(gone)


def _tell(sandbox: Sandbox, company: Company, grant: Grant) -> None:
    app = sandbox.pipedrive.apps[grant.client_id]
    body = {
        "client_id": app.client_id,
        "company_id": company.id,
        "user_id": grant.user_id,
        "timestamp": sandbox.clock.now().strftime("%Y-%m-%d %H:%M:%S"),
    }
    raw = json.dumps(body).encode()
    basic = base64.b64encode(f"{app.client_id}:{app.client_secret}".encode()).decode()
    sandbox.courier.submit(
        Delivery(
            vendor="pipedrive",
            account=company.domain,
            webhook_id="uninstall",
            event="uninstall",
            method="DELETE",
            url=app.redirect_uri,
            body=lambda attempt: raw,
            headers={"content-type": "application/json", "authorization": f"Basic {basic}"},
            timeout_s=CALLBACK_TIMEOUT_S,
        )
    )
