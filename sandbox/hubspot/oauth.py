"""The consent page, and the token endpoints: exchange, refresh, introspect, revoke."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

from starlette.responses import Response

from sandbox.http import Incoming, NotRouted, Record, Refused, RouteTable, reply
from sandbox.hubspot import installs
from sandbox.hubspot.model import App, Grant
from sandbox.pages import redirect, render
from sandbox.state import Sandbox

Form = dict[str, str]
DEAD = "refresh token is invalid, expired or revoked"


def consent_page(sandbox: Sandbox, incoming: Incoming) -> Response:
    query = dict(incoming.query)
    app = _app_for_page(sandbox, query)
    portals = sandbox.hubspot.portals.values()
    wanted = incoming.segments[1] if len(incoming.segments) == 3 else ""
    accounts = [
        (f"{portal.id}:{user.id}", f"{portal.name} ({portal.id}) – {user.name}")
        for portal in portals
        if wanted in ("", str(portal.id))
        for user in portal.users.values()
    ]
    kept = {
        key: query[key] for key in ("client_id", "redirect_uri", "scope", "optional_scope", "state") if key in query
    }
    scopes = [*query["scope"].split(), *query.get("optional_scope", "").split()]
    return render(
        "consent.html", vendor="HubSpot", app=app, scopes=scopes, accounts=accounts, hidden=kept,
        action="/hubspot-app/oauth/authorize", choose="Account and user", back=query["redirect_uri"],
    )  # fmt: skip


def decide(sandbox: Sandbox, incoming: Incoming) -> Response:
    """Take the consent form: back with a code, or with an error where the person said no."""
    form = _form(incoming)
    app = _app_for_page(sandbox, form)
    back: Form = {"state": form["state"]} if form.get("state") else {}
    target = form["redirect_uri"]
    if form.get("decision") != "allow":
        said = {"error": "access_denied", "error_description": "The user denied access to the app"}
        return redirect(_with_query(target, said | back))
    portal_id, _, user_id = form.get("account", "").partition(":")
    portal = sandbox.hubspot.portals.get(int(portal_id)) if portal_id.isdigit() else None
    if portal is None or not user_id.isdigit() or int(user_id) not in portal.users:
        return render("message.html", 400, title="Choose an account", text="No such account and user.")
    wished = (*form["scope"].split(), *form.get("optional_scope", "").split())
    scopes = tuple(scope for scope in dict.fromkeys(wished) if scope in (*app.scopes, *app.optional_scopes))
    code = installs.issue_code(sandbox, app, portal, int(user_id), target, scopes)
    return redirect(_with_query(target, {"code": code} | back))


def _app_for_page(sandbox: Sandbox, given: Form) -> App:
    app = sandbox.hubspot.apps.get(given.get("client_id", ""))
    if app is None:
        raise Refused(render("message.html", 400, title="Unknown app", text="client_id names no app."))
    if given.get("redirect_uri") not in app.redirect_uris:
        text = "redirect_uri is none of the configured ones."
        raise Refused(render("message.html", 400, title="Invalid redirect URL", text=text))
    missing = set(app.scopes) - set(given.get("scope", "").split())
    if missing:
        text = f"The address lacks required scopes of the app: {', '.join(sorted(missing))}."
        raise Refused(render("message.html", 400, title="Scopes are missing", text=text))
    return app


def _with_query(target: str, query: Form) -> str:
    return f"{target}{'&' if urlsplit(target).query else '?'}{urlencode(query)}"


def token(sandbox: Sandbox, incoming: Incoming) -> Response:
    form = _token_form(incoming)
    app = _client(sandbox, form)
    kinds: dict[str, Callable[[Sandbox, App, Form], Grant]] = {
        "authorization_code": _by_code,
        "refresh_token": _by_refresh_token,
    }
    if form.get("grant_type") not in kinds:
        _bad("unsupported_grant_type", "BAD_GRANT_TYPE", "grant_type is missing or unknown")
    grant = kinds[form["grant_type"]](sandbox, app, form)
    return reply(_token_reply(sandbox, grant))


def _token_reply(sandbox: Sandbox, grant: Grant) -> Record:
    return {
        "token_type": "bearer", "access_token": installs.new_access_token(sandbox, grant),
        "refresh_token": grant.refresh_token, "expires_in": installs.ACCESS_S, "hub_id": grant.portal,
        "scopes": list(grant.scopes), "user_id": grant.user_id, "token_use": "access_token",
    }  # fmt: skip


def _by_code(sandbox: Sandbox, app: App, form: Form) -> Grant:
    code = sandbox.hubspot.codes.pop(form.get("code", ""), None)
    if code is None or code.client_id != app.client_id or code.expires <= sandbox.clock.seconds():
        _bad("invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code")
    if form.get("redirect_uri") != code.redirect_uri:
        _bad("invalid_grant", "BAD_REDIRECT_URI", "redirect URI does not match the initial auth code URI")
    return installs.install(sandbox, code)


def _by_refresh_token(sandbox: Sandbox, app: App, form: Form) -> Grant:
    for grant in sandbox.hubspot.grants:
        if grant.client_id == app.client_id and grant.refresh_token == form.get("refresh_token"):
            if "hubspot.refresh_token" not in sandbox.thrown:
                grant.refresh_token = str(uuid4())
            return grant
    raise installs.gone(DEAD)


def introspect(sandbox: Sandbox, incoming: Incoming) -> Response:
    form = _token_form(incoming)
    app = _client(sandbox, form)
    wanted = form.get("token", "")
    for grant in sandbox.hubspot.grants:
        if grant.client_id != app.client_id:
            continue
        left = grant.access_tokens.get(wanted, 0.0) - sandbox.clock.seconds()
        if left > 0 or grant.refresh_token == wanted:
            return reply(_described(sandbox, app, grant, wanted, left))
    return reply({"active": False})


def _described(sandbox: Sandbox, app: App, grant: Grant, shown: str, left: float) -> Record:
    portal = sandbox.hubspot.portals[grant.portal]
    found: Record = {
        "active": True, "token": shown, "hub_id": portal.id, "user_id": grant.user_id, "client_id": app.client_id,
        "app_id": app.app_id, "user": portal.users[grant.user_id].email, "hub_domain": portal.domain,
        "scopes": list(grant.scopes), "is_private_distribution": False, "token_type": "Bearer",
        "token_use": "refresh_token",
    }  # fmt: skip
    if left > 0:
        signed = {
            "hubId": portal.id,
            "userId": grant.user_id,
            "appId": app.app_id,
            "hublet": "na1",
            "isUserLevel": False,
        }
        found |= {"token_use": "access_token", "expires_in": int(left), "signed_access_token": signed}
    return found


def revoke(sandbox: Sandbox, incoming: Incoming) -> Response:
    """Revoke a token. Access tokens that were issued go on until they run out, and the app stays installed."""
    form = _token_form(incoming)
    app = _client(sandbox, form)
    for grant in sandbox.hubspot.grants:
        if grant.client_id == app.client_id and grant.refresh_token == form.get("token"):
            grant.refresh_token = ""
    return reply({})


def _token_form(incoming: Incoming) -> Form:
    if not incoming.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        _bad("invalid_request", "BAD_REQUEST", "the form must be application/x-www-form-urlencoded")
    return _form(incoming)


def _form(incoming: Incoming) -> Form:
    return dict(parse_qsl(incoming.body.decode("utf-8", "replace"), keep_blank_values=True))


def _client(sandbox: Sandbox, form: Form) -> App:
    app = sandbox.hubspot.apps.get(form.get("client_id", ""))
    if app is None:
        _bad("invalid_client", "BAD_CLIENT_ID", "missing or invalid client id")
    if app.client_secret != form.get("client_secret"):
        _bad("invalid_client", "BAD_CLIENT_SECRET", "missing or invalid client secret")
    return app


def _bad(error: str, status: str, message: str) -> NoReturn:
    body = {"error": error, "error_description": message, "status": status, "message": message}
    raise Refused(reply(body, 400))


PAGES: RouteTable[Callable[[Sandbox, Incoming], Response]] = RouteTable(
    [
        ("GET", "oauth/authorize", consent_page),
        ("GET", "oauth/{portal}/authorize", consent_page),
        ("POST", "oauth/authorize", decide),
    ]
)
TOKENS: RouteTable[Callable[[Sandbox, Incoming], Response]] = RouteTable(
    [
        ("POST", "oauth/token", token),
        ("POST", "oauth/token/introspect", introspect),
        ("POST", "oauth/token/revoke", revoke),
    ]
)


def answer(sandbox: Sandbox, incoming: Incoming) -> Response:
    """The host of the consent page."""
    try:
        handler, _ = PAGES.find(incoming.method, incoming.segments)
        return handler(sandbox, incoming)
    except NotRouted as missing:
        return render("message.html", 405 if missing.allowed else 404, title="Not found", text="There is no such page.")
    except Refused as refused:
        return refused.response
