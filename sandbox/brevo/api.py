"""What a handler gets and gives: the call, its body and paging, and the one way errors look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

from starlette.responses import Response

from sandbox.brevo.model import Account
from sandbox.http import Incoming, Record, Refused, reply
from sandbox.state import Sandbox

T = TypeVar("T")
CONTACTS, EVENTS, OTHER = "contacts", "events", "other"  # the rate tiers
SMALL = "small"  # of uncertain tier


@dataclass(frozen=True)
class Call:
    sandbox: Sandbox
    account: Account
    key_name: str
    incoming: Incoming
    params: dict[str, str]

    @property
    def query(self) -> dict[str, str]:
        return dict(self.incoming.query)

    def body(self) -> Record:
        try:
            value = self.incoming.json()
        except ValueError:
            error(400, "bad_request", "Input must be a valid JSON object")
        if not isinstance(value, dict):
            error(400, "bad_request", "Input must be a valid JSON object")
        return value

    def now(self) -> str:
        return stamp(self.sandbox)


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    handler: Handler
    tier: str


def stamp(sandbox: Sandbox) -> str:
    return sandbox.clock.now().isoformat(timespec="milliseconds")


def error(status: int, code: str, message: str, metadata: Record | None = None) -> NoReturn:
    body: Record = {"code": code, "message": message}
    raise Refused(reply(body | ({"metadata": metadata} if metadata else {}), status))


def empty(status: int = 204) -> Response:
    return Response(b"", status)


def number(call: Call, name: str, default: int, most: int | None = None) -> int:
    raw = call.query.get(name)
    if raw is None:
        return default
    if not raw.isdigit():
        error(400, "invalid_parameter", f"{name} is not valid")
    if most is not None and int(raw) > most:
        error(400, "out_of_range", f"{name} exceeds max value of {most}")
    return int(raw)


def page(call: Call, rows: Sequence[T], default: int, most: int) -> Sequence[T]:
    """The asked part of `rows`, which come oldest first; the vendor's order is newest first."""
    limit, offset = number(call, "limit", default, most), number(call, "offset", 0)
    sort = call.query.get("sort", "desc")
    if sort not in ("asc", "desc"):
        error(400, "invalid_parameter", "sort is not valid")
    ordered = rows if sort == "asc" else rows[::-1]
    return ordered[offset : offset + limit]


def moment(call: Call, name: str) -> datetime | None:
    raw = call.query.get(name)
    if raw is None:
        return None
    try:
        found = datetime.fromisoformat(raw.replace(" ", "+"))
    except ValueError:
        error(400, "invalid_parameter", f"{name} is not valid")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def id_of(call: Call, name: str = "id") -> int:
    raw = call.params[name]
    return int(raw) if raw.isdigit() else error(400, "invalid_parameter", f"{name} is not valid")


def integers(wish: Record, name: str) -> list[int]:
    """A list of whole numbers; 400 for anything else."""
    found: Any = wish.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, int) and not isinstance(item, bool) for item in found):
        error(400, "invalid_parameter", f"{name} should be an array of integers")
    return found
