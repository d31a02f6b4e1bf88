"""The API host: finds the account by its key, the endpoint by its path, charges its tier."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.brevo import attributes, companies, contacts, deals, doi, events, hooks, imports, limits, lists, processes
from sandbox.brevo.api import OTHER, Call, Endpoint, error
from sandbox.http import Incoming, NotRouted, Refused, RouteTable, reply
from sandbox.state import Sandbox

VERSION = "v3"


def account_info(call: Call) -> Response:
    first = "2026-01-01"
    return reply(
        {
            "organization_id": call.account.id, "user_id": 7, "enterprise": False, "email": "ops@acme.example",
            "firstName": "Grace", "lastName": "Hopper", "companyName": call.account.name,
            "address": {"street": "Kade 1", "city": "Utrecht", "zipCode": "3511 AA", "country": "Netherlands"},
            "dateTimePreferences": {"timezone": "Europe/Amsterdam", "timeFormat": "24h", "dateFormat": "dd-mm-yyyy"},
            "marketingAutomation": {"enabled": True, "key": "ma-key"},
            "plan": [{"type": "subscription", "creditsType": "sendLimit", "credits": 20_000, "startDate": first,
                      "endDate": "2027-01-01"}],
            "planVerticals": [],
            "relay": {"enabled": False, "data": {"userName": "ops@acme.example", "relay": "smtp.example", "port": 587}},
        }
    )  # fmt: skip


MODULES = (contacts, lists, attributes, imports, doi, events, companies, deals, processes, hooks)
ENDPOINTS: list[Endpoint] = [endpoint for module in MODULES for endpoint in module.ENDPOINTS]
ENDPOINTS.append(Endpoint("GET", "account", account_info, OTHER))
ROUTES = RouteTable((endpoint.method, endpoint.path, endpoint) for endpoint in ENDPOINTS)


def account_of(sandbox: Sandbox, incoming: Incoming) -> str:
    account = sandbox.brevo.by_key(incoming.headers.get("api-key", ""))
    return "" if account is None else account.id


def answer(sandbox: Sandbox, incoming: Incoming) -> Response:
    headers: dict[str, str] = {}
    try:
        return _answer(sandbox, incoming, headers)
    except Refused as refused:
        refused.response.headers.update(headers)
        return refused.response


def _answer(sandbox: Sandbox, incoming: Incoming, headers: dict[str, str]) -> Response:
    key = incoming.headers.get("api-key")
    if not key:
        error(401, "unauthorized", "authentication not found in headers")
    account = sandbox.brevo.by_key(key)
    if account is None or account.locked:
        error(401, "unauthorized", "Key not found")
    path = incoming.segments
    if path[:1] != (VERSION,):
        error(404, "document_not_found", "Path not found")
    try:
        endpoint, params = ROUTES.find(incoming.method, path[1:])
    except NotRouted as missing:
        if missing.allowed:
            error(405, "method_not_allowed", f"{incoming.method} Method is not allowed on this path")
        error(404, "document_not_found", "Path not found")
    headers |= limits.charge(account, endpoint.tier, sandbox.clock)
    with account.lock:
        processes.settle(sandbox, account)
        response = endpoint.handler(Call(sandbox, account, account.keys[key], incoming, params))
    response.headers.update(headers)
    return response
