"""The API host: finds the account by its token, the endpoint by its path, charges the quota."""

from __future__ import annotations

import base64
import binascii

from starlette.responses import Response

from sandbox.clock import Clock
from sandbox.http import Incoming, NotRouted, Refused, RouteTable, reply
from sandbox.planhat import bulk, customfields, records
from sandbox.planhat.api import Call, Endpoint, error
from sandbox.planhat.model import MODELS, Account
from sandbox.state import Sandbox

PER_MINUTE, UNLIMITED = 200, "unlimited"
ENDPOINTS: list[tuple[str, str, Endpoint]] = [
    ("GET", "customfields", customfields.list_fields),
    ("POST", "customfields", customfields.create_field),
    ("PUT", "customfields/{id}", customfields.change_field),
    ("DELETE", "customfields/{id}", customfields.delete_field),
    ("GET", "leancompanies", records.lean_companies),
    ("GET", "{model}", records.list_records),
    ("POST", "{model}", records.create_record),
    ("PUT", "{model}", bulk.upsert),
    ("GET", "{model}/{id}", records.get_record),
    ("PUT", "{model}/{id}", records.change_record),
    ("DELETE", "{model}/{id}", records.delete_record),
]
ROUTES = RouteTable(ENDPOINTS)


def token_of(incoming: Incoming) -> str:
    """The token: as a bearer, or as the user `token:` of Basic without a password (sheet §1)."""
    scheme, _, value = incoming.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return value.strip() if scheme.lower() == "bearer" else ""
    try:
        user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    return user if colon and not password else ""


def account_of(sandbox: Sandbox, incoming: Incoming) -> str:
    """Also notes when a call came: what is under way at the same time meets the vendor's race (sheet §4)."""
    sandbox.planhat.arrivals[id(incoming)] = sandbox.clock.seconds()
    account = sandbox.planhat.by_token(token_of(incoming))
    return "" if account is None else account.id


def answer(sandbox: Sandbox, incoming: Incoming) -> Response:
    arrived = sandbox.planhat.arrivals.pop(id(incoming), sandbox.clock.seconds())
    try:
        return _answer(sandbox, incoming, arrived)
    except Refused as refused:
        return _refusal(sandbox, refused.response)


def _refusal(sandbox: Sandbox, answer: Response) -> Response:
    """A refusal as the vendor words it, and what it says of the time."""
    headers = {}
    if answer.status_code == 429 and "planhat.retry_after" in sandbox.thrown:
        headers["retry-after"] = "60"
    if "planhat.error_body" in sandbox.thrown:
        return reply({"message": bytes(answer.body).decode()}, answer.status_code, headers)
    answer.headers.update(headers)
    return answer


def _answer(sandbox: Sandbox, incoming: Incoming, arrived: float) -> Response:
    account = sandbox.planhat.by_token(token_of(incoming))
    if account is None or account.locked:
        return reply({"error": "Unauthorized"}, 401)
    try:
        endpoint, params = ROUTES.find(incoming.method, incoming.segments)
    except NotRouted:
        error(404, "Not found")
    name = params.get("model")
    if name is not None and name not in MODELS:
        error(404, "Not found")
    _charge(account, sandbox.clock)
    if name is not None and MODELS[name].name in account.denied:
        error(403, f"Missing permission for {MODELS[name].name}")
    return endpoint(Call(sandbox, account, incoming, params, arrived))


def _charge(account: Account, clock: Clock) -> None:
    """200 calls in any minute; no header tells how many are left (sheet §2)."""
    if account.plan == UNLIMITED:
        return
    now = clock.seconds()
    while account.calls and account.calls[0] <= now - 60:
        account.calls.popleft()
    if len(account.calls) >= PER_MINUTE:
        error(429, "Too many requests")
    account.calls.append(now)
