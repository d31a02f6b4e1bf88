"""The API host: finds version and endpoint in the path, the portal by its token, charges the call, runs the handler."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Incoming, NotRouted, Refused, RouteTable, reply
from sandbox.hubspot import (
    associations,
    batches,
    contacts,
    crm,
    events,
    installs,
    limits,
    oauth,
    properties,
    search,
    timeline,
)
from sandbox.hubspot.api import Actor, Call, Endpoint, iso, problem, refuse
from sandbox.hubspot.model import Grant
from sandbox.state import Sandbox

MODULES = (contacts, batches, search, properties, timeline, installs, crm, associations)
ENDPOINTS: list[Endpoint] = [endpoint for module in MODULES for endpoint in module.ENDPOINTS]
ROUTES = RouteTable((endpoint.method, endpoint.path, endpoint) for endpoint in ENDPOINTS)
DATED = ("2026-03", "2026-09")
TIMELINE_VERSIONS = ("2026-03", "v4")  # no 2026-09 of it is published (hubspot sheet §0)
USER_VERSIONS = ("2026-03", "v3")
AREAS = {"objects": "v3", "properties": "v3", "pipelines": "v3", "associations": "v4"}


def folded(segments: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Fold dated and legacy paths into one: returns the version and the path without it."""
    if segments[:1] == ("crm",) and len(segments) > 2:
        if segments[1] in AREAS and segments[2] in DATED:
            return segments[2], _typed((segments[1], *segments[3:]))
        if segments[1] == "v3" and segments[2] in AREAS:
            return "v3", _typed((segments[2], *segments[3:]))
    if segments[:2] == ("integrators", "timeline") and segments[2:3] and segments[2] in TIMELINE_VERSIONS:
        return segments[2], ("timeline", *segments[3:])
    if segments[:1] in (("appinstalls",), ("account-info",)) and segments[1:2] and segments[1] in (*DATED, "v3"):
        return segments[1], (segments[0], *segments[2:])
    if segments[:2] == ("settings", "users") and segments[2:3] and segments[2] in USER_VERSIONS:
        return segments[2], (*segments[:2], *segments[3:])
    return "", ("unknown",)


def _typed(path: tuple[str, ...]) -> tuple[str, ...]:
    return (path[0], "contacts", *path[2:]) if path[1:2] == ("0-1",) else path


def token_path(segments: tuple[str, ...]) -> tuple[str, ...] | None:
    if segments[:1] == ("oauth",) and segments[1:2] and segments[1] in (*DATED, "v1", "v3"):
        return ("oauth", *segments[2:])
    return None


def bearer(incoming: Incoming) -> str:
    scheme, _, token = incoming.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def account_of(sandbox: Sandbox, incoming: Incoming) -> str:
    grant = sandbox.hubspot.grant_by_access(bearer(incoming))
    return str(grant.portal) if grant else ""


def answer(sandbox: Sandbox, incoming: Incoming) -> Response:
    try:
        if (path := token_path(incoming.segments)) is not None:
            handler, _ = oauth.TOKENS.find(incoming.method, path)
            return handler(sandbox, incoming)
        return _answer(sandbox, incoming)
    except NotRouted as missing:
        return reply(problem("resource not found", "OBJECT_NOT_FOUND"), 405 if missing.allowed else 404)
    except Refused as refused:
        return refused.response
    finally:
        events.flush(sandbox)


def _answer(sandbox: Sandbox, incoming: Incoming) -> Response:
    grant = _authenticated(sandbox, incoming)
    version, path = folded(incoming.segments)
    endpoint, params = ROUTES.find(incoming.method, path)
    portal, app = sandbox.hubspot.portals[grant.portal], sandbox.hubspot.apps[grant.client_id]
    headers = limits.charge(
        portal, app, search=endpoint.search, now=sandbox.clock.seconds(), tells="hubspot.retry_after" in sandbox.thrown
    )
    try:
        _check_scope(grant, endpoint.scope.format(**params))
        call = Call(sandbox, portal, Actor(app, grant.user_id), incoming, params, version)
        response = endpoint.handler(call)
    except Refused as refused:
        response = refused.response
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _authenticated(sandbox: Sandbox, incoming: Incoming) -> Grant:
    token = bearer(incoming)
    grant = sandbox.hubspot.grant_by_access(token)
    if not token or grant is None:
        refuse(401, "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can "
                    "find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
               "INVALID_AUTHENTICATION")  # fmt: skip
    over = sandbox.clock.seconds() - grant.access_tokens[token]
    if over >= 0:
        words = f"The OAuth token used to make this call expired {int(over)} second(s) ago."
        refuse(401, words, "EXPIRED_AUTHENTICATION", context={"expire time": [iso(sandbox.clock.now())]})
    return grant


def _check_scope(grant: Grant, scope: str) -> None:
    if scope in grant.scopes:
        return
    detail = {"message": "One or more of the following scopes are required.",
              "context": {"requiredScopes": [scope]}}  # fmt: skip
    refuse(
        403, "This app hasn't been granted all required scopes to make this call. Read more about required scopes.",
        "MISSING_SCOPES", errors=[detail], links={"scopes": "https://developers.hubspot.com/scopes"},
    )  # fmt: skip
