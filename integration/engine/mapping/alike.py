"""Whether a target means by a value what the mapping says it should hold. Pure; used by comparisons.

Values are compared by their field's type, so that 5, 5.0 and "5" are one, and in the vendor's own formatting. Spaces at
the ends, how many there are between words, characters that no vendor stores, and how an accent is put together never
count. Of an object only the parts that we wrote count: vendors add others.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo

from config.json_value import JSONValue, storable
from integration.addresses import normalise
from integration.connectors.base import FieldSpec, Formatting
from integration.engine.mapping.conversions import NotConvertible, rounded, to_date, to_datetime, to_number

LARGEST_EXACT = 2**53  # of the whole numbers that JSON's floats tell apart
EMPTY: tuple[JSONValue, ...] = (None, "", [], {})
_YES = frozenset({"true", "yes", "1", "ja", "on"})
_NO = frozenset({"false", "no", "0", "nein", "off"})
_TRUNK = re.compile(r"\(\s*0\s*\)")  # as in +44 (0)20: dialled within the country only
_NOT_DIGITS = re.compile(r"\D")
_SPACES = re.compile(r"\s+")
_CLOCK = re.compile(r"\d{2}:\d{2}")


def alike(ours: JSONValue, theirs: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo = UTC) -> bool:
    """Whether both mean the same for a field of this kind at this vendor; `zone` is that of a day."""
    if _is_empty(ours) or _is_empty(theirs):
        return _is_empty(ours) and _is_empty(theirs)
    if ours == theirs:
        return True
    if isinstance(ours, dict) or isinstance(theirs, dict):
        return _same_parts(_parts(ours), _parts(theirs))
    if spec.type == "options" or isinstance(ours, list) or isinstance(theirs, list):
        return _options(ours, spec) == _options(theirs, spec)
    form = _FORMS.get(spec.type, _text)
    return form(ours, spec, formatting, zone) == form(theirs, spec, formatting, zone)


def _is_empty(value: JSONValue) -> bool:
    return value in EMPTY or (isinstance(value, str) and not str(storable(value)).strip())


def _parts(value: JSONValue) -> dict[str, JSONValue]:
    """An object's parts; a plain value is what vendors call `value` in it."""
    return value if isinstance(value, dict) else {"value": value}


def _same_parts(ours: dict[str, JSONValue], theirs: dict[str, JSONValue]) -> bool:
    text, plain = FieldSpec("", "", "text"), Formatting()
    return all(alike(value, theirs.get(key), text, plain) for key, value in ours.items())


def _options(value: JSONValue, spec: FieldSpec) -> frozenset[str]:
    """Several choices, in whatever order; some vendors write them as one text with semicolons or commas between."""
    values = value if isinstance(value, list) else [value]
    return frozenset(key for part in values for key in _keys(part, spec))


def _keys(value: JSONValue, spec: FieldSpec) -> list[str]:
    keys = {option.key for option in spec.options}
    whole = _key(value, spec)
    if whole in keys or not isinstance(value, str):
        return [whole]
    for separator in ";,":
        parts = [_key(part, spec) for part in value.split(separator) if part.strip()]
        if len(parts) > 1 and keys.issuperset(parts):
            return parts
    return [whole]


def _key(value: JSONValue, spec: FieldSpec) -> str:
    """An option by its key, also where it is named by its label."""
    text = _word(value).strip()
    keys = {option.key for option in spec.options}
    labels = {option.label.strip().casefold(): option.key for option in spec.options}
    return text if text in keys else labels.get(text.casefold(), text)


def _text(value: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo) -> str:
    text = str(storable(_word(value)))
    if formatting.longest is not None:
        text = text[: formatting.longest]
    text = _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()
    if _CLOCK.fullmatch(text):
        text = f"{text}:00"
    return text.casefold() if spec.key in formatting.ignores_case else text


def _word(value: JSONValue) -> str:
    """A value as texts have it: whole numbers without decimals, yes and no as vendors write them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_EXACT:
        return str(int(value))
    return str(value)


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
    digits = _NOT_DIGITS.sub("", _TRUNK.sub("", str(value))).lstrip("0")
    return digits or _text(value, spec, formatting, zone)


def _email(value: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo) -> str:
    address = normalise(str(storable(str(value))))
    return address.casefold() if spec.key in formatting.ignores_case else address


def _option(value: JSONValue, spec: FieldSpec, formatting: Formatting, zone: tzinfo) -> str:
    return _key(value, spec)


_FORMS: Mapping[str, Callable[[JSONValue, FieldSpec, Formatting, tzinfo], JSONValue]] = {
    "number": _number, "integer": _number, "money": _number, "boolean": _boolean, "date": _date,
    "datetime": _datetime, "phone": _phone, "email": _email, "option": _option,
}  # fmt: skip
