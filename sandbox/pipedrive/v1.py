"""What the v1 endpoints share: start/limit paging and times with a space."""

from __future__ import annotations

from typing import Any

from sandbox.http import Record
from sandbox.pipedrive.api import Call, refuse

DEFAULT_LIMIT, MAX_LIMIT = 100, 500


def page(call: Call, rows: list[Record]) -> tuple[list[Record], Record]:
    """Return one page and its pagination; `next_start` is absent on the last one."""
    start, limit = _number(call, "start", 0), _number(call, "limit", DEFAULT_LIMIT)
    if limit > MAX_LIMIT or limit < 1:
        refuse(400, "Bad request", info=f"limit must be between 1 and {MAX_LIMIT}")
    more = start + limit < len(rows)
    pagination: Record = {"start": start, "limit": limit, "more_items_in_collection": more}
    if more:
        pagination["next_start"] = start + limit
    return rows[start : start + limit], pagination


def _number(call: Call, name: str, default: int) -> int:
    raw = call.query.get(name, str(default))
    if not raw.isdigit():
        refuse(400, "Bad request", info=f"{name} must be a number")
    return int(raw)


def matches(call: Call, row: Record, *names: str) -> bool:
    """Tell whether a row has the values the query asks for; ids are compared as text."""
    return all(name not in call.query or str(row.get(name)) == call.query[name] for name in names)


def newer(call: Call, row: Record) -> bool:
    since: Any = call.query.get("updated_since")
    if since is None:
        return True
    plain = since.replace("T", " ").rstrip("Z")
    return bool(row["update_time"].replace("T", " ")[:19] >= plain[:19])
