"""The API host: finds the account by its key, the endpoint by its path, and checks the key's verbs."""

from __future__ import annotations

import base64
import binascii

from starlette.responses import Response

from sandbox.http import Incoming, NotRouted, Refused, RouteTable
from sandbox.maileon import accounts, contacts, fields, hooks, reports, sync, transactions, types, unsubscribe
from sandbox.maileon.api import Call, Endpoint, error
from sandbox.maileon.model import Account, World
from sandbox.state import Sandbox

NAME = "maileon"
MODULES = (accounts, contacts, fields, sync, unsubscribe, reports, types, transactions, hooks)
ENDPOINTS: list[Endpoint] = [endpoint for module in MODULES for endpoint in module.ENDPOINTS]
ROUTES = RouteTable((endpoint.method, endpoint.path, endpoint) for endpoint in ENDPOINTS)
VERSION = "1.0"


def account_by_key(world: World, incoming: Incoming) -> Account | None:
    """Return the account of `Basic base64(key)`; `base64(key:)` is accepted as well."""
    scheme, _, encoded = incoming.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        key = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return world.by_key(key) or world.by_key(key.removesuffix(":"))


def account_of(sandbox: Sandbox, incoming: Incoming) -> str:
    account = account_by_key(sandbox.maileon, incoming)
    return "" if account is None else str(account.id)


def answer(sandbox: Sandbox, incoming: Incoming) -> Response:
    try:
        return _answer(sandbox, incoming)
    except Refused as refused:
        return refused.response


def _answer(sandbox: Sandbox, incoming: Incoming) -> Response:
    account = account_by_key(sandbox.maileon, incoming)
    if account is None or account.expired:
        error(401, "API key is missing, invalid or expired")
    if incoming.method not in account.verbs:
        error(403, f"API key lacks the privilege for {incoming.method}")
    path = incoming.segments
    if path[:1] != (VERSION,):
        error(404, "Resource not found")
    account.settle(sandbox.clock.seconds())
    try:
        endpoint, params = ROUTES.find(incoming.method, path[1:])
    except NotRouted as missing:
        error(405, "Method not allowed") if missing.allowed else error(404, "Resource not found")
    return endpoint.handler(Call(sandbox, account, incoming, params))
