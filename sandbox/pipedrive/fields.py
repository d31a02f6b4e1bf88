"""Custom fields: definitions, checks of incoming values, and the three shapes a value has (v1, v2, webhook)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.http import Record
from sandbox.pipedrive.schema import Check, Invalid, array, integer, iso_date, number, optional, shape, text

CUSTOM_TYPES = (
    "varchar", "text", "double", "phone", "date", "daterange", "time", "timerange", "set", "enum",
    "varchar_auto", "address", "monetary", "org", "people", "user",
)  # fmt: skip
TEXT_TYPES = ("varchar", "text", "varchar_auto", "phone")
LINK_TYPES = ("org", "people", "user")
MAX_OPTIONS = 10_000
TIME = re.compile(r"^\d{2}:\d{2}(:\d{2})?$")
ADDRESS_PARTS = (
    "route", "street_number", "subpremise", "sublocality", "locality", "admin_area_level_1",
    "admin_area_level_2", "country", "postal_code", "formatted_address",
)  # fmt: skip


@dataclass
class Field:
    id: int
    code: str
    name: str
    type: str
    custom: bool = True
    options: list[Record] | None = None
    add_visible: bool = True
    optional_response: bool = False
    add_time: str = "2024-01-08T08:00:00Z"
    update_time: str = "2024-01-08T08:00:00Z"
    extra: Record = field(default_factory=dict)

    def option_ids(self) -> set[Any]:
        return {option["id"] for option in self.options or ()}

    def label_of(self, option_id: Any) -> str | None:
        return next((option["label"] for option in self.options or () if option["id"] == option_id), None)


def clock_time(name: str, value: Any) -> str:
    if not isinstance(value, str) or not TIME.match(value):
        raise Invalid(name, "Invalid time, expected HH:MM:SS")
    return value if len(value) == 8 else f"{value}:00"


_ZONE: dict[str, Check] = {"timezone_id": integer, "timezone_name": text(64)}
_COMPOUND: dict[str, Check] = {
    "monetary": shape({"value": number, "currency": text(8, filled=True)}, ("value", "currency")),
    "daterange": shape({"value": iso_date, "until": iso_date}, ("value", "until")),
    "time": shape({"value": clock_time, **_ZONE}, ("value",)),
    "timerange": shape({"value": clock_time, "until": clock_time, **_ZONE}, ("value", "until")),
    "address": shape({"value": text(), **dict.fromkeys(ADDRESS_PARTS, optional(text()))}, ("value",)),
}
_SCALAR: dict[str, Check] = {
    "varchar": text(255),
    "varchar_auto": text(255),
    "phone": text(255),
    "text": text(65_000),
    "double": number,
    "date": iso_date,
    "user": integer,
    "org": integer,
    "people": integer,
}


def _option(definition: Field, name: str, value: Any) -> int:
    if integer(name, value) not in definition.option_ids():
        raise Invalid(name, f"Option with ID {value} does not exist")
    return int(value)


def _set(definition: Field, name: str, value: Any) -> list[int]:
    ids = array(lambda inner, item: _option(definition, inner, item))(name, value)
    if not ids:  # gh:pipedrive/client-nodejs#721
        raise Invalid(name, "Array must contain at least 1 element(s)")
    return list(dict.fromkeys(ids))


def check_value(definition: Field, value: Any) -> Any:
    """Return the value as stored; raises Invalid naming the field code."""
    name = f"custom_fields.{definition.code}"
    if value is None:
        return None
    if definition.type == "enum":
        return _option(definition, name, value)
    if definition.type == "set":
        return _set(definition, name, value)
    if definition.type in _COMPOUND:
        return _complete(definition.type, _COMPOUND[definition.type](name, value))
    checked = _SCALAR[definition.type](name, value)
    return None if checked == "" else checked


def _complete(kind: str, value: Record) -> Record:
    if kind == "address":
        parts = {part: value.get(part) for part in ADDRESS_PARTS}
        return {"value": value["value"], **parts, "formatted_address": parts["formatted_address"] or value["value"]}
    if kind in ("time", "timerange"):
        return {**value, "timezone_id": value.get("timezone_id"), "timezone_name": value.get("timezone_name", "UTC")}
    return value


def check_custom(definitions: dict[str, Field], values: Any) -> Record:
    """Check a `custom_fields` object: known hashes only, typed values."""
    if not isinstance(values, dict):
        raise Invalid("custom_fields", "Expected object")
    checked: Record = {}
    for code, value in values.items():
        definition = definitions.get(code)
        if definition is None or not definition.custom:
            raise Invalid(f"custom_fields.{code}", f"Parameter '{code}' is not allowed for this request")
        checked[code] = check_value(definition, value)
    return checked


def v2_values(definitions: dict[str, Field], row: Record, only: list[str] | None, *, labels: bool) -> Record:
    """Return every custom field (or `only` some) in the REST v2 shape; empty ones are null."""
    stored = row["custom_fields"]
    codes = only if only is not None else [code for code, item in definitions.items() if item.custom]
    values = {code: stored.get(code) for code in codes if code in definitions}
    if not labels:
        return values
    return {code: _labelled(definitions[code], value) for code, value in values.items()}


def _labelled(definition: Field, value: Any) -> Any:
    if value is None or definition.type not in ("enum", "set"):
        return value
    if definition.type == "enum":
        return {"id": value, "label": definition.label_of(value)}
    return [{"id": item, "label": definition.label_of(item)} for item in value]


def v1_values(definitions: dict[str, Field], row: Record) -> Record:
    """Return the custom fields as v1 puts them: flat hashes, ids as strings, companions as extra keys."""
    flat: Record = {}
    for code, definition in definitions.items():
        if definition.custom:
            flat.update(_v1_value(definition, row["custom_fields"].get(code)))
    return flat


def _v1_value(definition: Field, value: Any) -> Record:
    code, kind = definition.code, definition.type
    if value is None:
        return {code: None}
    if kind == "enum":
        return {code: str(value)}
    if kind == "set":
        return {code: ",".join(str(item) for item in value)}
    if kind == "monetary":
        return {code: value["value"], f"{code}_currency": value["currency"]}
    if kind in ("daterange", "timerange"):
        return {code: value["value"], f"{code}_until": value["until"]}
    if kind in ("time", "address"):
        return {code: value["value"]}
    return {code: value}


def webhook_value(definition: Field, value: Any) -> Record:
    """Return a value as webhooks 2.0 carry it: an object that says its type."""
    kind = definition.type
    if kind == "enum":
        return {"type": kind, "id": value}
    if kind == "set":
        return {"type": kind, "values": [{"id": item} for item in value]}
    if kind in LINK_TYPES:
        return {"type": kind, "id": value}
    if kind == "daterange":
        return {"type": kind, "from": value["value"], "until": value["until"]}
    if kind == "timerange":
        return {"type": kind, "from": value["value"], "until": value["until"], "timezone_id": value["timezone_id"]}
    if kind == "time":
        return {"type": kind, "value": value["value"], "timezone_id": value["timezone_id"]}
    if kind in _COMPOUND:
        return {"type": kind, **value}
    return {"type": kind, "value": value}


def v2_definition(item: Field, include: set[str]) -> Record:
    row: Record = {
        "field_name": item.name,
        "field_code": item.code,
        "description": None,
        "field_type": item.type,
        "options": item.options,
        "subfields": None,
        "is_custom_field": item.custom,
        "is_optional_response_field": item.optional_response,
    }
    visibility = {"add_visible_flag": item.add_visible, "details_visible_flag": True}
    extras = {
        "ui_visibility": {**visibility, "show_in_add_deal_dialog": {"show": False, "order": None}},
        "important_fields": {"enabled": False, "stage_ids": []},
        "required_fields": {"enabled": False},
    }
    return row | {key: extras[key] | item.extra.get(key, {}) for key in extras if key in include}


def v1_definition(item: Field, order: int) -> Record:
    row: Record = {
        "id": item.id,
        "key": item.code,
        "name": item.name,
        "order_nr": order,
        "field_type": item.type,
        "add_time": item.add_time.replace("T", " ").rstrip("Z"),
        "update_time": item.update_time.replace("T", " ").rstrip("Z"),
        "last_updated_by_user_id": None,
        "created_by_user_id": None,
        "active_flag": True,
        "edit_flag": item.custom,
        "index_visible_flag": True,
        "details_visible_flag": True,
        "add_visible_flag": item.add_visible,
        "important_flag": False,
        "bulk_edit_allowed": True,
        "searchable_flag": item.type in TEXT_TYPES,
        "filtering_allowed": True,
        "sortable_flag": True,
        "mandatory_flag": False,
    }
    return row if item.options is None else row | {"options": item.options}
