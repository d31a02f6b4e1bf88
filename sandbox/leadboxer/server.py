"""The API host: finds the account by its key, the endpoint by its path, keeps the limit."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Incoming, NotRouted, Refused, RouteTable, reply
from sandbox.leadboxer import leads, limits, segments, visits
from sandbox.leadboxer.api import Call, Endpoint, problem
from sandbox.state import Sandbox

VERSION = "v1"
ENDPOINTS: list[Endpoint] = [*leads.ENDPOINTS, *visits.ENDPOINTS, *segments.ENDPOINTS]
ROUTES = RouteTable((endpoint.method, endpoint.path, endpoint) for endpoint in ENDPOINTS)


def account_of(sandbox: Sandbox, incoming: Incoming) -> str:
    account = sandbox.leadboxer.by_key(incoming.headers.get("x-api-key", ""))
    return "" if account is None else account.id


def answer(sandbox: Sandbox, incoming: Incoming) -> Response:
    try:
        return _answer(sandbox, incoming)
    except Refused as refused:
        return refused.response


def _answer(sandbox: Sandbox, incoming: Incoming) -> Response:
    account = sandbox.leadboxer.by_key(incoming.headers.get("x-api-key", ""))
    if account is None or account.locked:  # the one error whose body is documented (sheet §1)
        return reply({"error": "Unauthorized", "message": "Invalid or missing API key"}, 401)
    if incoming.segments[:1] != (VERSION,):
        return problem(sandbox, 404, "Not Found", "No such path")
    try:
        endpoint, params = ROUTES.find(incoming.method, incoming.segments[1:])
    except NotRouted as missing:
        if missing.allowed:
            return problem(sandbox, 405, "Method Not Allowed", f"{incoming.method} is not supported")
        return problem(sandbox, 404, "Not Found", "No such path")
    limits.charge(sandbox, account, endpoint.path)
    return endpoint.handler(Call(sandbox, account, incoming, params))
