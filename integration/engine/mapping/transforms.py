"""The field mapping engine: source record + rows → target values. Pure: no database, no network, no clock.

An absent source value is left alone, an explicit null (or empty text) clears unless the row has a default. Values are
converted to the target field's type; what cannot be converted is reported and does not travel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import NamedTuple

import phonenumbers
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONObject, JSONValue, json_texts
from integration.connectors.base import FieldSpec
from integration.engine.flow.mapping_row import MappingRow
from integration.engine.mapping.conversions import (
    CONVERTERS,
    NotConvertible,
    UnknownOption,
    convert,
    shown,
    to_date,
    to_datetime,
    to_number,
)


class Absent:
    """The source record does not say anything about this field."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


@dataclass(frozen=True)
class Mapped:
    """Target values by field key, and what did not fit: target field → why.

    `unknown`: whose lists of options lack something that a value names: source, target.
    """

    values: dict[str, JSONValue]
    problems: dict[str, str] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()


def apply(
    rows: Sequence[MappingRow],
    record: JSONObject,
    *,
    source_fields: Mapping[str, FieldSpec],
    target_fields: Mapping[str, FieldSpec],
    creating: bool = False,
    country: str = "",
    zone: tzinfo = UTC,
) -> Mapped:
    """Map one source record; `source_fields` by path, `target_fields` by key; `country` and `zone` of the
    CRM's account.

    Rows that travel the other way, are off, or only apply on create are passed over.
    """
    values: dict[str, JSONValue] = {}
    problems: dict[str, str] = {}
    unknown: set[str] = set()
    for row in rows:
        if not _travels(row, creating):
            continue
        spec = target_fields.get(row.target)
        if spec is None:
            problems[row.target] = "The target has no such field (any more)."
            continue
        text = _text_that_stays(row, record, spec)
        if text is not None:
            values[row.target] = text or row.default or None
            continue
        try:
            value = _value(row, record, Call(row, record, source_fields.get(row.source), spec, country, zone))
            if not isinstance(value, Absent):
                values[row.target] = _choice(convert(value, spec.type, zone), spec)
        except UnknownOption as exc:
            problems[row.target] = str(exc)
            unknown.add(exc.side)
        except NotConvertible as exc:
            problems[row.target] = str(exc)
    return Mapped(values, problems, frozenset(unknown))


def _travels(row: MappingRow, creating: bool) -> bool:
    return row.direction in ("forward", "both") and (creating or not row.only_create)


def _text_that_stays(row: MappingRow, record: JSONObject, target: FieldSpec) -> str | None:
    """A text that needs no conversion, as most values are; None for anything else."""
    if row.transform != "text" or "." in row.source or target.type in CONVERTERS:
        return None
    text = record.get(row.source)
    return text if isinstance(text, str) else None


def is_reversible(row: MappingRow) -> bool:
    """Whether a value can be turned back into what it was made of."""
    return row.transform in REVERSE and bool(row.source)


def backward(rows: Sequence[MappingRow]) -> list[MappingRow]:
    """The rows that travel back, turned around: their sources are the targets' keys."""
    return [
        MappingRow(row.target, row.source, REVERSE[row.transform], row.options)
        for row in rows
        if row.direction in ("backward", "both") and is_reversible(row)
    ]


def pick(record: JSONObject, path: str) -> JSONValue | Absent:
    """Follow a dotted path. A missing last step is ABSENT; a null on the way is null."""
    if "." not in path:
        return record.get(path, ABSENT)
    value: JSONValue | Absent = record
    for step in path.split("."):
        if value is None:
            return None
        if isinstance(value, Mapping):
            value = value.get(step, ABSENT)
        elif isinstance(value, Sequence) and not isinstance(value, str) and step.isdigit():
            value = value[int(step)] if int(step) < len(value) else ABSENT
        else:
            return ABSENT
        if isinstance(value, Absent):
            return ABSENT
    return value


def _value(row: MappingRow, record: JSONObject, call: Call) -> JSONValue | Absent:
    transform = TRANSFORMS[row.transform]
    raw = None if row.transform in SOURCELESS else pick(record, row.source)
    if isinstance(raw, Absent):
        return ABSENT
    if raw is None and "." in row.source:
        _tell_nameless(record, row)
    value = transform(raw, call)
    if value in (None, "") and row.default != "":
        return row.default
    return value


def _choice(value: JSONValue, target: FieldSpec) -> JSONValue:
    """A value of a closed list: its key, also where the row yields a label. Others pass. Raises UnknownOption."""
    if not target.options or target.type not in OPTION_TYPES or value in (None, "", []):
        return value
    parts = value if isinstance(value, list) else [value]
    keys = [_key_of(str(part), target) for part in parts if part not in (None, "")]
    return keys if target.type == "options" else keys[0]


def _tell_nameless(record: JSONObject, row: MappingRow) -> None:
    """Raise NotConvertible for a part of something that is there but that nobody knows by name: it is not empty."""
    path = row.source.rpartition(".")[0]
    of = pick(record, path)
    if isinstance(of, Mapping) and _is_nameless(of):
        raise NotConvertible(f"Nobody knows the name of {path} {of['id']}.")


class Call(NamedTuple):
    """What a transform may look at beside its value."""

    row: MappingRow
    record: JSONObject
    source_field: FieldSpec | None
    target_field: FieldSpec
    country: str  # of the CRM's account, two letters; empty when nobody knows
    zone: tzinfo  # in which that account counts its days


def _text(value: JSONValue, call: Call) -> str | None:
    if value is None or type(value) is str:
        return value
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Mapping):
        return _text_of_object(value, call)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(_text(part, call)) for part in value)
    return str(value)


def _text_of_object(value: JSONObject, call: Call) -> str | None:
    """What an object says in one text: both ends of a range, an amount with its currency, a name."""
    for first, last in RANGES:
        if last in value and first in value:
            return _text_of_range(value[first], value[last], call)
    counts = call.target_field.type in CONVERTERS  # a number, for which the currency stands elsewhere
    if not counts and value.get("currency") and value.get("value") not in (None, ""):
        return f"{_text(value['value'], call)} {value['currency']}"
    if _is_nameless(value):
        raise NotConvertible(f"Nobody knows the name of {_field_name(call)} {value['id']}.")
    for key in ("value", "formatted_address", "name"):
        if key in value:
            return _text(value[key], call)
    raise NotConvertible(f"It holds {', '.join(sorted(map(str, value)))}, of which none is its text.")


def _text_of_range(first: JSONValue, last: JSONValue, call: Call) -> str | None:
    ends = [(_text(end, call) or "").strip() for end in (first, last)]
    return " – ".join(ends).strip() if any(ends) else None


def _is_nameless(value: JSONObject) -> bool:
    """Whether it stands for a record that is there but that nobody knows by name."""
    return "name" in value and value["name"] is None and value.get("id") not in (None, "")


def _field_name(call: Call) -> str:
    return call.source_field.label if call.source_field else call.row.source


RANGES = (("from", "until"), ("value", "until"))


def _number(value: JSONValue, call: Call) -> float | None:
    if isinstance(value, Mapping):
        if value.get("until") not in (None, ""):
            raise NotConvertible("A range is not one number.")
        value = value.get("value", value.get("from"))
    return None if value in (None, "") else to_number(value)


def _yes_no(value: JSONValue, call: Call) -> bool | None:
    if value in (None, ""):
        return None
    word = _folded(_label(value, call))
    parts = value if isinstance(value, list) else [value]
    chosen = {_folded(one) for one in json_texts(call.row.options.get(YES_KEYS) or call.row.options.get("yes"))}
    if {word, *map(_folded, parts)} & (chosen or YES_WORDS):
        return True
    if word in NO_WORDS:
        return False
    listed = _words_of_list(call.source_field)
    if not chosen or not listed:
        raise NotConvertible(f"{shown(word)} is neither yes nor no.")
    if gone := chosen - listed:
        raise NotConvertible(f"{_field_name(call)} has no option {', '.join(sorted(gone))} any more.")
    return False  # of a closed list the row says which of them mean yes


def _words_of_list(field: FieldSpec | None) -> set[str]:
    """The keys and labels of a field's options, as answers are compared."""
    options = field.options if field else ()
    return {_folded(text) for option in options for text in (option.key, option.label)}


def _folded(value: JSONValue) -> str:
    return str(value).strip().lower()


YES_KEYS = "yes_keys"  # among a row's options: the ids of the options that its words for yes named
YES_WORDS = frozenset({"yes", "y", "true", "1", "on", "ja", "j", "wahr", "waar"})
NO_WORDS = frozenset({"no", "n", "false", "0", "off", "nein", "falsch", "nee", "onwaar"})


def _label(value: JSONValue, call: Call) -> str | None:
    """The label of a chosen option, those of several in one text."""
    labels = _labels(value, call)
    return None if labels is None else ", ".join(labels)


def _labels(value: JSONValue, call: Call) -> list[str] | None:
    if value is None:
        return None
    known = {option.key: option.label for option in call.source_field.options} if call.source_field else {}
    parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [_label_of(part, known, call) for part in parts]


def _label_of(part: JSONValue, known: Mapping[str, str], call: Call) -> str:
    """What people see of one option; an id that is not in the list says nothing to them."""
    if isinstance(part, Mapping):
        return str(_text_of_object(part, call))
    found = known.get(str(part))
    closed = bool(known) and call.source_field is not None and call.source_field.type in OPTION_TYPES
    if found is None and closed and part != "" and str(part) not in known.values():
        raise UnknownOption(f"{_field_name(call)} has no option {shown(str(part))} (any more).", "source")
    return str(part) if found is None else found


OPTION_TYPES = frozenset({"option", "options"})


def _option_label(value: JSONValue, call: Call) -> str | list[str] | None:
    """The labels as text; where the target has options itself, those of the same label."""
    labels, target = _labels(value, call), call.target_field
    if labels is None or not target.options or target.type not in ("option", "options"):
        return None if labels is None else ", ".join(labels)
    keys = [_key_of(label, target) for label in labels if label]
    if target.type == "options":
        return keys
    if len(keys) > 1:
        raise NotConvertible(f"{target.label} takes one option, not {len(keys)}.")
    return keys[0] if keys else None


def _option_key(value: JSONValue, call: Call) -> str | list[str] | None:
    """The target's option of the same name (or of this key already); of several options a list."""
    if value in (None, ""):
        return None
    keys = [_key_of(label, call.target_field) for label in _labels(value, call) or ()]
    return keys if isinstance(value, Sequence) and not isinstance(value, str) else keys[0]


def _key_of(label: str, target: FieldSpec) -> str:
    options, text = target.options, label.strip()
    keys = {option.label.strip().lower(): option.key for option in options} | {
        option.key: option.key for option in options
    }
    found = keys.get(text) or keys.get(text.lower())
    if found is None:
        raise UnknownOption(f"{target.label} has no option {shown(text)}.", "target")
    return found


def _phone(value: JSONValue, call: Call) -> str | None:
    text = _text(value, call)
    if not text:
        return None
    country = str(call.row.options.get("region") or call.country or "").upper() or None
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as exc:
        if country is None and not text.strip().startswith("+"):
            raise NotConvertible(
                f"{shown(text)} has no country code, and the account does not say its country."
            ) from exc
        raise NotConvertible(f"{shown(text)} is not a phone number.") from exc
    if not phonenumbers.is_valid_number(number):
        raise NotConvertible(f"{shown(text)} is not a valid phone number.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _join(value: JSONValue, call: Call) -> str | None:
    found = [pick(call.record, path) for path in call.row.sources]
    parts = [_text(part, call) for part in found if not isinstance(part, Absent)]
    return str(call.row.options.get("separator", " ")).join(part for part in parts if part) or None


def _first_word(value: JSONValue, call: Call) -> str | None:
    words = (_text(value, call) or "").split()
    return words[0] if words else None


def _other_words(value: JSONValue, call: Call) -> str | None:
    return " ".join((_text(value, call) or "").split()[1:]) or None


def _constant(value: JSONValue, call: Call) -> JSONValue:
    return call.row.options.get("value")


def _gender(value: JSONValue, call: Call) -> str | None:
    word = (_text(_label(value, call), call) or "").strip().lower().rstrip(".")
    if not word:
        return None
    found = next((code for code, words in GENDERS.items() if word in words), None)
    if found is None:
        raise NotConvertible(f"{shown(word)} is not a gender we know.")
    return found


GENDERS = {
    "m": ("m", "male", "man", "mr", "herr", "männlich", "mann"),
    "f": ("f", "female", "woman", "mrs", "ms", "frau", "weiblich", "w"),
    "d": ("d", "diverse", "divers", "non-binary", "nonbinary", "x"),
}


def _locale(value: JSONValue, call: Call) -> str | None:
    text = (_text(value, call) or "").strip().replace("-", "_")
    if not text:
        return None
    language, _, country = text.partition("_")
    if not re.fullmatch(r"[A-Za-z]{2}(_[A-Za-z]{2})?", text):
        raise NotConvertible(f"{shown(text)} is not a language like de or de_AT.")
    return f"{language.lower()}_{country.upper()}" if country else language.lower()


TRANSFORMS: Mapping[str, Callable[[JSONValue, Call], JSONValue]] = {
    "text": _text,
    "number": _number,
    "date": lambda value, call: None if value in (None, "") else to_date(value, call.zone).isoformat(),
    "datetime": lambda value, call: None if value in (None, "") else to_datetime(value, call.zone).isoformat(),
    "yes_no": _yes_no,
    "option_label": _option_label,
    "option_key": _option_key,
    "phone": _phone,
    "join": _join,
    "first_word": _first_word,
    "other_words": _other_words,
    "constant": _constant,
    "as_is": lambda value, call: value,
    "gender": _gender,
    "locale": _locale,
    "lower": lambda value, call: (_text(value, call) or "").lower() or None,
}
TRANSFORM_LABELS = {
    "text": _("Text"), "number": _("Number"), "date": _("Date"), "datetime": _("Date and time"),
    "yes_no": _("Yes / No"), "option_label": _("Label of the option"),
    "option_key": _("Option with this label"), "phone": _("Phone number (E.164)"), "join": _("Join several fields"),
    "first_word": _("First word (first name)"), "other_words": _("Other words (last name)"), "constant": _("Constant"),
    "as_is": _("As it is"), "lower": _("Lower case"), "gender": _("Gender (m, f, d)"),
    "locale": _("Language (xx or xx_XX)"),
}  # fmt: skip
SOURCELESS = frozenset({"constant"})
# Transforms a value can travel back through, and the one that takes it there.
REVERSE = {
    "text": "text", "number": "number", "date": "date", "datetime": "datetime", "phone": "phone", "as_is": "as_is",
    "lower": "lower", "option_label": "option_key", "option_key": "option_label",
}  # fmt: skip
# The type a transform yields; the others leave the source's: the text of a number or a date reads back as one.
TRANSFORM_TYPES = {
    "number": "number", "date": "date", "datetime": "datetime", "yes_no": "boolean",
    "option_label": "text", "phone": "phone", "join": "text", "first_word": "text", "other_words": "text",
    "lower": "text",
}  # fmt: skip
