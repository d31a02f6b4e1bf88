"""Maileon's contact fields: the fixed standard ones and the account's custom ones, and how long a value may be.

Called for mappings, settings and by whatever writes values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from django.utils.translation import gettext

from config.json_value import JSONValue
from integration.connectors import naming
from integration.connectors.base import FieldSpec, Option
from integration.connectors.maileon.records import CustomField
from integration.errors import RecordError
from integration.reasons import Reason

if TYPE_CHECKING:
    from integration.connectors.maileon.client import MaileonClient

# The vendor refuses longer texts; cutting them is what its own plug-ins do (maileon sheet §2.4, §5.1, §10.12).
LIMITS = {"contact": 255, "attribute": 1000, "stored_attribute": 64_000}
TEXT_FIELDS = {
    "SALUTATION": "Salutation", "TITLE": "Title", "FIRSTNAME": "First name", "LASTNAME": "Last name",
    "FULLNAME": "Full name", "ORGANIZATION": "Organization", "ADDRESS": "Street", "HNR": "House number", "ZIP": "Zip",
    "CITY": "City", "STATE": "State", "REGION": "Region", "COUNTRY": "Country",
}  # fmt: skip
GENDERS = (Option("m", "male"), Option("f", "female"), Option("d", "diverse"))
TYPED_FIELDS = {
    "BIRTHDAY": FieldSpec("BIRTHDAY", "Birthday", "date"),
    "NAMEDAY": FieldSpec("NAMEDAY", "Name day", "date"),
    "GENDER": FieldSpec("GENDER", "Gender", "option", GENDERS),
    "LOCALE": FieldSpec("LOCALE", "Language", "text"),  # xx or xx_XX
}
STANDARD_FIELDS: tuple[FieldSpec, ...] = (
    FieldSpec("email", "E-mail", "email"),
    FieldSpec("external_id", "External id", "text"),
    *(FieldSpec(key, label, "text") for key, label in TEXT_FIELDS.items()),
    *TYPED_FIELDS.values(),
)
TYPES = {"string": "text", "integer": "integer", "float": "number", "boolean": "boolean", "date": "date"}
VENDOR_TYPES = {
    "text": "string", "integer": "integer", "number": "float", "boolean": "boolean", "date": "date", "option": "string",
    "options": "string", "phone": "string", "email": "string", "money": "string", "datetime": "string",
}  # fmt: skip
RESERVED_NAMES = frozenset(
    "id created external_id local_part permission_type permission_status sendout_status updated".split()
)
NAME_LENGTHS = range(3, 65)
UNFIT = re.compile(r"[/\\?#%;]+")  # names stand in the path of calls


def fit(value: JSONValue, kind: Literal["contact", "attribute", "stored_attribute"]) -> JSONValue:
    """Cut a text to the longest the vendor takes in a contact field or a transaction attribute; others pass."""
    return value[: LIMITS[kind]] if isinstance(value, str) else value


def custom_field_spec(field: CustomField) -> FieldSpec:
    """Return the FieldSpec of one custom field; its name is its key and its label."""
    return FieldSpec(field.name, field.name, TYPES.get(field.type, "text"), custom=True)


def list_fields(client: MaileonClient, object_type: str) -> Sequence[FieldSpec]:
    """List the standard fields and the account's custom fields of contacts."""
    if object_type != "contact":
        raise KeyError(object_type)
    return [*STANDARD_FIELDS, *(custom_field_spec(field) for field in client.list_custom_fields())]


def name_problem(name: str) -> str:
    """Why Maileon takes no custom field of this name; empty if it does."""
    if len(name) not in NAME_LENGTHS:
        text = gettext("{name} cannot be the name of a custom field in Maileon: a name has 3 to 64 characters.")
        return text.format(name=name)
    if name != naming.plain(name):
        text = gettext("{name} cannot be the name of a custom field in Maileon: it has too many spaces.")
        return text.format(name=name)
    if name.lower() in RESERVED_NAMES or name.upper() in _STANDARD_NAMES:
        text = gettext("{name} cannot be the name of a custom field in Maileon: it is used already.")
        return text.format(name=name)
    return ""


def field_name(label: str, number: int = 1) -> str:
    """A label as Maileon takes names: 3 to 64 characters in any script, without spaces around."""
    name = naming.plain(UNFIT.sub(" ", label)) or "Field"
    if len(name) < NAME_LENGTHS.start:
        name = f"{name} field"
    return naming.numbered(name, number, NAME_LENGTHS.stop - 1, " ")


def create_field(client: MaileonClient, object_type: str, spec: FieldSpec) -> FieldSpec:
    """Create a custom contact field named like the key. Its type can never be changed again."""
    name = spec.key or spec.label
    if problem := name_problem(name):
        raise RecordError(problem, reason=Reason.FIELD_UNKNOWN)
    kind = VENDOR_TYPES.get(spec.type)
    if kind is None:
        raise RecordError(f"Maileon has no field type for {spec.type}.", reason=Reason.FIELD_UNKNOWN)
    client.create_custom_field(name, kind)
    return custom_field_spec(CustomField(name, kind))


_STANDARD_NAMES = frozenset({*TEXT_FIELDS, *TYPED_FIELDS})
