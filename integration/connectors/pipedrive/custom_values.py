"""Custom-field values in ONE internal shape, whichever of REST v2, REST/webhook v1 or webhook v2 they came from.

Internal shape: text types, date and time → text; double → number; monetary → {"value", "currency"}; enum → option id as
text; set → list of option ids as text; user, org and people → id as text; daterange and timerange → {"from", "until"};
address → {"value", and the parts that are filled}. Empty is None. Pure functions, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping

from config.json_value import JSONValue, whole_number
from integration.errors import ContractError

ID_TYPES = frozenset({"enum", "user", "org", "people"})
RANGE_TYPES = frozenset({"daterange", "timerange"})
ADDRESS_PARTS = (
    "street_number", "route", "subpremise", "sublocality", "locality", "admin_area_level_1", "admin_area_level_2",
    "country", "postal_code", "formatted_address",
)  # fmt: skip


def from_rest_v2(value: JSONValue, field_type: str = "") -> JSONValue:
    """Read one value of `custom_fields` of a v2 object. The shape alone cannot tell an option id from a number."""
    if value is None or value == "" or value == []:
        return None
    if isinstance(value, list):  # set; with include_option_labels the items are {"id", "label"}
        return [_id(item) for item in value]
    if isinstance(value, dict):
        return _from_object(value, field_type)
    return _scalar(value, field_type)


def from_webhook_v2(value: JSONValue) -> JSONValue:
    """Read one value of `data.custom_fields` of a webhook 2.0 body: an object that names its type."""
    if not isinstance(value, dict):
        return from_rest_v2(value)
    kind = str(value.get("type", ""))
    if kind == "set":
        return [_id(item) for item in _list(value.get("values"))] or None
    if kind in ID_TYPES:
        return _id(value)
    return _from_object({key: part for key, part in value.items() if key != "type"}, kind)


def from_v1(key: str, record: Mapping[str, JSONValue], field_type: str) -> JSONValue:
    """Read the flat hash `key` of a v1 object and its companion keys (`<key>_currency`, `<key>_until`, …)."""
    value = record.get(key)
    if value is None or value == "":
        return None
    if field_type == "set":
        return [_id(item) for item in (value if isinstance(value, list) else str(value).split(","))]
    if field_type == "monetary":
        return {"value": value, "currency": record.get(f"{key}_currency")}
    if field_type in RANGE_TYPES:
        return {"from": value, "until": record.get(f"{key}_until")}
    if field_type == "address":
        parts = {"value": value, **{part: record.get(f"{key}_{part}") for part in ADDRESS_PARTS}}
        return {part: text for part, text in parts.items() if text}
    return _scalar(value, field_type)


def to_rest_v2(value: JSONValue, field_type: str) -> JSONValue:
    """Write an internal value as v2 wants it. Cleared is always null: `[]` is refused (pipedrive sheet §5)."""
    if value is None or value == "" or value == []:
        return None
    if field_type == "set":
        return [_number(item) for item in (value if isinstance(value, list) else [value])]
    if field_type in ID_TYPES:
        return _number(value)
    if field_type in RANGE_TYPES and isinstance(value, dict):
        return {"value": value.get("from"), "until": value.get("until")}
    if field_type in ("time", "address") and isinstance(value, str):
        return {"value": value}
    return value


def to_v1(key: str, value: JSONValue, field_type: str) -> dict[str, JSONValue]:
    """Write an internal value as the flat keys of v1 (leads still want them, pipedrive sheet §9)."""
    if value is None or value == "" or value == []:
        return {key: None}
    if field_type == "set":
        return {key: ",".join(str(item) for item in (value if isinstance(value, list) else [value]))}
    return _parts_to_v1(key, value, field_type) if isinstance(value, dict) else {key: value}


def _parts_to_v1(key: str, value: dict[str, JSONValue], field_type: str) -> dict[str, JSONValue]:
    """A value of several parts: v1 has a companion key for the second one."""
    if field_type == "monetary":
        return {key: value.get("value"), f"{key}_currency": value.get("currency")}
    if field_type in RANGE_TYPES:
        return {key: value.get("from"), f"{key}_until": value.get("until")}
    return {key: value.get("value")} if field_type == "address" else {key: value}


def is_ambiguous(value: JSONValue) -> bool:
    """Say whether a REST v2 value cannot be read without its field's type: a bare number may be an option or a user."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _from_object(value: Mapping[str, JSONValue], field_type: str) -> JSONValue:
    if "id" in value:  # an option with its label
        return _id(value)
    if "currency" in value or field_type == "monetary":
        return None if value.get("value") is None else {"value": value["value"], "currency": value.get("currency")}
    if "until" in value:
        return {"from": value.get("from", value.get("value")), "until": value["until"]}
    if field_type == "address" or "formatted_address" in value or "locality" in value:
        return {part: value[part] for part in ("value", *ADDRESS_PARTS) if value.get(part)} or None
    return _scalar(value.get("value"), field_type)


def _scalar(value: JSONValue, field_type: str) -> JSONValue:
    if value is None or value == "":
        return None
    return _id(value) if field_type in ID_TYPES else value


def _id(item: JSONValue) -> str:
    """Ids are text everywhere; v1 nests users and organizations as objects with `value`."""
    if isinstance(item, dict):
        item = item.get("id", item.get("value"))
    if isinstance(item, bool) or not isinstance(item, (int, str)):
        raise ContractError("Pipedrive sent an option in an unknown form.", detail=type(item).__name__)
    return str(item).strip()


def _list(items: JSONValue) -> list[JSONValue]:
    if not isinstance(items, list):
        raise ContractError("Pipedrive sent options in an unknown form.", detail=type(items).__name__)
    return items


def _number(item: JSONValue) -> JSONValue:
    """Give an id back as the number v2 insists on; leave anything else for the vendor to refuse by name."""
    number = whole_number(str(item).strip())
    return item if number is None else number
