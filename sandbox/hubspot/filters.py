"""What a search asks for: filter groups and one sort, over values by property."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from sandbox.http import Record
from sandbox.hubspot.api import Call, refuse

T = TypeVar("T")
MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL = 5, 6, 18
LONGEST_BODY = 3000
MOMENTS = ("createdate", "lastmodifieddate", "hs_lastmodifieddate")


def groups(call: Call, wish: Record, known: Mapping[str, Record]) -> list[list[Record]]:
    """The filter groups of a search that may be made."""
    if len(call.incoming.body) > LONGEST_BODY:
        refuse(400, f"The request body must not exceed {LONGEST_BODY} characters")
    found = [list(group.get("filters") or ()) for group in wish.get("filterGroups") or ()]
    total = sum(map(len, found))
    if len(found) > MOST_GROUPS or total > MOST_IN_ALL or any(len(group) > MOST_FILTERS for group in found):
        refuse(400, "Too many filters")
    for group in found:
        for item in group:
            if item.get("operator") not in OPERATORS:
                refuse(400, f"Unknown operator {item.get('operator')}")
            if item.get("propertyName") not in known:
                refuse(400, f"There was a problem with the request: {item.get('propertyName')} does not exist")
    return found


def fits(values: Mapping[str, Any], groups: list[list[Record]]) -> bool:
    """Whether one of the groups fits; without any, everything does."""
    return not groups or any(all(_matches(values, item) for item in group) for group in groups)


def _matches(values: Mapping[str, Any], item: Record) -> bool:
    name = str(item.get("propertyName"))
    return OPERATORS[item["operator"]](_comparable(name, values.get(name)), item, name)


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


def sort(rows: list[T], values: Callable[[T], Mapping[str, Any]], sorts: list[Any]) -> None:
    """One sort applies: an object, or a text with a minus for descending."""
    if not sorts:
        return
    first = sorts[0]
    name = str(first.get("propertyName")) if isinstance(first, dict) else str(first).lstrip("-")
    down = first.get("direction") == "DESCENDING" if isinstance(first, dict) else str(first).startswith("-")
    rows.sort(key=lambda row: _sortable(name, values(row).get(name)), reverse=down)


def _sortable(name: str, value: Any) -> str:
    found = _comparable(name, value)
    return f"{found:024.3f}" if isinstance(found, float) else str(found or "")
