"""What a handler gets and gives: the call, its body and paging, and how errors look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from starlette.responses import Response

from sandbox.http import Incoming, Record, Refused, reply
from sandbox.planhat.model import MODELS, Account, Model, Table
from sandbox.state import Sandbox


@dataclass(frozen=True)
class Call:
    sandbox: Sandbox
    account: Account
    incoming: Incoming
    params: dict[str, str]
    arrived: float = 0.0

    @property
    def query(self) -> dict[str, str]:
        return dict(self.incoming.query)

    @property
    def model(self) -> Model:
        return MODELS[self.params["model"]]

    @property
    def table(self) -> Table:
        return self.account.tables[self.model.name]

    def body(self) -> Any:
        try:
            return self.incoming.json()
        except ValueError:
            error(400, "Invalid JSON")

    def object(self) -> Record:
        value = self.body()
        if not isinstance(value, dict):
            error(400, "Expected an object")
        return value

    def now(self) -> str:
        return self.sandbox.clock.rfc3339_ms()


Endpoint = Callable[[Call], Response]


def error(status: int, text: str) -> NoReturn:
    """Refuse in plain text, as the vendor was seen to (sheet §2)."""
    raise Refused(Response(text, status, media_type="text/html"))


def number(call: Call, name: str, default: int, most: int) -> int:
    raw = call.query.get(name, str(default))
    if not raw.isdigit():
        error(400, f"{name} is not a number")
    return min(int(raw), most)


def page(call: Call, rows: list[Record]) -> Response:
    """The asked part of these records as a plain array; there is no cursor and no total (sheet §3)."""
    sort = call.query.get("sort", "")
    if sort and "planhat.sort" in call.sandbox.thrown:
        name = sort.lstrip("-")
        rows = sorted(rows, key=lambda row: (str(row.get(name) or ""), row["_id"]), reverse=sort.startswith("-"))
    offset = number(call, "offset", 0, 10**9)
    limit = number(call, "limit", 100, call.model.most)
    shown = rows[offset : offset + limit]
    if wanted := call.query.get("select"):
        names = {"_id", *wanted.split(",")}
        shown = [{key: value for key, value in row.items() if key in names} for row in shown]
    return reply(shown)
