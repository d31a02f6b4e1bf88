"""Build what goes to Brevo and read what comes back. Pure functions for the client's modules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from config.json_value import JSONValue
from integration.connectors.base import Account
from integration.connectors.brevo.api import Row, checked_rows
from integration.connectors.brevo.records import Attribute, Company, Contact, Deal, Event, Process, StoredContact
from integration.errors import ContractError

PHONES = ("SMS", "WHATSAPP", "LANDLINE_NUMBER")
IMPORT_BYTES = 7_500_000  # the vendor advises to stay below 8 MB (sheet §4)
STATES = {"completed": "done", "failed": "failed", "cancelled": "failed"}
STAND_IN = "@mailin-sms.com"


def attributes_body(contact: Contact, *, email: bool = False) -> dict[str, JSONValue]:
    """A contact's attributes as JSON; an empty text clears. With `email` the address is among them: its new one."""
    values: dict[str, JSONValue] = {name: "" if value is None else value for name, value in contact.attributes.items()}
    return {**values, **({"EMAIL": contact.email} if email else {})}


def import_rows(contacts: Sequence[Contact]) -> list[dict[str, JSONValue]]:
    """The rows of an import; what is empty is left out, so that it erases nothing."""
    return [
        {
            "email": contact.email,
            "attributes": {name: value for name, value in contact.attributes.items() if value is not None}
            | ({"EXT_ID": contact.ext_id} if contact.ext_id else {}),
        }
        for contact in contacts
    ]


def chunks(contacts: Sequence[Contact]) -> Iterator[list[Contact]]:
    """Cut into imports by size. One address twice in an import is a clash: the second goes into the next one."""
    chunk: list[Contact] = []
    seen: set[str] = set()
    size = 0
    for contact in contacts:
        weight = len(json.dumps(import_rows([contact])[0], ensure_ascii=False).encode()) + 2
        if chunk and (size + weight > IMPORT_BYTES or contact.email.lower() in seen):
            yield chunk
            chunk, seen, size = [], set(), 0
        chunk.append(contact)
        seen.add(contact.email.lower())
        size += weight
    if chunk:
        yield chunk


def account(info: Row) -> Account:
    """Read whose account a key opens."""
    if not info.get("organization_id"):
        raise ContractError("Brevo did not say which account this is.", detail="account")
    preferences = info.get("dateTimePreferences")
    zone = preferences.get("timezone") if isinstance(preferences, dict) else None
    kept = {"email": info.get("email"), "user_id": info.get("user_id"), "plan": _plan(info), "time_zone": zone}
    name = str(info.get("companyName") or info["organization_id"])
    return Account(str(info["organization_id"]), name, {key: str(value) for key, value in kept.items() if value})


def _plan(info: Row) -> str:
    rows = info.get("plan")
    return ", ".join(str(row.get("type")) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ""


def _own_address(email: str) -> str:
    """The contact's address; the one Brevo makes up for contacts that have only a number is nobody's (sheet §4)."""
    return "" if email.lower().endswith(STAND_IN) else email


def stored_contact(row: Row) -> StoredContact:
    """Read one contact of any answer."""
    if not row.get("id"):
        raise ContractError("Brevo sent a contact without an id.", detail=f"keys: {sorted(row)[:20]}")
    attributes = row.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise ContractError("Brevo sent attributes in an unknown form.", detail=type(attributes).__name__)
    statistics = row.get("statistics")
    return StoredContact(
        id=str(row["id"]),
        email=_own_address(str(row.get("email") or "")),
        attributes={name: _shown(name, value) for name, value in attributes.items()},
        blocklisted=bool(row.get("emailBlacklisted")),
        list_ids=_numbers(row, "listIds"),
        left_list_ids=_numbers(row, "listUnsubscribed"),
        bounced=isinstance(statistics, dict) and bool(statistics.get("hardBounces")),
        created=moment(row.get("createdAt")),
        modified=moment(row.get("modifiedAt")),
    )


def _shown(name: str, value: JSONValue) -> JSONValue:
    """Phone numbers are stored without their plus, which every other system wants."""
    return f"+{value}" if name in PHONES and str(value or "").isdigit() else (None if value == "" else value)


def _numbers(row: Row, key: str) -> tuple[int, ...]:
    found = row.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, int) for item in found):
        raise ContractError(f"Brevo sent {key} in an unknown form.", detail=type(found).__name__)
    return tuple(found)


def moment(value: JSONValue) -> datetime | None:
    """Read a time with its zone; empty is None."""
    if not value:
        return None
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as exc:
        raise ContractError("Brevo sent a time in an unknown form.", detail=str(value)[:40]) from exc
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def attribute(row: Row) -> Attribute:
    """Read one attribute; `value` of a choice may be 0 where `valueStr` has it (sheet §4)."""
    choices = checked_rows(row.get("enumeration") or [], "enumeration")
    named = [(str(item.get("valueStr") or item.get("value")), str(item.get("label"))) for item in choices]
    options = row.get("multiCategoryOptions") or []
    named += [(str(item), str(item)) for item in options] if isinstance(options, list) else []
    category = str(row.get("category"))
    return Attribute(str(row.get("name")), category, str(row.get("type") or category), tuple(named))


def process(row: Row) -> Process:
    """Read a process. Below `info.import` are addresses of reports about rows that were left out, or null."""
    info = row.get("info")
    reports = info.get("import") if isinstance(info, dict) else None
    problems = tuple(str(name) for name, report in reports.items() if report) if isinstance(reports, dict) else ()
    if not row.get("id"):
        raise ContractError("Brevo sent a process in an unknown form.", detail=f"keys: {sorted(row)[:20]}")
    return Process(str(row["id"]), STATES.get(str(row.get("status")), "waiting"), problems)


def event_body(event: Event) -> dict[str, JSONValue]:
    """An event as JSON; the contact's id wins over its address (sheet §5)."""
    who: dict[str, JSONValue] = (
        {"contact_id": int(event.contact_id)} if event.contact_id.isdigit() else {"email_id": event.email}
    )
    body: dict[str, JSONValue] = {"event_name": event.name, "identifiers": who}
    properties = {name: value for name, value in event.properties.items() if value is not None}
    if event.at is not None:
        body["event_date"] = event.at.astimezone(UTC).isoformat(timespec="milliseconds")
    return {**body, "event_properties": properties}


def company(row: Row) -> Company:
    """Read one company."""
    attributes = _crm_attributes(row, "a company")
    updated = moment(attributes.get("last_updated_at"))
    return Company(str(row["id"]), attributes, _ids(row, "linkedContactsIds"), _ids(row, "linkedDealsIds"), updated)


def deal(row: Row) -> Deal:
    """Read one deal."""
    attributes = _crm_attributes(row, "a deal")
    updated = moment(attributes.get("last_updated_date") or attributes.get("last_updated_at"))
    return Deal(str(row["id"]), attributes, _ids(row, "linkedContactsIds"), _ids(row, "linkedCompaniesIds"), updated)


def _crm_attributes(row: Row, what: str) -> dict[str, JSONValue]:
    attributes = row.get("attributes")
    if not row.get("id") or not isinstance(attributes, dict):
        raise ContractError(f"Brevo sent {what} in an unknown form.", detail=f"keys: {sorted(row)[:20]}")
    return attributes


def _ids(row: Row, key: str) -> tuple[str, ...]:
    linked = row.get(key) or []
    return tuple(str(item) for item in linked) if isinstance(linked, list) else ()


def multipart(parts: Mapping[str, str], files: Mapping[str, str], boundary: str) -> bytes:
    """A form with text parts and CSV files."""
    rows = [f'name="{name}"\r\n\r\n{value}' for name, value in parts.items()]
    rows += [
        f'name="{name}"; filename="{name}.csv"\r\nContent-Type: text/csv\r\n\r\n{text}' for name, text in files.items()
    ]
    body = "".join(f"--{boundary}\r\nContent-Disposition: form-data; {row}\r\n" for row in rows)
    return f"{body}--{boundary}--\r\n".encode()
