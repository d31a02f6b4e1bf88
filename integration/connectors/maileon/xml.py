"""Read and build Maileon's XML. Pure: no I/O. What comes in is parsed by defusedxml only: no DTD, no entities."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from config.json_value import MOST_DEPTH, JSONValue
from integration.connectors.maileon.fields import fit
from integration.connectors.maileon.records import (
    PERMISSION_WORDS,
    Attribute,
    Contact,
    InvalidContact,
    StoredContact,
    SyncReport,
    TransactionType,
)
from integration.connectors.rows import Read
from integration.errors import ContractError

# What XML 1.0 cannot carry at all: one such character in one name would make the vendor refuse a whole bulk call.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MOST_TAGS = 1_000_000  # opening and closing ones; a page of a thousand contacts with fifty fields has a third as many
_TRUE = frozenset({"true", "1"})


def parse(content: bytes) -> Element:
    """Return the root element. Raises ContractError for what is not plain XML, too much of it or too deep."""
    if content.count(b"<") > MOST_TAGS:
        raise ContractError("Maileon's answer is larger than we read.", detail=f"more than {MOST_TAGS} tags")
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as exc:
        raise ContractError("Maileon sent XML we do not read (it declares a DTD or entities).") from exc
    except (ParseError, ValueError, LookupError) as exc:
        raise ContractError("Maileon's answer is not XML.", detail=type(exc).__name__) from exc
    level = [root]
    for _ in range(MOST_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return root
    raise ContractError("Maileon's answer is nested too deeply.")


def is_nil(element: Element) -> bool:
    """Maileon writes an empty value as `nil="true"`."""
    return element.get("nil", "").lower() in _TRUE


def text(parent: Element, tag: str) -> str:
    """Return the text of a child; missing and nil are empty."""
    element = parent.find(tag)
    return "" if element is None or is_nil(element) else (element.text or "").strip()


def number(parent: Element, tag: str) -> int:
    """Return the whole number in a child; missing is 0. Raises ContractError for anything else."""
    return _int(text(parent, tag) or "0", tag)


def root_id(content: bytes) -> str:
    """Return the id a create call answers: the text of the root (`<id>123</id>`), or "" when there is none."""
    if not content.strip():
        return ""
    root = parse(content)
    return (root.text or "").strip() or text(root, "id")


def error_message(content: bytes) -> str:
    """Return the words of `<error><message>`; "" when the body is something else."""
    try:
        return text(parse(content), "message")
    except ContractError:
        return ""


# Contacts


def contacts_document(contacts: Sequence[Contact]) -> bytes:
    """Build the body of a bulk call. It carries no permission: that is a parameter of the call (maileon sheet §4)."""
    root = Element("contacts")
    for contact in contacts:
        node = SubElement(root, "contact")
        if contact.email:
            _add(node, "email", contact.email)
        if contact.external_id:
            _add(node, "external_id", contact.external_id)
        _add_fields(node, "standard_fields", contact.standard_fields)
        _add_fields(node, "custom_fields", contact.custom_fields)
    return _document(root)


def read_contacts(nodes: Iterable[Element]) -> Read[StoredContact]:
    """Read each contact by itself. One without an id is none of ours: it is on its way out, or anonymised."""
    records: list[StoredContact] = []
    unreadable: dict[str, str] = {}
    for node in nodes:
        try:
            contact = read_contact(node)
        except ContractError as exc:
            unreadable[text(node, "id")] = f"{exc.public} {exc.detail}".strip()
            continue
        if contact.id:
            records.append(contact)
    return Read(tuple(records), {key: problem for key, problem in unreadable.items() if key})


def read_contact(node: Element) -> StoredContact:
    """Read one `<contact>`. Anonymised ones have an id and no address."""
    return StoredContact(
        id=text(node, "id"),
        email=text(node, "email"),
        external_id=text(node, "external_id"),
        permission=permission(node),
        created=text(node, "created"),
        updated=text(node, "updated"),
        standard_fields=dict(_read_fields(node, "standard_fields")),
        custom_fields=dict(_read_fields(node, "custom_fields")),
    )


def permission(node: Element) -> int | None:
    """Contact reads give the number in `permission`, reports the word in `permissionType` (maileon sheet §2)."""
    found = text(node, "permission") or text(node, "permissionType")
    if not found:
        return None
    return PERMISSION_WORDS[found.lower()] if found.lower() in PERMISSION_WORDS else _int(found, "permission")


def read_report(content: bytes) -> SyncReport:
    """Read the report of a bulk call. The names of its outer elements are not documented, those inside are."""
    root = parse(content)
    if root.find("count_new_contacts") is None:
        raise ContractError("Maileon's report on a bulk call has an unknown form.", detail=f"root <{root.tag}>")
    invalid = root.find("invalid_contacts")
    return SyncReport(
        new=number(root, "count_new_contacts"),
        existing=number(root, "count_existing_contacts"),
        unsubscribed=number(root, "count_unsubscribed_contacts"),
        invalid=tuple(_read_invalid(node) for node in invalid) if invalid is not None else (),
    )


def _read_invalid(node: Element) -> InvalidContact:
    error = node.find("error")
    code = "0" if error is None else error.get("code", "0")
    name = "" if error is None else text(error, "error_field")
    return InvalidContact(text(node, "email"), text(node, "external_id"), _int(code, "code"), name)


def _read_fields(node: Element, tag: str) -> Iterator[tuple[str, str | None]]:
    for row in node.findall(f"{tag}/field"):
        value = row.find("value")
        yield text(row, "name"), None if value is None or is_nil(value) else (value.text or "")


def _add_fields(node: Element, tag: str, values: Mapping[str, JSONValue]) -> None:
    if not values:
        return
    group = SubElement(node, tag)
    for name, value in values.items():
        row = SubElement(group, "field")
        _add(row, "name", name)
        if value is None:
            SubElement(row, "value", nil="true")
        else:
            _add(row, "value", fit(value, "contact"))


# Custom fields and transaction types


def read_transaction_type(node: Element) -> TransactionType:
    """Read one `<transaction_type>`."""
    attributes = tuple(_read_attribute(row) for row in node.findall("attributes/attribute"))
    return TransactionType(text(node, "id"), text(node, "name"), attributes)


def transaction_type_document(name: str, attributes: Sequence[Attribute], description: str, days: int | None) -> bytes:
    """Build a transaction type. `days` is how long its events are kept; None is forever."""
    root = Element("transaction_type")
    _add(root, "name", name)
    if description:
        _add(root, "description", description)
    if days:
        _add(root, "archivingDuration", days)
    group = SubElement(root, "attributes")
    for attribute in attributes:
        row = SubElement(group, "attribute")
        _add(row, "name", attribute.name)
        if attribute.description:
            _add(row, "description", attribute.description)
        _add(row, "type", attribute.type)
        _add(row, "required", attribute.required)
    return _document(root)


def _read_attribute(node: Element) -> Attribute:
    required = text(node, "required") or text(node, "mandatory")  # some clients read the second name (sheet §5.1)
    return Attribute(text(node, "name"), text(node, "type"), required in _TRUE, text(node, "description"))


def plain(value: JSONValue) -> str:
    """Write a value as Maileon's XML wants it: booleans as words, without characters XML cannot carry."""
    if isinstance(value, bool):
        return "true" if value else "false"
    written = str(value)
    return written if written.isprintable() else _NOT_XML.sub("", written)


def _add(parent: Element, tag: str, value: JSONValue) -> None:
    SubElement(parent, tag).text = plain(value)


def _document(root: Element) -> bytes:
    text: str = tostring(root, encoding="unicode")  # a third of the time tostring takes to write bytes
    return f"<?xml version='1.0' encoding='utf-8'?>\n{text}".encode()


def _int(value: str, name: str) -> int:
    try:
        number = int(value)
        if abs(number) >= 2**63:
            raise ValueError
        return number
    except ValueError as exc:
        raise ContractError("Maileon sent a number in an unknown form.", detail=f"{name}: {value[:40]}") from exc
