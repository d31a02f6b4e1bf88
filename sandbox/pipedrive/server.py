"""The company host: finds the company, the caller and the endpoint, charges the call, runs the handler."""

from __future__ import annotations

from uuid import uuid4

from starlette.responses import Response

from sandbox.http import Incoming, NotRouted, Refused, RouteTable, reply
from sandbox.pipedrive import extras, fieldapi, hooks, leads, limits, merge, notes, products, records, search, users
from sandbox.pipedrive.api import Call, Endpoint
from sandbox.pipedrive.auth import authenticate, check_scope
from sandbox.pipedrive.model import Company
from sandbox.state import Sandbox

NAME = "pipedrive"
MODULES = (users, records, search, fieldapi, merge, notes, products, leads, extras, hooks)
ENDPOINTS: list[Endpoint] = [endpoint for module in MODULES for endpoint in module.ENDPOINTS]
ROUTES = RouteTable((endpoint.method, endpoint.path, endpoint) for endpoint in ENDPOINTS)
# v1 operations of entities that live in v2 now.
RETIRED_V1 = ("persons", "organizations", "deals", "activities", "products", "pipelines", "stages", "itemSearch")


def account_of(incoming: Incoming) -> str:
    return incoming.segments[0] if incoming.segments else ""


def answer(sandbox: Sandbox, incoming: Incoming) -> Response:
    company = sandbox.pipedrive.companies.get(account_of(incoming))
    if company is None:
        return Response("<html><body><h1>404</h1><p>Company not found</p></body></html>", 404, None, "text/html")
    response = _answer(sandbox, company, incoming)
    response.headers["x-correlation-id"] = str(uuid4())
    return response


def _answer(sandbox: Sandbox, company: Company, incoming: Incoming) -> Response:
    version, path = _versioned(incoming.segments[1:])
    try:
        actor = authenticate(sandbox.pipedrive, company, incoming, version, sandbox.clock.seconds())
        endpoint, params = ROUTES.find(incoming.method, path)
    except NotRouted as missing:
        return _not_routed(company, version, path, missing.allowed)
    except Refused as refused:
        return refused.response
    return _run(Call(sandbox, company, actor, incoming, params), endpoint)


def _run(call: Call, endpoint: Endpoint) -> Response:
    headers: dict[str, str] = {}
    try:
        headers = limits.charge(call.company, call.actor, endpoint, call.sandbox.clock)
        check_scope(call.actor, endpoint)
        response = endpoint.handler(call)
    except Refused as refused:
        response = refused.response
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _versioned(segments: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Fold /api/v1 and /v1 into one; v2 answers only under /api/v2."""
    if segments[:1] == ("api",) and segments[1:2] in (("v1",), ("v2",)):
        return segments[1], segments[1:]
    if segments[:1] == ("v1",):
        return "v1", segments
    return "", ("unknown", *segments)


def _not_routed(company: Company, version: str, path: tuple[str, ...], allowed: set[str]) -> Response:
    if version == "v1" and path[1:2] and path[1] in RETIRED_V1 and "pipedrive.retired_v1" in company.thrown:
        body = {"success": False, "error": "This API endpoint has been removed, use API v2", "errorCode": 410}
        return reply(body, 410)
    if allowed:
        return reply({"success": False, "error": "Method not allowed"}, 405, {"allow": ", ".join(sorted(allowed))})
    return reply({"success": False, "error": "Unknown method ."}, 404)
