"""Which values a contact may have: attribute types, addresses, phone numbers. What does not fit is dropped silently."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import phonenumbers

from sandbox.brevo.api import error
from sandbox.brevo.model import Account, Attribute
from sandbox.http import Record

EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
NOT_LISTED = ("EMAIL", "EXT_ID")  # identifiers that are no attributes
PHONES = ("SMS", "WHATSAPP", "LANDLINE_NUMBER")
NATIONAL = re.compile(r"\(0\)|[\s()./-]")


def valid_email(value: Any) -> bool:
    return isinstance(value, str) and bool(EMAIL.fullmatch(value)) and len(value) <= 254


def phone(value: Any) -> str | None:
    """Digits with the country code, as the vendor stores them; None where it refuses the number.

    A possible length is not enough: each country's own numbers are known.
    """
    text = NATIONAL.sub("", str(value))
    international = text.startswith(("+", "00"))
    digits = text.removeprefix("+").removeprefix("00")
    if not digits.isdigit() or not 8 <= len(digits) <= 15 or (not international and digits.startswith("0")):
        return None
    try:
        found = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    return digits if phonenumbers.is_valid_number(found) else None


def fitting(account: Account, given: Record) -> Record:
    """Known attributes with values of their type; identifiers are checked by the caller. Empty text clears."""
    found: Record = {}
    for name, value in given.items():
        attribute = account.attributes.get(name.upper())
        if attribute is None and "brevo.unknown_attribute" in account.thrown and name.upper() not in NOT_LISTED:
            error(400, "invalid_parameter", f"Attribute {name} does not exist")
        if value is None and "brevo.null_clears" not in account.thrown:
            continue
        if attribute is None or name.upper() in PHONES or attribute.category not in ("normal", "category"):
            continue
        kept = _category(account, attribute, value) if attribute.type == "category" else _fit(attribute, value)
        if kept is not None or value in (None, ""):
            found[attribute.name] = kept
    return found


def phones(given: Record) -> Record:
    """The phone identifiers among the attributes, cleaned. A bad one is refused."""
    found: Record = {}
    for name in PHONES:
        if name not in given:
            continue
        value = given[name]
        cleaned = None if value in (None, "") else phone(value)
        if value not in (None, "") and cleaned is None:
            error(400, "invalid_parameter", f"Invalid {name} number: use 91xxxxxxxxxx, +91xxxxxxxxxx or 0091xxxxxxxxxx")
        found[name] = cleaned
    return found


def _fit(attribute: Attribute, value: Any) -> Any:
    if value in (None, ""):
        return None
    kind = attribute.type
    if kind == "float":
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else _number(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind == "date":
        return _date(value)
    if kind == "multiple-choice":
        return [item for item in value if item in attribute.options] if isinstance(value, list) else None
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None


def _category(account: Account, attribute: Attribute, value: Any) -> Any:
    """The number of a choice. Labels are dropped without a word."""
    numbers = {str(item["value"]): item["value"] for item in attribute.enumeration}
    labels = (
        {item["label"]: item["value"] for item in attribute.enumeration}
        if "brevo.category_labels" in account.thrown
        else {}
    )
    return (numbers | labels).get(str(value))


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _date(value: Any) -> str | None:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        return None
