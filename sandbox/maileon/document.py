"""The contact document: reading XML and JSON, checking every value, and writing the XML of an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from sandbox.http import Record
from sandbox.maileon.api import Call, child, error, is_json, json_body, text_of, xml_body
from sandbox.maileon.model import PERMISSION_NAMES, Account, Contact

STRING_FIELDS = (
    "ADDRESS", "CITY", "COUNTRY", "FIRSTNAME", "LASTNAME", "FULLNAME", "HNR", "ORGANIZATION", "REGION", "STATE",
    "SALUTATION", "TITLE", "ZIP",
)  # fmt: skip
WRITABLE = (*STRING_FIELDS, "BIRTHDAY", "NAMEDAY", "GENDER", "LOCALE")
READ_ONLY = ("PERMISSION_STATUS", "SENDOUT_STATUS", "CUSTOM_SOURCE", "CHECKSUM")
STRING_LIMIT = 255
EMAIL = re.compile(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
                   r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$")  # fmt: skip
LOCALE = re.compile(r"^[a-z]{2}(_[A-Z]{2})?$")
# Synchronize error codes by standard field; COUNTRY and SALUTATION have none of their own: assumptions/
CODES = {
    "ADDRESS": 6, "CITY": 7, "FIRSTNAME": 8, "FULLNAME": 9, "HNR": 10, "LASTNAME": 11, "ORGANIZATION": 12,
    "REGION": 13, "STATE": 14, "TITLE": 15, "ZIP": 16, "BIRTHDAY": 17, "NAMEDAY": 18, "GENDER": 19, "LOCALE": 20,
    "COUNTRY": 26, "SALUTATION": 26,
}  # fmt: skip
MISSING_EXTERNAL_ID, MISSING_EMAIL, INVALID_EMAIL, DUPLICATE_EXTERNAL_ID, DUPLICATE_EMAIL = 1, 2, 3, 4, 5
NO_SUCH_FIELD, BAD_BOOLEAN, BAD_FLOAT, BAD_INTEGER, TOO_LONG, BAD_TIMESTAMP = 21, 22, 23, 25, 26, 27


class Bad(Exception):
    """One wrong value: the synchronize error code, the field and the reason."""

    def __init__(self, code: int, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.code = code
        self.name = name


@dataclass
class Document:
    id: str | None = None
    email: str | None = None
    external_id: str | None = None
    standard: Record = field(default_factory=dict)
    custom: Record = field(default_factory=dict)
    preferences: list[Record] = field(default_factory=list)
    permission: str | None = None


def read_document(call: Call) -> Document:
    """Read the single contact of a request body."""
    return _from_json(json_body(call)) if is_json(call) else from_xml(xml_body(call, "contact"))


def _from_json(body: Any) -> Document:
    if not isinstance(body, dict):
        error(400, "Expected a JSON object")
    known = {"id", "email", "external_id", "permission", "standard_fields", "custom_fields", "preferences"}
    for key in body:
        if key not in known:
            error(400, f"Unknown property {key}")
    standard, custom = body.get("standard_fields") or {}, body.get("custom_fields") or {}
    if not isinstance(standard, dict) or not isinstance(custom, dict):
        error(400, "standard_fields and custom_fields must be objects")
    for name, value in custom.items():
        if value is None:
            error(400, f"Custom field {name} must not be null")
    texts = {key: None if body.get(key) is None else str(body[key]) for key in ("id", "email", "external_id")}
    permission = None if body.get("permission") is None else str(body["permission"])
    return Document(**texts, standard=standard, custom=custom, preferences=body.get("preferences") or [],
                    permission=permission)  # fmt: skip


def from_xml(root: Element) -> Document:
    document = Document()
    for item in root:
        if item.tag in ("id", "email", "external_id", "permission"):
            setattr(document, item.tag, _text(item))
        elif item.tag in ("standard_fields", "custom_fields"):
            setattr(document, item.tag.removesuffix("_fields"), _fields(item))
        elif item.tag == "preferences":
            document.preferences = [{part.tag: _text(part) for part in preference} for preference in item]
        elif item.tag not in ("created", "updated"):
            error(400, f"Unknown element {item.tag}")
    return document


def _fields(parent: Element) -> Record:
    return {item.findtext("name") or "": _value(item) for item in parent.findall("field")}


def _value(item: Element) -> str | None:
    found = item.find("value")
    return None if found is None else _text(found)


def _text(item: Element) -> str | None:
    return None if item.get("nil") == "true" else (item.text or "")


def valid_email(email: str) -> bool:
    return len(email) <= STRING_LIMIT and bool(EMAIL.match(email))


def checked_fields(account: Account, document: Document) -> tuple[Record, Record]:
    """Return standard and custom values as stored (None clears); raises Bad for the first wrong one."""
    standard = {name: _standard(name, value) for name, value in document.standard.items()}
    custom = {name: check_custom(account, name, value) for name, value in document.custom.items()}
    return standard, custom


def _standard(name: str, value: Any) -> str | None:
    if name not in WRITABLE:
        raise Bad(NO_SUCH_FIELD, name, "no such standard field")
    if value is None or value == "":
        return None
    text = text_of(value)
    if name in STRING_FIELDS and len(text) > STRING_LIMIT:
        raise Bad(CODES[name], name, f"must not be longer than {STRING_LIMIT} characters")
    if name in ("BIRTHDAY", "NAMEDAY") and _date(text) is None:
        raise Bad(CODES[name], name, "must be yyyy-MM-dd or yyyy-MM-dd HH:mm:ss")
    if name == "GENDER" and text not in ("m", "f", "d"):
        raise Bad(CODES[name], name, "must be m, f or d")
    if name == "LOCALE" and not LOCALE.match(text):
        raise Bad(CODES[name], name, "must be xx or xx_XX")
    return text


def check_custom(account: Account, name: str, value: Any) -> Any:
    kind = account.custom_fields.get(name)
    if kind is None:
        raise Bad(NO_SUCH_FIELD, name, "no such custom field")
    if value is None or value == "":
        return None
    return _CONVERT[kind](name, text_of(value))


def _string(name: str, text: str) -> str:
    if len(text) > STRING_LIMIT:
        raise Bad(TOO_LONG, name, f"must not be longer than {STRING_LIMIT} characters")
    return text


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false", "0", "1"):
        raise Bad(BAD_BOOLEAN, name, "is not a boolean")
    return text.lower() in ("true", "1")


def _integer(name: str, text: str) -> int:
    if not re.fullmatch(r"-?\d+", text) or not -(2**31) <= int(text) < 2**31:
        raise Bad(BAD_INTEGER, name, "is not a 32 bit integer")
    return int(text)


def _float(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as problem:
        raise Bad(BAD_FLOAT, name, "is not a float") from problem


def _day(name: str, text: str) -> str:
    day = _date(text)
    if day is None:
        raise Bad(BAD_TIMESTAMP, name, "must be yyyy-MM-dd or yyyy-MM-dd HH:mm:ss")
    return day


_CONVERT = {"string": _string, "boolean": _boolean, "integer": _integer, "float": _float, "date": _day}


def _date(text: str) -> str | None:
    for pattern in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(text, pattern).strftime("%Y-%m-%d")  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None


def contact_element(contact: Contact, call: Call, *, tag: str = "contact") -> Element:
    """Write a contact with the fields the query asks for, and no other."""
    root = Element(tag)
    if not contact.anonymous:
        child(root, "id", contact.id)
        child(root, "email", contact.email)
    child(root, "external_id", contact.external_id)
    child(root, "created", contact.created)
    child(root, "updated", contact.updated)
    child(root, "permission", contact.permission)
    _write_fields(root, "standard_fields", [(name, standard_value(contact, name)) for name in _asked_standard(call)])
    custom = [(name, contact.custom.get(name)) for name in call.many("custom_field")]
    _write_fields(root, "custom_fields", [(name, value) for name, value in custom if value is not None])
    if call.many("preference_categories"):
        _write_preferences(root, contact, call.many("preference_categories"))
    return root


def _asked_standard(call: Call) -> list[str]:
    names = call.many("standard_field")
    for name in names:
        if name not in (*WRITABLE, *READ_ONLY):
            error(400, f"Unknown standard field {name}")
    return names


def _write_fields(root: Element, tag: str, values: list[tuple[str, Any]]) -> None:
    parent = SubElement(root, tag)
    for name, value in values:
        item = SubElement(parent, "field")
        SubElement(item, "name").text = name
        child(item, "value", value)


def _write_preferences(root: Element, contact: Contact, categories: list[str]) -> None:
    parent = SubElement(root, "preferences")
    for preference in contact.preferences:
        if preference.get("category") in categories:
            item = SubElement(parent, "preference")
            for key, value in preference.items():
                child(item, key, value)


def standard_value(contact: Contact, name: str) -> str | None:
    if name == "PERMISSION_STATUS":
        return permission_status(contact)
    if name == "SENDOUT_STATUS":
        return "blocked" if contact.blocked else "allowed"
    if name == "CUSTOM_SOURCE":
        return contact.source
    return contact.checksum if name == "CHECKSUM" else contact.standard.get(name)


def permission_status(contact: Contact) -> str:
    if contact.anonymous or contact.unsubscribed_at is not None:
        return "unsubscribed"
    return "none" if PERMISSION_NAMES[contact.permission] == "none" else "available"
