"""The OAuth host: consent page, token and revoke endpoints; and the marketplace's install button."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import Response

from sandbox.control import ControlCall
from sandbox.http import Incoming, NotRouted, Record, Refused, RouteTable, reply
from sandbox.pages import redirect, render
from sandbox.pipedrive import installs
from sandbox.pipedrive.model import App, Company, Grant
from sandbox.state import Sandbox

Form = dict[str, str]


def authorize_page(sandbox: Sandbox, incoming: Incoming) -> Response:
    query = dict(incoming.query)
    app = _app_for_page(sandbox, query)
    return _consent(sandbox, app, query.get("redirect_uri", app.redirect_uri), query.get("state"))


def marketplace_page(sandbox: Sandbox, incoming: Incoming) -> Response:
    """An installation that starts at the marketplace: the callback will carry a code and no state."""
    app = sandbox.pipedrive.apps.get(incoming.segments[-1])
    if app is None:
        return render("message.html", 404, title="Unknown app", text="No app has this client id.")
    return _consent(sandbox, app, app.redirect_uri, None)


def _consent(sandbox: Sandbox, app: App, redirect_uri: str, state: str | None) -> Response:
    accounts = [
        (f"{company.domain}:{user.id}", f"{company.name} – {user.name}{' (admin)' if user.is_admin else ''}")
        for company in sandbox.pipedrive.companies.values()
        for user in company.users.values()
    ]
    hidden = {"client_id": app.client_id, "redirect_uri": redirect_uri} | ({} if state is None else {"state": state})
    return render(
        "consent.html", vendor="Pipedrive", app=app, scopes=app.scopes, accounts=accounts, hidden=hidden,
        action="/pipedrive-oauth/oauth/authorize", choose="Company and user", back=redirect_uri,
    )  # fmt: skip


def decide(sandbox: Sandbox, incoming: Incoming) -> Response:
    """Take the consent form: redirect with a code, or with an error where the user said no."""
    form = _form(incoming)
    app = _app_for_page(sandbox, form)
    back: Form = {"state": form["state"]} if form.get("state") else {}
    target = form.get("redirect_uri") or app.redirect_uri
    if form.get("decision") != "allow":
        return redirect(_with_query(target, {"error": "user_denied"} | back))
    domain, _, user_id = form.get("account", "").partition(":")
    company = sandbox.pipedrive.companies.get(domain)
    if company is None or not user_id.isdigit() or int(user_id) not in company.users:
        return render("message.html", 400, title="Choose a user", text="No such company and user.")
    code = installs.issue_code(sandbox, app, company, int(user_id), target)
    return redirect(_with_query(target, {"code": code} | back))


def _app_for_page(sandbox: Sandbox, given: Form) -> App:
    app = sandbox.pipedrive.apps.get(given.get("client_id", ""))
    if app is None:
        page = render("message.html", 400, title="Unknown app", text="client_id names no registered app.")
        raise Refused(page)
    if given.get("redirect_uri", app.redirect_uri) != app.redirect_uri:
        text = f"redirect_uri is not the registered one ({app.redirect_uri})."
        raise Refused(render("message.html", 400, title="Invalid redirect_uri", text=text))
    return app


def _with_query(target: str, query: Form) -> str:
    return f"{target}{'&' if urlsplit(target).query else '?'}{urlencode(query)}"


def token(sandbox: Sandbox, incoming: Incoming) -> Response:
    form = _token_form(incoming)
    app = _client(sandbox, incoming, form)
    kinds: dict[str, Callable[[Sandbox, App, Form], Grant]] = {
        "authorization_code": _by_code,
        "refresh_token": _by_refresh_token,
        "exchange_api_token": _by_api_token,
    }
    if "grant_type" not in form:
        _bad("invalid_request", "missing parameter `grant_type`")
    if form["grant_type"] not in kinds:
        _bad("unsupported_grant_type", "unsupported grant type")
    grant = kinds[form["grant_type"]](sandbox, app, form)
    return reply(_token_reply(sandbox, grant))


def _token_reply(sandbox: Sandbox, grant: Grant) -> Record:
    return {
        "access_token": installs.new_access_token(sandbox, grant),
        "token_type": "Bearer",
        "expires_in": installs.ACCESS_S,
        "refresh_token": grant.refresh_token,
        "scope": ",".join(grant.scopes),
        "api_domain": f"{sandbox.base_url}/pipedrive/{grant.company}",
    }


def _by_code(sandbox: Sandbox, app: App, form: Form) -> Grant:
    code = sandbox.pipedrive.codes.pop(form.get("code", ""), None)
    if code is None or code.client_id != app.client_id:
        _bad("invalid_grant", "`authorization_code` is invalid")
    if code.expires <= sandbox.clock.seconds():
        _bad("invalid_grant", "`authorization_code` has expired")
    if form.get("redirect_uri") != code.redirect_uri:
        _bad("invalid_request", "`redirect_uri` is invalid")
    return installs.install(sandbox, app, code.company, code.user_id)


def _by_refresh_token(sandbox: Sandbox, app: App, form: Form) -> Grant:
    wanted = form.get("refresh_token")
    now = sandbox.clock.seconds()
    for grant in sandbox.pipedrive.grants:
        alive = grant.refresh_expires > now and grant.client_id == app.client_id
        if alive and grant.refresh_token == wanted:
            if "pipedrive.refresh_token" not in sandbox.thrown:
                installs.rotate(sandbox, grant)
            return grant
    return _bad("invalid_grant", "`refresh_token` is invalid")


def _by_api_token(sandbox: Sandbox, app: App, form: Form) -> Grant:
    for company in sandbox.pipedrive.companies.values():
        user = company.user_by_token(form.get("api_token") or "")
        if user is not None:
            return installs.install(sandbox, app, company.domain, user.id)
    return _bad("invalid_grant", "`api_token` is invalid")


def revoke(sandbox: Sandbox, incoming: Incoming) -> Response:
    """Revoke a refresh token (ends the installation) or one access token; unknown tokens are fine (RFC 7009)."""
    form = _token_form(incoming)
    app = _client(sandbox, incoming, form)
    wanted = form.get("token", "")
    for grant in list(sandbox.pipedrive.grants):
        if grant.client_id == app.client_id and grant.refresh_token == wanted:
            installs.remove(sandbox, grant)
        elif grant.client_id == app.client_id:
            grant.access_tokens.pop(wanted, None)
    return reply({"success": True})


def _token_form(incoming: Incoming) -> Form:
    if not incoming.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        _bad("invalid_request", "content must be application/x-www-form-urlencoded")
    return _form(incoming)


def _form(incoming: Incoming) -> Form:
    return dict(parse_qsl(incoming.body.decode("utf-8", "replace"), keep_blank_values=True))


def _client(sandbox: Sandbox, incoming: Incoming, form: Form) -> App:
    client_id, secret = _credentials(incoming) or (form.get("client_id", ""), form.get("client_secret", ""))
    if not client_id:
        _bad("invalid_client", "cannot retrieve client credentials")
    app = sandbox.pipedrive.apps.get(client_id)
    if app is None or app.client_secret != secret:
        _bad("invalid_client", "client is invalid")
    return app


def _credentials(incoming: Incoming) -> tuple[str, str] | None:
    scheme, _, encoded = incoming.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return client_id, secret


class Wrong(Exception):
    """The call is refused; the error's code and its words."""


def _bad(error: str, message: str) -> NoReturn:
    raise Wrong(error, message)


def _refusal(sandbox: Sandbox, wrong: Wrong) -> Response:
    error, message = wrong.args
    if "pipedrive.oauth_error" in sandbox.thrown:
        return reply({"success": False, "error": error, "message": message}, 400)
    return reply({"error": error, "error_description": message}, 400)


ROUTES: RouteTable[Callable[[Sandbox, Incoming], Response]] = RouteTable(
    [
        ("GET", "oauth/authorize", authorize_page),
        ("POST", "oauth/authorize", decide),
        ("POST", "oauth/token", token),
        ("POST", "oauth/revoke", revoke),
        ("GET", "marketplace/{client_id}", marketplace_page),
    ]
)


def answer(sandbox: Sandbox, incoming: Incoming) -> Response:
    segments = tuple(part for part in incoming.segments if part)  # /oauth/token/ is served as well
    try:
        handler, _ = ROUTES.find(incoming.method, segments)
        return handler(sandbox, incoming)
    except Wrong as wrong:
        return _refusal(sandbox, wrong)
    except NotRouted as missing:
        return reply({"success": False, "error": "Not found"}, 405 if missing.allowed else 404)
    except Refused as refused:
        return refused.response


def uninstall_control(control: ControlCall) -> Record:
    company: Company = control.sandbox.pipedrive.companies[control.params["domain"]]
    wish = control.body()
    return {"uninstalled": installs.uninstall(control.sandbox, company, wish.get("client_id"), wish.get("user_id"))}
