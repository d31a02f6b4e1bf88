"""HubSpot's properties as `FieldSpec`s: keyed by the internal name, shown by the label."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from config.json_value import JSONValue, json_objects
from integration.connectors.base import FieldSpec, Option
from integration.connectors.hubspot import crm
from integration.connectors.hubspot.webhooks import HEARD
from integration.errors import ContractError, RecordError
from integration.reasons import Reason

if TYPE_CHECKING:
    from integration.connectors.hubspot.client import HubSpotClient

PLURALS = {"contact": "contacts", "company": "companies", "deal": "deals"}  # as the vendor's paths name them
GROUPS = {"contact": "contactinformation", "company": "companyinformation", "deal": "dealinformation"}
TYPES = {
    "string": "text", "number": "number", "bool": "boolean", "date": "date", "datetime": "datetime",
    "phone_number": "phone",
}  # fmt: skip
# The pairs of type and field type that HubSpot takes (hubspot sheet §3).
VENDOR_TYPES = {
    "text": ("string", "text"), "email": ("string", "text"), "money": ("number", "number"),
    "number": ("number", "number"), "integer": ("number", "number"), "date": ("date", "date"),
    "datetime": ("datetime", "date"), "phone": ("string", "phonenumber"), "option": ("enumeration", "select"),
    "options": ("enumeration", "checkbox"), "boolean": ("enumeration", "booleancheckbox"),
}  # fmt: skip
YES_NO = (Option("true", "Yes"), Option("false", "No"))


def field_spec(row: Mapping[str, JSONValue]) -> FieldSpec:
    """Read one definition."""
    key, label, kind = row.get("name"), row.get("label"), row.get("type")
    if not isinstance(key, str) or not isinstance(label, str) or not isinstance(kind, str):
        raise ContractError("HubSpot sent a property in an unknown form.", detail=f"keys: {sorted(row)[:20]}")
    shown = sorted(json_objects(row.get("options")), key=_order)
    options = tuple(Option(str(item.get("value")), str(item.get("label"))) for item in shown)
    modification = row.get("modificationMetadata")
    read_only = isinstance(modification, dict) and bool(modification.get("readOnlyValue"))
    custom = not row.get("hubspotDefined")
    # Ids of other records, the owner's above all: their names are no options of the property
    # (developers.hubspot.com/docs/api-reference/latest/crm/properties/get-properties).
    named = str(row.get("referencedObjectType") or "").lower()
    refers = {"owner": "user"}.get(named, named)
    type_ = "text" if refers else _type(key, kind, str(row.get("fieldType")))
    return FieldSpec(key, label, type_, options, custom, writable=not read_only, refers=refers, announced=key in HEARD)


def _order(item: Mapping[str, JSONValue]) -> int:
    order = item.get("displayOrder")
    return order if isinstance(order, int) else 0


def _type(key: str, kind: str, field_type: str) -> str:
    if kind == "enumeration":
        return {"booleancheckbox": "boolean", "checkbox": "options"}.get(field_type, "option")
    if key == "email":
        return "email"
    return "phone" if field_type == "phonenumber" else TYPES.get(kind, "text")


def definition(spec: FieldSpec, group: str, description: str = "", *, field_type: str = "") -> dict[str, JSONValue]:
    """Return the body that creates this property. It can be put into forms, also as a hidden field."""
    pair = VENDOR_TYPES.get(spec.type)
    if pair is None:
        raise RecordError(f"HubSpot has no property type for {spec.type}.", reason=Reason.FIELD_UNKNOWN)
    options = spec.options or (YES_NO if spec.type == "boolean" else ())
    rows: list[JSONValue] = [
        {"label": option.label, "value": option.key or _name(option.label), "displayOrder": order, "hidden": False}
        for order, option in enumerate(options)
    ]
    return {
        "name": spec.key or _name(spec.label), "label": spec.label, "type": pair[0],
        "fieldType": field_type or pair[1], "groupName": group, "description": description, "formField": True,
        "hidden": False, "displayOrder": -1, **({"options": rows} if rows else {}),
    }  # fmt: skip


def _name(label: str) -> str:
    """An internal name: lower-case letters, digits, underscores."""
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_") or "property"


def list_fields(client: HubSpotClient, object_type: str) -> Sequence[FieldSpec]:
    """List the properties of one kind of records. Raises KeyError for one that has none."""
    specs = [field_spec(row) for row in client.list_properties(PLURALS[object_type])]
    return _with_pipelines(client, specs) if object_type == "deal" else specs


def _with_pipelines(client: HubSpotClient, specs: Sequence[FieldSpec]) -> list[FieldSpec]:
    """Stages are known by id within their pipeline, whether or not the property lists them."""
    known = crm.pipelines(client, PLURALS["deal"])
    choices = {
        "pipeline": tuple(Option(row.id, row.label) for row in known),
        "dealstage": tuple(Option(key, f"{row.label}: {label}") for row in known for key, label in row.stages.items()),
    }
    return [replace(spec, options=choices[spec.key]) if spec.key in choices else spec for spec in specs]


def create_field(client: HubSpotClient, object_type: str, spec: FieldSpec) -> FieldSpec:
    """Create a property in HubSpot's own group and return what the vendor made of it."""
    made = client.create_property(definition(spec, GROUPS[object_type]), PLURALS[object_type])
    return field_spec(made)
