"""What an API handler gets and gives: the call, its answers, and the refusals Pipedrive words in one way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl

from starlette.responses import Response

from sandbox.http import Incoming, Record, Refused, reply
from sandbox.pipedrive import schema
from sandbox.pipedrive.model import Company, User, World

if TYPE_CHECKING:
    from sandbox.state import Sandbox

ALL = "*"  # any authorised caller
CONTACTS_READ = ("contacts:read", "contacts:full")
CONTACTS_WRITE = ("contacts:full",)
DEALS_READ = ("deals:read", "deals:full")
DEALS_WRITE = ("deals:full",)
ADMIN = ("admin",)


@dataclass(frozen=True)
class Actor:
    """Who calls: a user, by API token or through an app."""

    user: User
    token: str
    client_id: str | None = None
    scopes: frozenset[str] = frozenset()
    source: str = "api"


@dataclass(frozen=True)
class Call:
    sandbox: Sandbox
    company: Company
    actor: Actor
    incoming: Incoming
    params: dict[str, str]

    @property
    def world(self) -> World:
        return self.sandbox.pipedrive

    @property
    def query(self) -> dict[str, str]:
        return dict(self.incoming.query)

    def body(self) -> Any:
        """Return the JSON body; an unreadable one is refused with 400."""
        try:
            return self.incoming.json()
        except ValueError:
            return refuse(400, "Bad request: invalid JSON body", code="ERR_BAD_REQUEST")

    def number(self, name: str = "id") -> int:
        """Return a numeric path parameter; anything else is refused with 400."""
        raw = self.params[name]
        if not raw.isdigit():
            invalid(name, "Expected integer")
        return int(raw)


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Endpoint:
    """One operation: path below the host, request cost and the scopes of which one is needed."""

    method: str
    path: str
    handler: Handler
    cost: int
    scopes: tuple[str, ...] = (ALL,)
    search: bool = False
    admin: bool = False  # the calling user must be an admin, whatever the token


def ok(data: Any, additional: Record | None = None, status: int = 200, **more: Any) -> Response:
    envelope: Record = {"success": True, "data": data, **more}
    if additional is not None:
        envelope["additional_data"] = additional
    return reply(envelope, status)


def refuse(status: int, error: str, *, info: str | None = None, code: str | None = None) -> NoReturn:
    envelope: Record = {"success": False, "error": error}
    if info is not None:
        envelope["error_info"] = info
    if code is not None:
        envelope["code"] = code
    raise Refused(reply(envelope | {"data": None, "additional_data": None}, status))


def invalid(name: str, problem: str) -> NoReturn:
    """Refuse the way API v2's validation does."""
    envelope = {"success": False, "error": f"Validation failed: {name}: {problem}"}
    raise Refused(reply(envelope | {"code": "ERR_SCHEMA_VALIDATION_FAILED"}, 400))


def unauthorized() -> NoReturn:
    envelope = {"success": False, "error": "unauthorized access", "errorCode": 401}
    body = envelope | {"error_info": "Please check developers.pipedrive.com"}
    raise Refused(reply(body, 401, {"x-401-by-gw": "true"}))


def checked_body(call: Call, checks: dict[str, schema.Check], required: tuple[str, ...] = ()) -> Record:
    try:
        return schema.body(call.body(), checks, required)
    except schema.Invalid as error:
        invalid(error.name, error.problem)


def loose_body(call: Call) -> Record:
    """Return a v1 body: JSON object or form, unknown keys ignored."""
    kind = call.incoming.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(call.incoming.body.decode("utf-8", "replace")))
    try:
        value = json.loads(call.incoming.body or b"{}")
    except ValueError:
        refuse(400, "Bad request", info="Invalid JSON body")
    return value if isinstance(value, dict) else refuse(400, "Bad request", info="Expected an object")
