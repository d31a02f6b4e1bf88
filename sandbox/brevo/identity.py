"""Who a contact is: finding one by any of its identifiers, and the refusal of what another contact has already."""

from __future__ import annotations

from typing import NoReturn

from sandbox.brevo.api import Call, error
from sandbox.brevo.model import IDENTIFIERS, Account, Contact
from sandbox.brevo.values import phone, valid_email
from sandbox.http import Record

TYPES = {
    "email_id": "EMAIL", "ext_id": "EXT_ID", "phone_id": "SMS", "whatsapp_id": "WHATSAPP",
    "landline_number_id": "LANDLINE_NUMBER",
}  # fmt: skip
METADATA = {"EMAIL": "email", "EXT_ID": "ext_id"}


def contact_of(call: Call) -> Contact:
    """The contact the path means; without `identifierType` only address and id, on GET the phone too."""
    raw, kind = call.params["identifier"], call.query.get("identifierType")
    found = _typed(call.account, raw, kind) if kind else _guessed(call, raw)
    return found or unknown()


def _typed(account: Account, raw: str, kind: str) -> Contact | None:
    if kind == "contact_id":
        return account.contacts.get(int(raw)) if raw.isdigit() else None
    if kind not in TYPES:
        error(400, "invalid_parameter", "identifierType is not valid")
    name = TYPES[kind]
    return account.find(name, raw if name in ("EMAIL", "EXT_ID") else phone(raw) or raw)


def _guessed(call: Call, raw: str) -> Contact | None:
    if "@" in raw:
        return call.account.find("EMAIL", raw)
    if raw.isdigit() and int(raw) in call.account.contacts:
        return call.account.contacts[int(raw)]
    return call.account.find("SMS", phone(raw) or raw) if call.incoming.method == "GET" else None


def unknown() -> NoReturn:
    error(404, "document_not_found", "Contact does not exist")


def wanted(wish: Record, phones: Record) -> dict[str, str]:
    """The identifiers a body gives, by kind. A bad address is refused."""
    attributes = wish.get("attributes") or {}
    email = wish.get("email") or attributes.get("EMAIL")
    if email and not valid_email(email):
        error(400, "invalid_parameter", "Invalid email address")
    found = {"EMAIL": email, "EXT_ID": wish.get("ext_id") or attributes.get("EXT_ID"), **phones}
    return {kind: str(value) for kind, value in found.items() if value and kind in IDENTIFIERS}


def clashes(account: Account, given: dict[str, str], contact: Contact | None) -> dict[str, Contact]:
    """Identifiers that belong to another contact already."""
    matches = {kind: account.find(kind, value) for kind, value in given.items()}
    return {kind: found for kind, found in matches.items() if found and (contact is None or found.id != contact.id)}


def refuse_duplicates(account: Account, kinds: list[str], verb: str) -> NoReturn:
    names = [METADATA.get(kind, kind) for kind in kinds]
    said = f"Unable to {verb} contact, {', '.join(names)} is already associated with another Contact"
    one_code = verb == "create" or "brevo.clash_code" in account.thrown
    code = "duplicate_parameter" if one_code else "invalid_parameter"
    error(400, code, said, {"duplicate_identifiers": names})
