"""Lists of API v2: query checks, filters, order and the opaque cursor."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.http import Record
from sandbox.pipedrive.api import Call, invalid
from sandbox.pipedrive.kinds import Kind
from sandbox.pipedrive.schema import Invalid, moment
from sandbox.pipedrive.store import Key, Table

DEFAULT_LIMIT = 100
MAX_LIMIT = 500
MAX_IDS = 100
CURSOR_S = 300.0
MAX_CUSTOM_FIELDS = 15
Keep = Callable[[Record], bool]


@dataclass(frozen=True)
class Page:
    limit: int
    field: str
    descending: bool
    after: Key | None
    made_at: float | None = None  # of the cursor, by the steady clock


def read_page(query: dict[str, str], sorts: tuple[str, ...], most: int = MAX_LIMIT) -> Page:
    field = query.get("sort_by", "id")
    direction = query.get("sort_direction", "asc")
    if field not in sorts:
        invalid("sort_by", f"Invalid value. Expected {' | '.join(sorts)}")
    if direction not in ("asc", "desc"):
        invalid("sort_direction", "Invalid value. Expected asc | desc")
    limit = read_limit(query, most)
    if "cursor" in query:
        return read_cursor(query["cursor"], limit)
    return Page(limit, field, direction == "desc", None)


def read_limit(query: dict[str, str], most: int = MAX_LIMIT) -> int:
    raw = query.get("limit", str(DEFAULT_LIMIT))
    if not raw.isdigit() or not 1 <= int(raw) <= most:
        invalid("limit", f"Number must be between 1 and {most}")
    return int(raw)


def read_cursor(raw: str, limit: int) -> Page:
    try:
        held = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
        after = (held["fieldValue"], held["id"])
        return Page(limit, held["field"], held["sortDirection"] == "desc", after, float(held["madeAt"]))
    except (binascii.Error, ValueError, KeyError, TypeError):
        invalid("cursor", "Invalid cursor")


def write_cursor(page: Page, row: Record, now: float) -> str:
    held = {
        "field": page.field,
        "fieldValue": _sort_value(row, page.field),
        "sortDirection": "desc" if page.descending else "asc",
        "id": row["id"],
        "madeAt": now,
    }
    return base64.urlsafe_b64encode(json.dumps(held, separators=(",", ":")).encode()).decode().rstrip("=")


def _sort_value(row: Record, field: str) -> Any:
    return row["id"] if field == "id" else row.get(field) or ""


def select(call: Call, kind: Kind, keep: Keep) -> tuple[list[Record], str | None]:
    """Return one page of rows and the cursor of the next."""
    query = call.query
    page = read_page(query, kind.sorts)
    if page.made_at is not None and "pipedrive.cursor_life" not in call.sandbox.thrown:
        if call.sandbox.clock.seconds() - page.made_at > CURSOR_S:
            invalid("cursor", "Invalid cursor")
    if "filter_id" in query:
        invalid("filter_id", "Filter not found")
    table = call.company.tables[kind.name]
    keeps = [keep, *_filters(kind, query), *_times(query)]
    rows: list[Record] = []
    for row in _candidates(table, kind, query, page):
        if not all(test(row) for test in keeps):
            continue
        if len(rows) == page.limit:
            return rows, write_cursor(page, rows[-1], call.sandbox.clock.seconds())
        rows.append(row)
    return rows, None


def _candidates(table: Table, kind: Kind, query: dict[str, str], page: Page) -> Iterator[Record]:
    """Yield rows in order, from the narrowest source: ids, a link, recent updates, or the whole index."""
    narrow = _narrow(table, kind, query)
    if narrow is None:
        return (
            table.rows[record_id] for record_id in table.sorted[page.field].walk(page.after, descending=page.descending)
        )
    rows = [table.rows[record_id] for record_id in set(narrow) if record_id in table.rows]
    return _ordered(rows, page)


def _ordered(rows: list[Record], page: Page) -> Iterator[Record]:
    keyed = sorted(((_sort_value(row, page.field), row["id"]) for row in rows), reverse=page.descending)
    by_id = {row["id"]: row for row in rows}
    for key in keyed:
        if page.after is None or (key < page.after if page.descending else key > page.after):
            yield by_id[key[1]]


def _narrow(table: Table, kind: Kind, query: dict[str, str]) -> Iterable[Any] | None:
    if "ids" in query:
        return read_ids(query["ids"])
    for name in kind.filters:
        if name in query and name in table.linked and name != "owner_id":
            return table.linked[name].get(query[name] if name == "lead_id" else _integer(name, query[name]), set())
    if "updated_since" in query and query.get("sort_by", "id") == "id":
        return table.sorted["update_time"].since(_moment("updated_since", query["updated_since"]))
    return None


def read_ids(raw: str) -> list[int]:
    parts = raw.split(",")
    if len(parts) > MAX_IDS:
        invalid("ids", f"Array must contain at most {MAX_IDS} element(s)")
    return [_integer("ids", part.strip()) for part in parts]


def _filters(kind: Kind, query: dict[str, str]) -> list[Keep]:
    tests: list[Keep] = []
    for name in kind.filters:
        if name in query:
            tests.append(_equals(name, _filter_value(name, query[name])))
    return tests


def _filter_value(name: str, raw: str) -> Any:
    if name == "done":
        if raw not in ("true", "false", "1", "0"):
            invalid(name, "Expected boolean")
        return raw in ("true", "1")
    return raw if name == "lead_id" else _integer(name, raw)


def _equals(name: str, value: Any) -> Keep:
    return lambda row: row.get(name) == value


def _times(query: dict[str, str]) -> list[Keep]:
    tests: list[Keep] = []
    if "updated_since" in query:
        since = _moment("updated_since", query["updated_since"])
        tests.append(lambda row: (row["update_time"] or "") >= since)
    if "updated_until" in query:
        until = _moment("updated_until", query["updated_until"])
        tests.append(lambda row: (row["update_time"] or "") < until)
    return tests


def _moment(name: str, raw: str) -> str:
    try:
        return moment(name, raw)
    except Invalid as error:
        invalid(error.name, error.problem)


def _integer(name: str, raw: str) -> int:
    if not raw.lstrip("-").isdigit():
        invalid(name, "Expected integer")
    return int(raw)
