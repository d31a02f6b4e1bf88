"""Sending and reading back transactions: every item is checked against its type and its contact."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import uuid4

from starlette.responses import Response

from sandbox.http import Record
from sandbox.maileon.api import Call, Endpoint, empty, error, json_body, json_reply
from sandbox.maileon.contacts import add_contact
from sandbox.maileon.document import Document, valid_email
from sandbox.maileon.model import Contact, TransactionType
from sandbox.maileon.types import find_type

MAX_BYTES = 9_000_000
STRING_LIMIT, STORE_ONLY_LIMIT = 1000, 64_000
KEYS = {"type", "typeName", "contact", "import", "content", "attachments", "release"}


class Rejected(Exception):
    """Why one transaction is not queued."""


def create(call: Call) -> Response:
    if len(call.incoming.body) > MAX_BYTES:
        error(400, f"Request entity must not exceed {MAX_BYTES} bytes")
    items = json_body(call)
    if not isinstance(items, list):
        error(400, "Expected a JSON array of transactions")
    generate = call.flag("generate_transaction_id")
    if not call.flag("ignore_invalid_transactions", default=True):
        for item in items:
            _refuse_if_bad(call, item)
    return json_reply({"reports": [_send(call, item, generate) for item in items]}, 201)


def _refuse_if_bad(call: Call, item: Any) -> None:
    try:
        _check(call, item)
    except Rejected as reason:
        error(400, str(reason))


def _send(call: Call, item: Any, generate: bool) -> Record:
    """Queue one transaction and report on it; a bad one is reported with its reason."""
    try:
        kind, contact = _check(call, item)
    except Rejected as reason:
        named = (item.get("import") or {}).get("contact") or item.get("contact") if isinstance(item, dict) else None
        return {"contact": named, "queued": False, "message": str(reason), "transaction_id": None}
    created = contact is None
    if contact is None:
        contact = _import(call, item["import"]["contact"])
    content = dict(item.get("content") or {})
    has_id = any(attribute["name"] == "transaction_id" for attribute in kind.attributes)
    if generate and has_id:
        content.setdefault("transaction_id", str(uuid4()))
    number = call.account.next("transaction", 900_001)
    call.account.transactions.append(
        {"txId": number, "type_id": kind.id, "typeName": kind.name, "contactId": contact.id, "email": contact.email,
         "external_id": contact.external_id, "content": content, "transaction_id": content.get("transaction_id"),
         "attachments": len(item.get("attachments") or ()), "at": call.now(),
         "at_ms": int(call.sandbox.clock.now().timestamp() * 1000)}
    )  # fmt: skip
    described = {"id": contact.id, "email": contact.email, "external_id": contact.external_id,
                 "permission": contact.permission, "created": created}  # fmt: skip
    return {"contact": described, "queued": True, "message": "", "transaction_id": content.get("transaction_id")}


def _check(call: Call, item: Any) -> tuple[TransactionType, Contact | None]:
    """Return the type and the contact (None: to be imported); raises Rejected."""
    if not isinstance(item, dict) or set(item) - KEYS:
        raise Rejected("malformed transaction")
    kind = _type(call, item)
    _check_content(kind, item.get("content") or {})
    imported = (item.get("import") or {}).get("contact")
    contact = _find(call, imported or item.get("contact"))
    if contact is None and imported is None:
        raise Rejected("contact not found")
    if imported is not None:
        _check_import(imported)
    return kind, contact


def _type(call: Call, item: Record) -> TransactionType:
    key = item.get("type") if item.get("type") is not None else item.get("typeName")
    kind = None if key is None else find_type(call.account, str(key))
    if kind is None:
        raise Rejected(f"transaction type {key} not found")
    return kind


def _find(call: Call, wish: Any) -> Contact | None:
    if not isinstance(wish, dict) or not any(wish.get(key) for key in ("id", "external_id", "email")):
        raise Rejected("a contact needs id, external_id or email")
    if wish.get("id"):
        return call.account.find_id(wish["id"])
    if wish.get("email"):
        return call.account.find(str(wish["email"]))
    matches = call.account.find_external(str(wish["external_id"]))
    return matches[0] if matches else None


def _check_import(wish: Record) -> None:
    if wish.get("permission") not in (1, 2, 3, 4, 5, 6):
        raise Rejected("permission is required to import a contact")
    if not valid_email(str(wish.get("email") or "")):
        raise Rejected("a valid email is required to import a contact")


def _import(call: Call, wish: Record) -> Contact:
    external_id = None if wish.get("external_id") is None else str(wish["external_id"])
    return add_contact(call, wish["email"], external_id, wish["permission"], Document())


def _check_content(kind: TransactionType, content: Any) -> None:
    if not isinstance(content, dict):
        raise Rejected("content must be an object")
    attributes = {attribute["name"]: attribute for attribute in kind.attributes}
    for name, value in content.items():
        if name not in attributes:
            raise Rejected(f"unknown attribute {name}")
        if value is not None:
            _check_value(kind, name, attributes[name]["type"], value)
    for name, attribute in attributes.items():
        if attribute["required"] and content.get(name) is None:
            raise Rejected(f"attribute {name} is required")


def _check_value(kind: TransactionType, name: str, expected: str, value: Any) -> None:
    limit = STORE_ONLY_LIMIT if kind.store_only else STRING_LIMIT
    if expected == "string" and (not isinstance(value, str | int | float) or len(str(value)) > limit):
        raise Rejected(f"attribute {name} must be a string of at most {limit} characters")
    if expected not in ("string", "json") and not _fits(expected, value):
        raise Rejected(f"attribute {name} is not a valid {expected}")


def _fits(expected: str, value: Any) -> bool:
    if expected == "boolean":
        return isinstance(value, bool) or value in ("true", "false")
    if isinstance(value, bool):
        return False
    if expected == "integer":
        return bool(re.fullmatch(r"-?\d+", str(value))) and -(2**31) <= int(value) < 2**31
    if expected in ("float", "double"):
        return bool(re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", str(value)))
    return _is_time(str(value), "%Y-%m-%d" if expected == "date" else "%Y-%m-%d %H:%M:%S")


def _is_time(value: str, pattern: str) -> bool:
    try:
        datetime.strptime(value, pattern)  # noqa: DTZ007 - the vendor's times carry no zone
    except ValueError:
        return False
    return True


def read_recent(call: Call) -> Response:
    type_id, count = call.number("type_id"), call.number("count", 1000)
    if not 1 <= count <= 2000:
        error(400, f"count must be between 1 and 2000 but was {count}")
    after = call.number("min_excluded_transaction_id", 0)
    rows = [row for row in call.account.transactions if row["type_id"] == type_id and row["txId"] > after]
    return json_reply([_brief(row) for row in rows[:count]])


def delete_before(call: Call) -> Response:
    type_id, before = call.number("type_id"), call.number("before_timestamp")
    kept = [row for row in call.account.transactions if row["type_id"] != type_id or row["at_ms"] >= before]
    call.account.transactions = kept
    return empty()


def get_by_transaction_id(call: Call) -> Response:
    return json_reply(_brief(_by_transaction_id(call)))


def delete_by_transaction_id(call: Call) -> Response:
    call.account.transactions.remove(_by_transaction_id(call))
    return empty()


def _by_transaction_id(call: Call) -> Record:
    kind = find_type(call.account, call.params["key"])
    wanted = call.params["tid"]
    rows = call.account.transactions if kind else []
    found = next((row for row in rows if kind and row["type_id"] == kind.id and row["transaction_id"] == wanted), None)
    return found or error(404, "Transaction not found")


def _brief(row: Record) -> Record:
    return {"tx": row["content"], "txId": row["txId"], "contactId": row["contactId"], "email": row["email"]}


ENDPOINTS = [
    Endpoint("POST", "transactions", create),
    Endpoint("GET", "transactions", read_recent),
    Endpoint("DELETE", "transactions", delete_before),
    Endpoint("GET", "transactions/{key}/transaction_id/{tid}", get_by_transaction_id),
    Endpoint("DELETE", "transactions/{key}/transaction_id/{tid}", delete_by_transaction_id),
]
