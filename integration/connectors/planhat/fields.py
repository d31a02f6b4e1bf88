"""Planhat's fields as `FieldSpec`s: attributes by name, custom fields by their id, for their names can change.

Planhat's own picker calls the first kind Attribute and the second Custom (seed 004).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from config.json_value import JSONValue
from integration.connectors import naming
from integration.connectors.base import FieldSpec, Option
from integration.connectors.planhat.records import CUSTOM
from integration.errors import ContractError, RecordError
from integration.reasons import Reason

if TYPE_CHECKING:
    from integration.connectors.planhat.client import PlanhatClient

# Key, label, type (planhat sheet §5). Names of website and phone of a company are not known, so they are not here.
ATTRIBUTES: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "company": (
        ("name", "Name", "text"), ("phase", "Phase", "text"), ("description", "Description", "text"),
        ("address", "Address", "text"), ("city", "City", "text"), ("zip", "Zip", "text"),
        ("country", "Country", "text"), ("externalId", "External id", "text"), ("owner", "Owner", "text"),
        ("coOwner", "Co-owner", "text"), ("tags", "Tags", "options"), ("status", "Status", "text"),
        ("mrr", "MRR", "number"), ("h", "Health", "number"), ("renewalDate", "Renewal date", "date"),
        ("customerFrom", "Customer from", "date"), ("customerTo", "Customer to", "date"),
    ),
    "enduser": (
        ("firstName", "First name", "text"), ("lastName", "Last name", "text"), ("email", "E-mail", "email"),
        ("phone", "Phone", "text"), ("position", "Position", "text"), ("externalId", "External id", "text"),
        ("featured", "Featured", "boolean"), ("primary", "Primary", "boolean"), ("tags", "Tags", "options"),
        ("companyId", "Company", "text"),
    ),
    "license": (
        ("product", "Product", "text"), ("externalId", "External id", "text"), ("autoRenews", "Auto renews", "boolean"),
        ("renewalPeriod", "Renewal period", "number"), ("renewalUnit", "Renewal unit", "text"),
        ("noticePeriod", "Notice period", "number"), ("renewalStatus", "Renewal status", "option"),
        ("fromDate", "From", "date"), ("toDate", "To", "date"), ("fixedPeriod", "Fixed period", "boolean"),
        ("value", "Value", "number"), ("mrr", "MRR", "number"), ("_currency", "Currency", "text"),
        ("companyId", "Company", "text"),
    ),
    "sale": (
        ("product", "Product", "text"), ("externalId", "External id", "text"), ("salesDate", "Sales date", "date"),
        ("value", "Value", "number"), ("_currency", "Currency", "text"), ("companyId", "Company", "text"),
    ),
    "conversation": (
        ("type", "Type", "text"), ("subject", "Subject", "text"), ("description", "Description", "text"),
        ("date", "Date", "datetime"), ("externalId", "External id", "text"), ("companyId", "Company", "text"),
    ),
}  # fmt: skip
OPTIONS = {"renewalStatus": ("ongoing", "renewed", "lost")}
READ_ONLY = {"company": frozenset({"status", "mrr", "h", "renewalDate", "customerFrom", "customerTo"})}
TYPES = {
    "number": "number", "rating": "number", "checkbox": "boolean", "day": "date", "date": "datetime", "list": "option",
    "multipicklist": "options", "phone": "text", "email": "email", "team members": "options", "endusers": "options",
}  # fmt: skip
VENDOR_TYPES = {
    "text": "text", "number": "number", "integer": "number", "money": "number", "boolean": "checkbox", "date": "day",
    "datetime": "date", "phone": "phone", "email": "email", "option": "text", "options": "text",
}  # fmt: skip
LONGEST_NAME = 100


def list_fields(client: PlanhatClient, object_type: str) -> Sequence[FieldSpec]:
    """List the attributes and custom fields of one object type. Raises KeyError for an unknown one."""
    known = READ_ONLY.get(object_type, frozenset())
    own = [
        FieldSpec(key, label, kind, tuple(Option(one, one) for one in OPTIONS.get(key, ())), writable=key not in known)
        for key, label, kind in ATTRIBUTES[object_type]
    ]
    return [*own, *(custom_spec(row) for row in client.list_custom_fields() if _parent(row) == object_type)]


def _parent(row: Mapping[str, JSONValue]) -> str:
    """The model a field belongs to; how its name is capitalised is not documented (planhat sheet §5)."""
    return str(row.get("parent") or "").lower()


def custom_spec(row: Mapping[str, JSONValue]) -> FieldSpec:
    """Read one custom field. List values are text; each is its own key."""
    number, name, kind = row.get("_id"), row.get("name"), row.get("type")
    if not isinstance(number, str) or not isinstance(name, str):
        raise ContractError("Planhat sent a custom field in an unknown form.", detail=f"keys: {sorted(row)[:20]}")
    values = row.get("listValues") or ()
    options = tuple(Option(str(value), str(value)) for value in values) if isinstance(values, list) else ()
    writable = not (row.get("isFormula") or row.get("isLocked"))
    return FieldSpec(f"{CUSTOM}{number}", name, TYPES.get(str(kind), "text"), options, custom=True, writable=writable)


def name_problem(name: str) -> str:
    """Why no custom field can be made under this name; empty if one can."""
    if name.strip() and len(name) <= LONGEST_NAME and not name.startswith("$") and "." not in name:
        return ""
    text = gettext("“{name}” cannot be a custom field in Planhat: at most {count} characters, without a dot or $.")
    return text.format(name=name[:40], count=LONGEST_NAME)


def field_name(label: str, number: int = 1) -> str:
    """A label as Planhat takes names: no dot, no $ at the beginning."""
    name = naming.plain(label.replace(".", " ")).lstrip("$ ") or "Field"
    return naming.numbered(name, number, LONGEST_NAME, " ")


def create_field(client: PlanhatClient, object_type: str, spec: FieldSpec) -> FieldSpec:
    """Create a custom field and return it with the vendor's id."""
    kind = VENDOR_TYPES.get(spec.type)
    if kind is None:
        raise RecordError(f"Planhat has no field type for {spec.type}.", reason=Reason.FIELD_UNKNOWN)
    if problem := name_problem(spec.label):
        raise RecordError(problem, reason=Reason.FIELD_UNKNOWN)
    return custom_spec(client.create_custom_field(object_type, spec.label, kind))
