"""Transaction types ("contact events"): declare, read, extend, delete."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from starlette.responses import Response

from sandbox.http import Record
from sandbox.maileon.api import (
    Call,
    Endpoint,
    child,
    empty,
    error,
    is_json,
    json_body,
    number_reply,
    page,
    xml,
    xml_body,
)
from sandbox.maileon.model import Account, TransactionType

TYPES = ("string", "integer", "float", "double", "boolean", "date", "timestamp", "json")
LEVEL = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")
MAX_LEVEL, MAX_NAME, MIN_NAME, MAX_DESCRIPTION = 32, 255, 3, 1000


def list_types(call: Call) -> Response:
    items, headers = page(call, list(call.account.types.values()))
    root = Element("transaction_types")
    root.extend(_element(item) for item in items)
    return xml(root, 200, headers)


def count_types(call: Call) -> Response:
    return number_reply("count", len(call.account.types))


def get_type(call: Call) -> Response:
    return xml(_element(_type(call)))


def create_type(call: Call) -> Response:
    wish = _from_example(json_body(call)) if is_json(call) else _from_xml(xml_body(call, "transaction_type"))
    _check(wish)
    if find_type(call.account, wish["name"]) is not None:
        error(409, f"Transaction type {wish['name']} exists")
    made = _store(call, call.account.next("type", 31), wish)
    return number_reply("id", made.id, 201)


def update_type(call: Call) -> Response:
    """Extend a type: every old attribute must be named again, none may carry an id."""
    old = _type(call)
    root = xml_body(call, "transaction_type")
    wish = _from_xml(root)
    _check(wish)
    if any(item.find("id") is not None for item in root.iter("attribute")):
        error(400, "Attribute ids must not be sent")
    names = {attribute["name"] for attribute in wish["attributes"]}
    missing = [attribute["name"] for attribute in old.attributes if attribute["name"] not in names]
    if missing:
        error(400, f"Attributes must not be removed: {', '.join(missing)}")
    _store(call, old.id, wish, old)
    return empty(200)


def delete_type(call: Call) -> Response:
    del call.account.types[_type(call).id]
    return empty()


def find_type(account: Account, key: str) -> TransactionType | None:
    """Return a type by id or name."""
    if key.isdigit():
        return account.types.get(int(key))
    return next((item for item in account.types.values() if item.name == key), None)


def _type(call: Call) -> TransactionType:
    return find_type(call.account, call.params["key"]) or error(404, "Transaction type not found")


def _store(call: Call, number: int, wish: Record, old: TransactionType | None = None) -> TransactionType:
    known = {attribute["name"]: attribute for attribute in old.attributes} if old else {}
    attributes = [known.get(item["name"]) or item | {"id": call.account.next("attribute", 101)}
                  for item in wish["attributes"]]  # fmt: skip
    created = old.created if old else int(call.sandbox.clock.now().timestamp() * 1000)
    made = TransactionType(number, wish["name"], wish["description"], wish["archiving_duration"],
                           wish["store_only"], attributes, created)  # fmt: skip
    call.account.types[number] = made
    return made


def _from_xml(root: Element) -> Record:
    attributes = [
        {"name": item.findtext("name") or "", "description": item.findtext("description"),
         "type": item.findtext("type") or "", "required": _required(item)}
        for item in root.iter("attribute")
    ]  # fmt: skip
    duration = root.findtext("archivingDuration") or ""
    if duration and not duration.isdigit():
        error(400, "archivingDuration must be a number of days")
    return {
        "name": root.findtext("name") or "",
        "description": root.findtext("description"),
        "archiving_duration": int(duration) if duration else None,
        "store_only": root.findtext("storeOnly") == "true",
        "attributes": attributes,
    }


def _required(item: Element) -> bool:
    return "true" in (item.findtext("required"), item.findtext("mandatory"))


def _from_example(body: Any) -> Record:
    if not isinstance(body, dict) or not isinstance(body.get("content"), dict):
        error(400, "name and content are required")
    attributes = [
        {"name": name, "description": None, "type": _guess(value), "required": False}
        for name, value in body["content"].items()
    ]
    return {
        "name": str(body.get("name") or ""),
        "description": body.get("description"),
        "archiving_duration": body.get("archivingDuration"),
        "store_only": bool(body.get("storeOnly")),
        "attributes": attributes,
    }


def _guess(value: Any) -> str:
    guesses: tuple[tuple[Any, str], ...] = ((bool, "boolean"), (int, "integer"), (float, "double"), (str, "string"))
    return next((name for kind, name in guesses if isinstance(value, kind)), "json")


def _check(wish: Record) -> None:
    _check_name(wish["name"])
    if len(wish["name"]) < MIN_NAME:
        error(400, f"The name of a transaction type has at least {MIN_NAME} characters")
    if len(wish["description"] or "") > MAX_DESCRIPTION:
        error(400, f"description must not be longer than {MAX_DESCRIPTION} characters")
    _check_attributes(wish["attributes"])


def _check_attributes(attributes: Iterable[Record]) -> None:
    seen: set[str] = set()
    for attribute in attributes:
        _check_name(attribute["name"])
        if attribute["name"] in seen:
            error(400, f"Attribute {attribute['name']} is named twice")
        seen.add(attribute["name"])
        if attribute["type"] not in TYPES:
            error(400, f"Unknown attribute type {attribute['type']}")


def _check_name(name: str) -> None:
    levels = name.split(".")
    if len(name) > MAX_NAME or not all(LEVEL.match(level) and len(level) <= MAX_LEVEL for level in levels):
        error(400, f"Invalid name {name}")


def _element(item: TransactionType) -> Element:
    root = Element("transaction_type")
    child(root, "id", item.id)
    child(root, "created", item.created)
    child(root, "name", item.name)
    child(root, "description", item.description)
    child(root, "archivingDuration", item.archiving_duration)
    child(root, "storeOnly", item.store_only)
    parent = SubElement(root, "attributes")
    for attribute in item.attributes:
        made = SubElement(parent, "attribute")
        for key in ("id", "name", "description", "type", "required"):
            child(made, key, attribute[key])
    return root


ENDPOINTS = [
    Endpoint("GET", "transactions/types", list_types),
    Endpoint("POST", "transactions/types", create_type),
    Endpoint("GET", "transactions/types/count", count_types),
    Endpoint("GET", "transactions/types/{key}", get_type),
    Endpoint("PUT", "transactions/types/{key}", update_type),
    Endpoint("DELETE", "transactions/types/{key}", delete_type),
]
