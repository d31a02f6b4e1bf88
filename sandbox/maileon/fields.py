"""Custom contact fields: declare, list, rename, delete; and wiping the values of one field."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from starlette.responses import Response

from sandbox.maileon.api import Call, Endpoint, child, empty, error, xml
from sandbox.maileon.document import READ_ONLY, WRITABLE

TYPES = ("string", "integer", "float", "boolean", "date")
RESERVED = (
    "id", "created", "external_id", "local_part", "permission_type", "permission_status", "sendout_status", "updated",
)  # fmt: skip


def list_fields(call: Call) -> Response:
    root = Element("custom_fields")
    for name, kind in call.account.custom_fields.items():
        item = SubElement(root, "custom_field")
        child(item, "name", name)
        child(item, "type", kind)
    return xml(root)


def create_field(call: Call) -> Response:
    name, kind = call.params["name"], call.query.get("type")
    if kind not in TYPES:
        error(400, f"type must be one of {', '.join(TYPES)} but was {kind}")
    _check_name(call, name)
    call.account.custom_fields[name] = kind
    return empty(201)


def rename_field(call: Call) -> Response:
    old, new = call.params["name"], call.params["new"]
    kind = _existing(call, old)
    _check_name(call, new)
    call.account.custom_fields = {
        new if key == old else key: value for key, value in call.account.custom_fields.items()
    }
    call.account.custom_fields[new] = kind
    for contact in call.account.living():
        if old in contact.custom:
            contact.custom[new] = contact.custom.pop(old)
    return empty(200)


def delete_field(call: Call) -> Response:
    _existing(call, call.params["name"])
    del call.account.custom_fields[call.params["name"]]
    return delete_values(call)


def delete_values(call: Call) -> Response:
    for contact in call.account.living():
        contact.custom.pop(call.params["name"], None)
    return empty()


def delete_standard_values(call: Call) -> Response:
    if call.params["name"] not in WRITABLE:
        error(404, "No such standard field")
    for contact in call.account.living():
        contact.standard.pop(call.params["name"], None)
    return empty()


def _existing(call: Call, name: str) -> str:
    return call.account.custom_fields.get(name) or error(404, f"Custom field {name} not found")


def _check_name(call: Call, name: str) -> None:
    if not 3 <= len(name) <= 64:
        error(400, "The name of a custom field has 3 to 64 characters")
    if name.upper() in (*WRITABLE, *READ_ONLY) or name.lower() in RESERVED:
        error(400, f"{name} is a reserved name")
    if name in call.account.custom_fields:
        error(409, f"Custom field {name} exists")


ENDPOINTS = [
    Endpoint("GET", "contacts/fields/custom", list_fields),
    Endpoint("POST", "contacts/fields/custom/{name}", create_field),
    Endpoint("PUT", "contacts/fields/custom/{name}/{new}", rename_field),
    Endpoint("DELETE", "contacts/fields/custom/{name}", delete_field),
    Endpoint("DELETE", "contacts/fields/custom/{name}/values", delete_values),
    Endpoint("DELETE", "contacts/fields/standard/{name}/values", delete_standard_values),
]
