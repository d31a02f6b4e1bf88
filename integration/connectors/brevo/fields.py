"""Brevo's fields as `FieldSpec`s: contact attributes by their upper-case name, company attributes by internal name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from config.json_value import JSONValue
from config.texts import english
from integration.connectors import naming
from integration.connectors.base import FieldSpec, Option
from integration.connectors.brevo import deals
from integration.connectors.brevo.bodies import PHONES
from integration.connectors.brevo.records import Attribute
from integration.errors import RecordError
from integration.reasons import Reason

if TYPE_CHECKING:
    from integration.connectors.brevo.client import BrevoClient

CRM_OBJECTS = {"company": "companies", "deal": "deals"}  # as the vendor's paths name them
TYPES = {
    "text": "text", "date": "date", "float": "number", "boolean": "boolean", "category": "option",
    "multiple-choice": "options", "user": "text", "id": "text",
}  # fmt: skip
VENDOR_TYPES = {
    "text": "text", "number": "float", "integer": "float", "money": "float", "date": "date", "boolean": "boolean",
    "option": "text", "options": "text", "phone": "text", "email": "text", "datetime": "text",
}  # fmt: skip
COMPANY_TYPES = {
    "text": "text", "user": "text", "number": "number", "single-select": "option", "date": "date",
    "boolean": "boolean", "multi-choice": "options",
}  # fmt: skip
# What every account has, though FIRSTNAME and LASTNAME are named after the account's language (sheet §4).
BUILT_IN = frozenset({"FIRSTNAME", "LASTNAME", "EXT_ID", *PHONES})
NOT_TO_WRITE = frozenset({"calculated", "global", "transactional"})
LONGEST_NAME = 50
NAME = re.compile(rf"[A-Z0-9_]{{1,{LONGEST_NAME}}}")
# Names that are no contact attribute of one's own: the address, the ids, and what merge tags use themselves.
RESERVED = frozenset({"EMAIL", "EXT_ID", "ID", "LIST_ID", "LISTID", *PHONES})
CRM_READ_ONLY = frozenset(
    "number_of_contacts created_at last_updated_at owner created_by last_updated_date last_activity_date "
    "number_of_activities stage_updated_at".split()
)


def contact_spec(attribute: Attribute) -> FieldSpec:
    """The FieldSpec of one attribute; its name is its key and its label."""
    kind = "phone" if attribute.name in PHONES else TYPES.get(attribute.type, "text")
    options = tuple(Option(value, label) for value, label in attribute.choices)
    return FieldSpec(
        attribute.name, attribute.name, kind, options, custom=attribute.name not in BUILT_IN,
        writable=attribute.category not in NOT_TO_WRITE and attribute.type != "user",
    )  # fmt: skip


def list_fields(client: BrevoClient, object_type: str) -> Sequence[FieldSpec]:
    """List the address and all attributes of contacts, or the attributes of companies or deals."""
    if object_type in CRM_OBJECTS:
        specs = [_crm_spec(row) for row in client.list_crm_attributes(CRM_OBJECTS[object_type])]
        return _with_pipelines(client, specs) if object_type == "deal" else specs
    if object_type != "contact":
        raise KeyError(object_type)
    return [FieldSpec("email", "E-mail", "email"), *(contact_spec(row) for row in client.list_attributes())]


def _crm_spec(row: Mapping[str, JSONValue]) -> FieldSpec:
    key = str(row.get("internalName"))
    kind = COMPANY_TYPES.get(str(row.get("attributeTypeName")), "text")
    writable = key not in CRM_READ_ONLY and not row.get("isValueReadonly")
    return FieldSpec(key, str(row.get("label") or key), kind, writable=writable)


def _with_pipelines(client: BrevoClient, specs: Sequence[FieldSpec]) -> list[FieldSpec]:
    """Pipeline and stage of a deal are choices by id, which the list of attributes does not tell."""
    known = deals.pipelines(client)
    choices = {
        "pipeline": tuple(Option(row.id, row.name) for row in known),
        "deal_stage": tuple(Option(key, f"{row.name}: {name}") for row in known for key, name in row.stages.items()),
    }
    return [replace(spec, type="option", options=choices[spec.key]) if spec.key in choices else spec for spec in specs]


def name_problem(name: str) -> str:
    """Why Brevo takes no contact attribute of this name; empty if it does."""
    if not NAME.fullmatch(name.upper()):
        text = gettext("{name} cannot be an attribute in Brevo: at most {count} letters, digits and underscores.")
        return text.format(name=name, count=LONGEST_NAME)
    if name.upper() in RESERVED:
        return gettext("{name} cannot be an attribute in Brevo: the name is used already.").format(name=name)
    return ""


def field_name(label: str, number: int = 1) -> str:
    """A label as Brevo names attributes: LEAD_SOURCE. Other scripts leave nothing; then the number tells them apart."""
    name = re.sub(r"[^A-Z0-9]+", "_", naming.ascii_capitals(label)).strip("_") or "FIELD"
    return naming.numbered(name, number, LONGEST_NAME, "_")


def create_field(client: BrevoClient, object_type: str, spec: FieldSpec) -> FieldSpec:
    """Create a contact attribute named like the key, or one of companies or deals named like the label."""
    if object_type in CRM_OBJECTS:
        kind = "number" if spec.type in ("number", "money") else "text"
        client.create_company_attribute(spec.label, kind, CRM_OBJECTS[object_type])
        return spec
    name = (spec.key or spec.label).upper()
    type_ = VENDOR_TYPES.get(spec.type)
    if type_ is None:
        raise RecordError(f"Brevo has no attribute type for {spec.type}.", reason=Reason.FIELD_UNKNOWN)
    with english():
        problem = name_problem(name)
    if problem:
        raise RecordError(problem, reason=Reason.FIELD_UNKNOWN)
    client.create_attribute(name, type_)
    return contact_spec(Attribute(name, "normal", type_))
