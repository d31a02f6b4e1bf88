"""The API host: finds the account by its key, the endpoint by its path, keeps the limit."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Incoming, NotRouted, Refused, RouteTable
from sandbox.leadboxer import leads, limits, segments, visits
from sandbox.leadboxer.api import Call, Endpoint, error
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
    if account is None or account.locked:
        error(401, "Unauthorized", "Invalid or missing API key")
    if incoming.segments[:1] != (VERSION,):
        error(404, "Not Found", "No such path")
    try:
        endpoint, params = ROUTES.find(incoming.method, incoming.segments[1:])
    except NotRouted as missing:
        if missing.allowed:
            error(405, "Method Not Allowed", f"{incoming.method} is not supported")
        error(404, "Not Found", "No such path")
    limits.charge(account, endpoint.path, sandbox.clock)
    return endpoint.handler(Call(sandbox, account, incoming, params))
