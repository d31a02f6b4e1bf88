"""Search over an index of its own: filter groups, one sort, pages of up to 200, ten thousand results at most."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.responses import Response

from sandbox.http import Record, reply
from sandbox.hubspot.api import CONTACTS_READ, Call, Endpoint, refuse
from sandbox.hubspot.contacts import PATH, everything, shown
from sandbox.hubspot.model import Contact, Portal, Values

LONGEST_BODY, MOST_RESULTS, LARGEST_PAGE, DEFAULT_PAGE = 3000, 10_000, 200, 10
MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL = 5, 6, 18
MOMENTS = ("createdate", "lastmodifieddate")


def settle(portal: Portal, seconds: float) -> None:
    """Bring into the index what has waited long enough."""
    due = [entry for entry in portal.waiting_index if entry[0] <= seconds]
    portal.waiting_index = [entry for entry in portal.waiting_index if entry[0] > seconds]
    for _, contact_id, values in due:
        portal.index[contact_id] = values


def search(call: Call) -> Response:
    if len(call.incoming.body) > LONGEST_BODY:
        refuse(400, f"The request body must not exceed {LONGEST_BODY} characters")
    wish = call.body()
    limit, after = int(wish.get("limit") or DEFAULT_PAGE), int(wish.get("after") or 0)
    if not 0 < limit <= LARGEST_PAGE:
        refuse(400, f"limit must be between 1 and {LARGEST_PAGE}")
    if after + limit > MOST_RESULTS:
        refuse(400, f"Paging past {MOST_RESULTS} results is not possible")
    groups = _groups(wish)
    settle(call.portal, call.seconds)
    rows = [row for row in _indexed(call.portal) if _fits(row, groups) and _speaks_of(row, wish.get("query"))]
    _sort(rows, wish.get("sorts") or [])
    names = [str(name) for name in wish.get("properties") or ()]
    page = [shown(call, contact, names) for contact, _ in rows[after : after + limit]]
    body: Record = {"total": len(rows), "results": page}
    if after + limit < len(rows):
        body["paging"] = {"next": {"after": str(after + limit)}}
    return reply(body)


Row = tuple[Contact, Values]


def _indexed(portal: Portal) -> list[Row]:
    """Contacts with their values as indexed; their times and ids are always of the contact."""
    found = []
    for contact_id, values in sorted(portal.index.items()):
        contact = portal.contacts.get(contact_id)
        if contact is not None and not contact.archived:
            found.append((contact, {**everything(contact), **values}))
    return found


def _groups(wish: Record) -> list[list[Record]]:
    groups = [list(group.get("filters") or ()) for group in wish.get("filterGroups") or ()]
    total = sum(map(len, groups))
    if len(groups) > MOST_GROUPS or total > MOST_IN_ALL or any(len(group) > MOST_FILTERS for group in groups):
        refuse(400, "Too many filters")
    for group in groups:
        for item in group:
            if item.get("operator") not in OPERATORS:
                refuse(400, f"Unknown operator {item.get('operator')}")
    return groups


def _fits(row: Row, groups: list[list[Record]]) -> bool:
    return not groups or any(all(_matches(row, item) for item in group) for group in groups)


def _matches(row: Row, item: Record) -> bool:
    name = str(item.get("propertyName"))
    return OPERATORS[item["operator"]](_comparable(name, row[1].get(name)), item, name)


def _comparable(name: str, value: Any) -> Any:
    """Times compare as epoch milliseconds, numbers as numbers, texts without their case."""
    if value in (None, ""):
        return None
    text = str(value)
    if name in MOMENTS and not text.isdigit():
        return datetime.fromisoformat(text).timestamp() * 1000
    try:
        return float(text)
    except ValueError:
        return text.lower()


def _order(test: Callable[[Any, Any], bool]) -> Callable[[Any, Record, str], bool]:
    def compare(value: Any, item: Record, name: str) -> bool:
        other = _comparable(name, item.get("value"))
        return value is not None and type(value) is type(other) and test(value, other)

    return compare


def _between(value: Any, item: Record, name: str) -> bool:
    low, high = (_comparable(name, item.get(key)) for key in ("value", "highValue"))
    return value is not None and type(value) is type(low) is type(high) and low <= value <= high


def _one_of(value: Any, item: Record, name: str) -> bool:
    return value is not None and value in [_comparable(name, other) for other in item.get("values") or ()]


def _token(value: Any, item: Record, name: str) -> bool:
    word = str(item.get("value", "")).lower().strip("*")
    return value is not None and word in str(value)


OPERATORS: dict[str, Callable[[Any, Record, str], bool]] = {
    "EQ": _order(lambda one, other: one == other),
    "NEQ": lambda value, item, name: value != _comparable(name, item.get("value")),
    "LT": _order(lambda one, other: one < other),
    "LTE": _order(lambda one, other: one <= other),
    "GT": _order(lambda one, other: one > other),
    "GTE": _order(lambda one, other: one >= other),
    "BETWEEN": _between,
    "IN": _one_of,
    "NOT_IN": lambda value, item, name: not _one_of(value, item, name),
    "HAS_PROPERTY": lambda value, item, name: value is not None,
    "NOT_HAS_PROPERTY": lambda value, item, name: value is None,
    "CONTAINS_TOKEN": _token,
    "NOT_CONTAINS_TOKEN": lambda value, item, name: not _token(value, item, name),
}


def _speaks_of(row: Row, query: Any) -> bool:
    text = " ".join(str(row[1].get(name) or "") for name in ("firstname", "lastname", "email", "phone", "company"))
    return all(word in text.lower() for word in str(query or "").lower().split())


def _sort(rows: list[Row], sorts: list[Any]) -> None:
    """One sort applies: an object, or a text with a minus for descending."""
    if not sorts:
        return
    first = sorts[0]
    name = first.get("propertyName") if isinstance(first, dict) else str(first).lstrip("-")
    down = first.get("direction") == "DESCENDING" if isinstance(first, dict) else str(first).startswith("-")
    rows.sort(key=lambda row: str(_sortable(str(name), row[1].get(str(name)))), reverse=down)


def _sortable(name: str, value: Any) -> str:
    found = _comparable(name, value)
    return f"{found:024.3f}" if isinstance(found, float) else str(found or "")


ENDPOINTS = [Endpoint("POST", PATH + "/search", search, CONTACTS_READ, search=True)]
