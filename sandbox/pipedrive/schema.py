"""Strict body validation, as API v2 does it: unknown keys and wrong types are refused with one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from sandbox.http import Record

Check = Callable[[str, Any], Any]
DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
SECONDS_WITH_ZONE = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})$")


class Invalid(Exception):
    """Names the parameter and what is wrong with it."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem


def integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(name, "Expected integer")
    return value


def number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(name, "Expected number")
    return value


def boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(name, "Expected boolean")
    return value


def anything(name: str, value: Any) -> Any:
    return value


def text(limit: int | None = None, *, filled: bool = False) -> Check:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(name, "Expected string")
        if filled and not value.strip():
            raise Invalid(name, "String must contain at least 1 character(s)")
        if limit is not None and len(value) > limit:
            raise Invalid(name, f"String must contain at most {limit} character(s)")
        return value

    return check


def one_of(*allowed: Any) -> Check:
    def check(name: str, value: Any) -> Any:
        if isinstance(value, bool) or value not in allowed:
            raise Invalid(name, f"Invalid value. Expected {' | '.join(repr(item) for item in allowed)}")
        return value

    return check


def optional(inner: Check) -> Check:
    return lambda name, value: None if value is None else inner(name, value)


def array(inner: Check, most: int | None = None) -> Check:
    def check(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Invalid(name, "Expected array")
        if most is not None and len(value) > most:
            raise Invalid(name, f"Array must contain at most {most} element(s)")
        return [inner(f"{name}[{at}]", item) for at, item in enumerate(value)]

    return check


def shape(checks: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    def check(name: str, value: Any) -> Record:
        if not isinstance(value, dict):
            raise Invalid(name, "Expected object")
        return body(value, checks, required, f"{name}." if name else "")

    return check


def iso_date(name: str, value: Any) -> str:
    if not isinstance(value, str) or not DATE.match(value):
        raise Invalid(name, "Invalid date, expected YYYY-MM-DD")
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise Invalid(name, "Invalid date, expected YYYY-MM-DD") from error
    return value


def moment(name: str, value: Any) -> str:
    """Check a time in whole seconds with zone; return it in UTC as the API prints it."""
    if not isinstance(value, str) or not SECONDS_WITH_ZONE.match(value):
        raise Invalid(name, "Invalid date-time, expected RFC 3339 format YYYY-MM-DDTHH:MM:SSZ")
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError as error:
        raise Invalid(name, "Invalid date-time") from error
    return (parsed - (parsed.utcoffset() or parsed - parsed)).strftime("%Y-%m-%dT%H:%M:%SZ")


def body(value: Any, checks: Mapping[str, Check], required: tuple[str, ...] = (), prefix: str = "") -> Record:
    """Return the checked body; raises Invalid for the first wrong, unknown or missing key."""
    if not isinstance(value, dict):
        raise Invalid("body", "Expected object")
    for key in required:
        if key not in value:
            raise Invalid(prefix + key, "Required")
    checked: Record = {}
    for key, item in value.items():
        if key not in checks:
            raise Invalid(prefix + key, f"Parameter '{prefix + key}' is not allowed for this request")
        checked[key] = checks[key](prefix + key, item)
    return checked
