"""Pipedrive's fields as `FieldSpec`s: keyed by the vendor's key, shown by its label. For mappings and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING

from config.json_value import JSONValue, json_objects
from integration.connectors import naming
from integration.connectors.base import FieldSpec, Option
from integration.connectors.pipedrive.records import Deal, Lead, Organization, Person
from integration.errors import ContractError, RecordError
from integration.reasons import Reason

if TYPE_CHECKING:
    from integration.connectors.pipedrive.client import PipedriveClient

FIELD_PATHS = {
    "person": "personFields",
    "organization": "organizationFields",
    "deal": "dealFields",
    "lead": "dealFields",  # leads inherit the deals' custom fields and their keys (pipedrive sheet §5)
}
TYPES = {
    "varchar": "text", "varchar_auto": "text", "text": "text", "phone": "phone", "double": "number", "int": "integer",
    "monetary": "money", "enum": "option", "set": "options", "user": "text", "org": "text", "people": "text",
    "date": "date", "daterange": "json", "time": "text", "timerange": "json", "address": "json",
    "visible_to": "option", "status": "option", "stage": "text", "boolean": "boolean",
}  # fmt: skip
VENDOR_TYPES = {
    "text": "varchar", "number": "double", "integer": "double", "money": "monetary", "option": "enum",
    "options": "set", "date": "date", "phone": "phone", "email": "varchar", "datetime": "varchar",
}  # fmt: skip
READ_ONLY = frozenset({"id", "add_time", "update_time", "creator_user_id", "picture_id", "next_activity_id"})
# The list names them in the plural; records and values name the primary one, which is what a mapping means.
KEYS = {"emails": "email", "phones": "phone"}
BY_KEY = {
    "email": "email", "phone": "phone", "add_time": "datetime", "update_time": "datetime", "won_time": "datetime",
    "lost_time": "datetime", "close_time": "datetime", "stage_change_time": "datetime",
}  # fmt: skip
# What a record as `record_values` gives it carries; other system fields would never have a value.
READABLE: Mapping[str, frozenset[str]] = {
    object_type: frozenset({*(item.name for item in dataclass_fields(shape)), *KEYS.values()})
    for object_type, shape in {"person": Person, "organization": Organization, "deal": Deal, "lead": Lead}.items()
}
# Kinds of fields, and fields of the vendor's own, whose values are ids of other records.
REFERS = {"user": "user", "org": "organization", "people": "person", "stage": "stage"}
REFERS_BY_KEY = {
    "owner_id": "user", "creator_user_id": "user", "org_id": "organization", "person_id": "person",
    "pipeline_id": "pipeline", "stage_id": "stage",
}  # fmt: skip
# A person has one name; the vendor cuts these two out of it (pipedrive sheet, corrections).
PARTS = {"first_name": ("name", 1), "last_name": ("name", 2)}
LONGEST_NAME = 255
BOOLEAN_LABELS = ("Yes", "No")  # Pipedrive has no boolean field: a choice of two stands in


def field_spec(row: Mapping[str, JSONValue], object_type: str = "") -> FieldSpec:
    """Read one v2 field definition of an object type."""
    key, label, kind = row.get("field_code"), row.get("field_name"), row.get("field_type")
    if not isinstance(key, str) or not isinstance(label, str) or not isinstance(kind, str):
        raise ContractError("Pipedrive sent a field in an unknown form.", detail=f"keys: {sorted(row)[:20]}")
    custom = bool(row.get("is_custom_field"))
    key = key if custom else KEYS.get(key, key)
    options = tuple(Option(str(item["id"]), str(item.get("label", ""))) for item in json_objects(row.get("options")))
    type_ = TYPES.get(kind, "text") if custom else BY_KEY.get(key, TYPES.get(kind, "text"))
    readable = custom or key in READABLE.get(object_type, {key})
    refers = REFERS.get(kind, "") if custom else REFERS_BY_KEY.get(key, REFERS.get(kind, ""))
    writable = custom or key not in READ_ONLY
    part_of, part = ("", 0) if custom else PARTS.get(key, ("", 0))
    type_ = "text" if refers else type_
    return FieldSpec(key, label, type_, options, custom, writable, readable, refers, part_of, part)


def path_of(spec: FieldSpec) -> str:
    """Where `record_values` has this field: custom ones are nested."""
    return f"custom_fields.{spec.key}" if spec.custom else spec.key


SHOWN: dict[str, JSONValue] = {"add_visible_flag": True}


def field_body(spec: FieldSpec) -> dict[str, JSONValue]:
    """Return the body that creates this field."""
    labels = BOOLEAN_LABELS if spec.type == "boolean" else tuple(option.label for option in spec.options)
    kind = "enum" if spec.type == "boolean" else VENDOR_TYPES.get(spec.type)
    if kind is None:
        raise RecordError(f"Pipedrive has no field type for {spec.type}.", reason=Reason.FIELD_UNKNOWN)
    body: dict[str, JSONValue] = {"field_name": spec.label, "field_type": kind}
    body |= (
        {"ui_visibility": SHOWN} if spec.asked else {}
    )  # the default hides it where somebody is added (official file)
    return {**body, "options": [{"label": label} for label in labels]} if labels else body


def field_name(label: str, number: int = 1) -> str:
    """A label as Pipedrive takes names of fields."""
    return naming.numbered(naming.plain(label) or "Field", number, LONGEST_NAME, " ")


def list_fields(client: PipedriveClient, object_type: str) -> Sequence[FieldSpec]:
    """List the fields of one object type."""
    return client.list_fields(object_type)


def create_field(client: PipedriveClient, object_type: str, spec: FieldSpec) -> FieldSpec:
    """Create a custom field and return it with the vendor's key and option ids."""
    return client.create_field(object_type, field_body(spec))
