"""Bring one value into a field's type. Pure; what cannot be converted is told with the reason, for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from config.json_value import JSONValue

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
MILLISECONDS = re.compile(r"-?\d{9,15}")  # since 1970, as some vendors write times
DAY_IN_MILLISECONDS = 86_400_000
MOST_SHOWN = 60  # characters
LARGEST = 10**15  # of a number that travels: any larger float has lost its last digits


class NotConvertible(ValueError):
    """This value does not fit; the message says why, for people."""


class UnknownOption(NotConvertible):
    """A list as we know it does not have this: perhaps it is new. `side` says whose list: source or target."""

    def __init__(self, words: str, side: str) -> None:
        super().__init__(words)
        self.side = side


def convert(value: JSONValue, type_name: str, zone: tzinfo = UTC) -> JSONValue:
    """Convert a value to a target field's type; the day of a moment is that in `zone`. None clears.

    Raises NotConvertible.
    """
    if value is None or value == "":
        return None
    if type_name == "date":
        return to_date(value, zone).isoformat()
    if type_name == "datetime":
        return to_datetime(value, zone).isoformat()
    converter: Callable[[JSONValue], JSONValue] = CONVERTERS.get(type_name, _as_text)
    return converter(value)


def to_number(value: JSONValue) -> int | float:
    """Read a number as vendors write it; thousands separators are refused rather than guessed."""
    if isinstance(value, bool):
        return int(value)
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation as exc:
        raise NotConvertible(f"{shown(value)} is not a number.") from exc
    if not number.is_finite() or number.copy_abs() > LARGEST:  # abs() would compute, and overflow
        raise NotConvertible(f"{shown(value)} is not a usable number.")
    return int(number) if number == number.to_integral_value() else float(number)


def rounded(number: float, places: int = 0) -> float:
    """Return the number with so many decimals, halves away from zero as people and invoices round them.

    One that is too large for decimals, or none at all, stays as it is.
    """
    if not abs(number) <= LARGEST:
        return number
    return float(Decimal(str(number)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def shown(value: JSONValue | date) -> str:
    """A value in a sentence, which need not be read to its end."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def to_date(value: JSONValue | date, zone: tzinfo = UTC) -> date:
    """Read a date, or the day of a time in `zone`. Raises NotConvertible for 31 February and the like."""
    text = str(value).strip()
    if DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError as exc:
            raise NotConvertible(f"{shown(value)} is not a date.") from exc
    moment = to_datetime(value)
    if MILLISECONDS.fullmatch(text) and int(text) % DAY_IN_MILLISECONDS == 0:
        return moment.date()  # vendors that count milliseconds write a day as its midnight in UTC
    try:
        return moment.astimezone(zone).date()
    except OverflowError as exc:
        raise NotConvertible(f"{shown(value)} is not a date.") from exc


def to_datetime(value: JSONValue | date, zone: tzinfo = UTC) -> datetime:
    """Read a time in ISO form, in UTC. One without a zone is UTC, as our vendors document; a day begins in `zone`."""
    try:
        text = str(value).strip()
        moment = value if isinstance(value, datetime) else _parsed_time(text)
        assumed = zone if DAY.fullmatch(text) else UTC
        return (moment if moment.tzinfo else moment.replace(tzinfo=assumed)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise NotConvertible(f"{shown(value)} is not a date and time.") from exc


def _parsed_time(text: str) -> datetime:
    """ISO, or milliseconds since 1970."""
    if MILLISECONDS.fullmatch(text):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(text))
    return datetime.fromisoformat(text)


def _as_text(value: JSONValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _as_integer(value: JSONValue) -> int:
    number = to_number(value)
    if int(number) != number:
        raise NotConvertible(f"{shown(value)} is not a whole number.")
    return int(number)


def _as_boolean(value: JSONValue) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "yes", "1", "ja", "on"):
        return True
    if word in ("false", "no", "0", "nein", "off"):
        return False
    raise NotConvertible(f"{shown(value)} is neither yes nor no.")


CONVERTERS: Mapping[str, Callable[[JSONValue], JSONValue]] = {
    "integer": _as_integer,
    "number": to_number,
    "money": to_number,
    "boolean": _as_boolean,
    "date": lambda value: to_date(value).isoformat(),
    "datetime": lambda value: to_datetime(value).isoformat(),
    "json": lambda value: value,
    "options": lambda value: value if isinstance(value, list) else [value],
}
