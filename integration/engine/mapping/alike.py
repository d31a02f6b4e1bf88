"""Whether a target means by a value what the mapping says it should hold. Pure; used by comparisons.

Values are compared by their field's type, so that 5, 5.0 and "5" are one, and in the vendor's own formatting. Spaces at
the ends never count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo

from config.json_value import JSONValue
from integration.addresses import normalise
from integration.connectors.base import FieldSpec, Formatting
from integration.engine.mapping.conversions import NotConvertible, rounded, to_date, to_datetime, to_number

EMPTY: tuple[JSONValue, ...] = (None, "", [], {})
_YES = frozenset({"true", "yes", "1", "ja", "on"})
_NO = frozenset({"false", "no", "0", "nein", "off"})
_NOT_DIGITS = re.compile(r"\D")
_SPACES = re.compile(r"\s+")


def alike(ours: JSONValue, theirs: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo = UTC) -> bool:
    """Whether both mean the same for a field of this kind at this vendor; `zone` is that of a day."""
    if ours in EMPTY or theirs in EMPTY:
        return ours in EMPTY and theirs in EMPTY
    if ours == theirs:
        return True
    if isinstance(ours, list) or isinstance(theirs, list):
        return _options(ours, spec) == _options(theirs, spec)
    form = _FORMS.get(spec.type, _text)
    return form(ours, spec, formatting, zone) == form(theirs, spec, formatting, zone)


def _options(value: JSONValue, spec: FieldSpec) -> frozenset[str]:
    values = value if isinstance(value, list) else [value]
    return frozenset(_key(part, spec) for part in values)


def _key(value: JSONValue, spec: FieldSpec) -> str:
    """An option by its key, also where it is named by its label."""
    text = str(value).strip()
    keys = {option.key for option in spec.options}
    labels = {option.label.strip().casefold(): option.key for option in spec.options}
    return text if text in keys else labels.get(text.casefold(), text)


def _text(value: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo) -> str:
    text = _SPACES.sub(" ", str(value)).strip()
    if formatting.longest is not None:
        text = text[: formatting.longest].strip()
    return text.casefold() if formatting.ignores_case else text


def _number(value: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo) -> JSONValue:
    try:
        number = float(to_number(value))
    except NotConvertible:
        return _text(value, spec, formatting, zone)
    return rounded(number, 9 if formatting.decimals is None else formatting.decimals)


def _boolean(value: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo) -> JSONValue:
    word = str(value).strip().casefold()
    if word in _YES:
        return True
    return False if word in _NO else word


def _date(value: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo) -> JSONValue:
    try:
        return to_date(value, zone).isoformat()
    except NotConvertible:
        return _text(value, spec, formatting, zone)


def _datetime(value: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo) -> JSONValue:
    try:
        return to_datetime(value, zone).replace(microsecond=0).isoformat()
    except NotConvertible:
        return _text(value, spec, formatting, zone)


def _phone(value: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo) -> str:
    if not formatting.phone_digits:
        return _text(value, spec, formatting, zone)
    return _NOT_DIGITS.sub("", str(value)).lstrip("0")


def _email(value: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo) -> str:
    return normalise(str(value))


def _option(value: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo) -> str:
    return _key(value, spec)


_FORMS: Mapping[str, Callable[[JSONValue, FieldSpec, Formatting, tzinfo], JSONValue]] = {
    "number": _number, "integer": _number, "money": _number, "boolean": _boolean, "date": _date,
    "datetime": _datetime, "phone": _phone, "email": _email, "option": _option,
}  # fmt: skip
