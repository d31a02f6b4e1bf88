"""The properties a new portal has, and what a definition must look like."""

from __future__ import annotations

from typing import Any

from sandbox.http import Record
from sandbox.hubspot import stages

GROUP = "contactinformation"
PAIRS = {
    "bool": ("booleancheckbox",), "enumeration": ("booleancheckbox", "checkbox", "radio", "select"),
    "string": ("text", "textarea", "html", "phonenumber", "file"), "number": ("number",), "date": ("date",),
    "datetime": ("date",), "phone_number": ("phonenumber",),
}  # fmt: skip
READ_ONLY = frozenset(
    "createdate lastmodifieddate hs_object_id hs_additional_emails hs_merged_object_ids hs_object_source "
    "hs_object_source_label".split()
)
TEXTS = (
    ("email", "Email"), ("firstname", "First Name"), ("lastname", "Last Name"), ("salutation", "Salutation"),
    ("jobtitle", "Job Title"), ("company", "Company Name"), ("address", "Street Address"), ("city", "City"),
    ("state", "State/Region"), ("zip", "Postal Code"), ("country", "Country/Region"), ("phone", "Phone Number"),
    ("website", "Website URL"), ("date_of_birth", "Date of birth"), ("gender", "Gender"),
    ("hs_additional_emails", "Additional email addresses"), ("hs_merged_object_ids", "Merged record IDs"),
    ("hs_object_source", "Record source"), ("hs_object_source_label", "Record source label"),
)  # fmt: skip
LANGUAGES = (("de", "German"), ("de-de", "German - Germany"), ("en", "English"), ("en-us", "English - United States"),
             ("fr", "French"))  # fmt: skip
DEFAULT_READ = ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")


def standard_properties(now: str) -> dict[str, Record]:
    made = [definition(name, label, "string", "text") for name, label in TEXTS]
    made += [
        definition("createdate", "Create Date", "datetime", "date"),
        definition("lastmodifieddate", "Last Modified Date", "datetime", "date"),
        definition("hs_object_id", "Record ID", "number", "number"),
        definition("hs_language", "Preferred language", "enumeration", "select", options(LANGUAGES)),
        definition(stages.PROPERTY, "Lifecycle Stage", "enumeration", "radio", options(stages.DEFAULT_STAGES)),
    ]
    return {item["name"]: item | {"createdAt": now, "updatedAt": now} for item in made}


def options(pairs: tuple[tuple[str, str], ...]) -> list[Record]:
    return [
        {"label": label, "value": value, "displayOrder": order, "hidden": False}
        for order, (value, label) in enumerate(pairs)
    ]


def definition(name: str, label: str, kind: str, field: str, choices: list[Record] | None = None) -> Record:
    """A property of HubSpot's own."""
    return {
        "name": name, "label": label, "type": kind, "fieldType": field, "groupName": GROUP, "description": "",
        "options": choices or [], "displayOrder": -1, "formField": name not in READ_ONLY, "hidden": False,
        "hasUniqueValue": name == "hs_object_id", "hubspotDefined": True, "calculated": False, "archived": False,
        "modificationMetadata": {
            "archivable": False, "readOnlyDefinition": True, "readOnlyValue": name in READ_ONLY,
        },
    }  # fmt: skip


def problem_with(wish: Record) -> str:
    """Say what is wrong with a definition somebody wants to create; empty if nothing."""
    for key in ("name", "label", "type", "fieldType", "groupName"):
        if not isinstance(wish.get(key), str) or not wish[key]:
            return f"{key} is required"
    if not all(sign.islower() or sign.isdigit() or sign == "_" for sign in wish["name"]):
        return "the name may hold lower-case letters, digits and underscores only"
    if wish["fieldType"] not in PAIRS.get(wish["type"], ()):
        return f"{wish['fieldType']} is not a valid field type for {wish['type']}"
    if wish["type"] == "enumeration" and not _are_options(wish.get("options")):
        return "options are required for enumerations, each with label, value, displayOrder and hidden"
    return ""


def _are_options(given: Any) -> bool:
    wanted = {"label", "value", "displayOrder", "hidden"}
    return isinstance(given, list) and bool(given) and all(wanted <= item.keys() for item in given)
