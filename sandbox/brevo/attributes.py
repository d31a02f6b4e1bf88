"""Contact attributes: list, create, change, delete. A type can never be changed."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.brevo.api import CONTACTS, Call, Endpoint, empty, error
from sandbox.brevo.model import BUILT_IN, Attribute
from sandbox.http import Record, reply

CATEGORIES = ("normal", "category", "calculated", "global", "transactional")
TYPES = {
    "normal": ("text", "date", "float", "boolean", "user", "multiple-choice"),
    "category": ("category",),
    "transactional": ("text", "date", "float", "id"),
}


def list_attributes(call: Call) -> Response:
    return reply({"attributes": [shown(row) for row in call.account.attributes.values()]})


def shown(row: Attribute) -> Record:
    found: Record = {"name": row.name, "category": row.category}
    if row.category in TYPES:
        found["type"] = row.type
    if row.enumeration:
        found["enumeration"] = [{**item, "valueStr": str(item["value"])} for item in row.enumeration]
    if row.options:
        found["multiCategoryOptions"] = row.options
    return found | ({"calculatedValue": row.value} if row.category in ("calculated", "global") else {})


def create(call: Call) -> Response:
    name, category, wish = call.params["name"].upper(), call.params["category"], call.body()
    if category not in CATEGORIES:
        error(400, "invalid_parameter", "Attribute category is not valid")
    if not name.replace("_", "").isalnum():
        error(400, "invalid_parameter", "Attribute name is not valid")
    if name in call.account.attributes or name == "EMAIL":
        error(400, "duplicate_parameter", "Attribute name must be unique")
    kind = str(wish.get("type") or category)
    if category in TYPES and kind not in TYPES[category]:
        error(400, "invalid_parameter", f"type is not valid for a {category} attribute")
    if category == "category" and not wish.get("enumeration"):
        error(400, "missing_parameter", "enumeration is missing")
    call.account.attributes[name] = Attribute(
        name, category, kind, wish.get("enumeration") or [], wish.get("multiCategoryOptions") or [],
        str(wish.get("value") or ""),
    )  # fmt: skip
    return Response(b"", 201)


def change(call: Call) -> Response:
    row, wish = _attribute(call), call.body()
    row.enumeration = wish.get("enumeration", row.enumeration)
    row.options = wish.get("multiCategoryOptions", row.options)
    row.value = wish.get("value", row.value)
    return empty()


def delete(call: Call) -> Response:
    row = _attribute(call)
    if row.name in BUILT_IN:
        error(400, "invalid_parameter", "This attribute cannot be deleted")
    del call.account.attributes[row.name]
    for contact in call.account.contacts.values():
        contact.attributes.pop(row.name, None)
    return empty()


def _attribute(call: Call) -> Attribute:
    row = call.account.attributes.get(call.params["name"].upper())
    if row is None or row.category != call.params["category"]:
        error(404, "document_not_found", "Attribute not found")
    return row


ENDPOINTS = [
    Endpoint("GET", "contacts/attributes", list_attributes, CONTACTS),
    Endpoint("POST", "contacts/attributes/{category}/{name}", create, CONTACTS),
    Endpoint("PUT", "contacts/attributes/{category}/{name}", change, CONTACTS),
    Endpoint("DELETE", "contacts/attributes/{category}/{name}", delete, CONTACTS),
]
