"""Single contacts: create, update, read and delete, by email, external id and Maileon id."""

from __future__ import annotations

import re
from datetime import datetime
from xml.etree.ElementTree import Element

from starlette.responses import Response

from sandbox.maileon import doi
from sandbox.maileon.api import Call, Endpoint, child, empty, error, number_reply, page, xml
from sandbox.maileon.document import Bad, Document, checked_fields, contact_element, read_document, valid_email
from sandbox.maileon.model import DOI_PERMISSIONS, Account, Contact

UPDATE, IGNORE = 1, 2


def create_by_email(call: Call) -> Response:
    document = read_document(call)
    email = call.params["email"]
    _require_email(email)
    return _create(call, document, email, call.account.find(email))


def create_by_external_id(call: Call) -> Response:
    document = read_document(call)
    matches = call.account.find_external(call.params["eid"])
    if len(matches) > 1:
        error(409, "The external id is not unique")
    document.external_id = call.params["eid"]
    email = document.email or (matches[0].email if matches else None)
    if email is None:
        error(400, "email is missing")
    _require_email(email)
    contact = matches[0] if matches else call.account.find(email)
    return _create(call, document, email, contact)


def _create(call: Call, document: Document, email: str, existing: Contact | None) -> Response:
    wanted = _permission(call.query.get("permission"))
    mode = call.number("sync_mode", IGNORE)
    if mode not in (UPDATE, IGNORE):
        error(400, f"sync_mode must be 1 or 2 but was {mode}")
    mailing = doi.chosen_mailing(call) if call.flag("doi") else None
    if existing is not None and mode == IGNORE:
        return number_reply("id", existing.id, 201)
    contact = existing
    if contact is None:
        contact = add_contact(call, email, document.external_id, wanted or 1, document)
    else:
        _check_free(call, contact, email)
        change(call, contact, document, email)
        raise_only(contact, wanted)
    contact.source = call.query.get("src") or contact.source
    contact.subscription_page = call.query.get("subscription_page") or contact.subscription_page
    if mailing is not None:
        doi.start(call, contact, mailing, plus=call.flag("doiplus"))
    return number_reply("id", contact.id, 201)


def raise_only(contact: Contact, wanted: int | None) -> None:
    """Set the permission of an existing contact; a lower one than doi or doi+ is ignored."""
    if wanted is None or (contact.permission in DOI_PERMISSIONS and wanted < contact.permission):
        return
    contact.permission = wanted


def add_contact(call: Call, email: str, external_id: str | None, permission: int, document: Document) -> Contact:
    account, now = call.account, call.now()
    standard, custom = accepted(account, document)
    checksum = f"{call.sandbox.maileon.rng.getrandbits(64):016x}"
    contact = Contact(account.next("contact", 4711), email, None, permission, now, now, checksum)
    account.contacts[contact.id] = contact
    account.by_email[email.lower()] = contact.id
    account.set_external_id(contact, external_id or None)
    _store_fields(contact, standard, custom)
    contact.preferences = document.preferences
    return contact


def change(call: Call, contact: Contact, document: Document, email: str | None) -> None:
    """Apply a document: what it does not name stays."""
    standard, custom = accepted(call.account, document)
    _store_fields(contact, standard, custom)
    if document.external_id is not None:
        call.account.set_external_id(contact, document.external_id or None)
    if email is not None and email != contact.email:
        call.account.rename(contact, email)
    if document.preferences:
        contact.preferences = document.preferences
    contact.updated = call.now()


def accepted(account: Account, document: Document) -> tuple[dict[str, str | None], dict[str, object]]:
    try:
        return checked_fields(account, document)
    except Bad as bad:
        error(400, str(bad))


def _store_fields(contact: Contact, standard: dict[str, str | None], custom: dict[str, object]) -> None:
    for name, value in standard.items():
        if value is None:
            contact.standard.pop(name, None)
        else:
            contact.standard[name] = value
    contact.custom = {name: value for name, value in (contact.custom | custom).items() if value is not None}


def update_by_email(call: Call) -> Response:
    return _update(call, _by_email(call), read_document(call))


def update_by_external_id(call: Call) -> Response:
    matches = _by_external_id(call)
    if len(matches) > 1:
        error(409, "The external id is not unique")
    return _update(call, matches[0], read_document(call))


def _update(call: Call, contact: Contact, document: Document) -> Response:
    permission = _permission(call.query.get("permission", document.permission))
    _check_free(call, contact, document.email)
    change(call, contact, document, document.email)
    contact.permission = permission or contact.permission
    return number_reply("id", contact.id, 201)


def update_by_id(call: Call) -> Response:
    contact = _by_id(call)
    document = read_document(call)
    if document.id is not None:
        error(400, "id must not be part of the contact")
    permission = _permission(call.query.get("permission"))
    mailing = None
    if permission in DOI_PERMISSIONS and call.flag("triggerdoi"):
        mailing = doi.chosen_mailing(call)
    _check_free(call, contact, document.email)
    change(call, contact, document, document.email)
    contact.source = call.query.get("src") or contact.source
    if mailing is not None:
        doi.start(call, contact, mailing, plus=permission == 5)
    else:
        contact.permission = permission or contact.permission
    return empty(200)


def get_by_email(call: Call) -> Response:
    return xml(contact_element(_by_email(call), call))


def get_all_by_email(call: Call) -> Response:
    contact = call.account.find(call.params["email"])
    return _list(call, [contact] if contact else [])


def get_by_external_id(call: Call) -> Response:
    matches = call.account.find_external(call.params["eid"])
    if not matches and "maileon.unknown_external_id" in call.sandbox.thrown:
        error(404, "Contact not found")
    return _list(call, matches)


def get_by_id(call: Call) -> Response:
    return xml(contact_element(_by_id(call), call))


def list_contacts(call: Call) -> Response:
    rows = _updated_after(call)
    if "maileon.anonymous_listed" not in call.sandbox.thrown:
        rows += [contact for contact in call.account.contacts.values() if contact.anonymous]
    contacts, headers = page(call, rows, default_index=None)
    return _list(call, list(contacts), headers)


def count_contacts(call: Call) -> Response:
    return number_reply("count", len(_updated_after(call)))


def list_blocked(call: Call) -> Response:
    blocked = [contact for contact in call.account.living() if contact.blocked]
    contacts, headers = page(call, blocked, default_index=None)
    root = Element("contacts")
    for contact in contacts:
        item = contact_element(contact, call)
        child(item, "blocking_reason", contact.blocked)
        child(item, "blocking_timestamp", (contact.blocked_at or "")[:16])
        root.append(item)
    return xml(root, 200, headers)


def delete_by_email(call: Call) -> Response:
    call.account.erase(_by_email(call))
    return empty()


def delete_by_external_id(call: Call) -> Response:
    for contact in _by_external_id(call):
        call.account.erase(contact)
    return empty()


def delete_by_id(call: Call) -> Response:
    contact = call.account.find_id(call.query.get("id"))
    if contact is None:
        error(404, "Contact not found")
    call.account.erase(contact)
    return empty()


def delete_all(call: Call) -> Response:
    if call.query.get("authorized") != "yes":
        error(400, "authorized must be yes")
    for contact in call.account.living():
        call.account.erase(contact)
    return empty()


def _list(call: Call, contacts: list[Contact], headers: dict[str, str] | None = None) -> Response:
    root = Element("contacts")
    root.extend(contact_element(contact, call) for contact in contacts)
    return xml(root, 200, headers)


def _updated_after(call: Call) -> list[Contact]:
    raw = call.query.get("updated_after")
    contacts = call.account.living()
    if raw is None:
        return contacts
    try:
        datetime.strptime(raw, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the vendor's times carry no zone
    except ValueError:
        error(400, f"updated_after must be yyyy-MM-dd HH:mm:ss but was {raw}")
    return [contact for contact in contacts if contact.updated[:19] > raw]


def _permission(raw: str | None) -> int | None:
    if raw is None:
        return None
    if not re.fullmatch("[1-6]", raw):
        error(400, f"permission must be between 1 and 6 but was {raw}")
    return int(raw)


def _require_email(email: str) -> None:
    if not valid_email(email):
        error(400, f"Invalid email address {email}")


def _check_free(call: Call, contact: Contact, email: str | None) -> None:
    if email is None:
        return
    _require_email(email)
    other = call.account.find(email)
    if other is not None and other.id != contact.id:
        status = 409 if "maileon.address_taken" in call.sandbox.thrown else 400
        error(status, "Another contact has this email address")


def _by_email(call: Call) -> Contact:
    return call.account.find(call.params["email"]) or error(404, "Contact not found")


def _by_external_id(call: Call) -> list[Contact]:
    return call.account.find_external(call.params["eid"]) or error(404, "Contact not found")


def _by_id(call: Call) -> Contact:
    contact = call.account.find_id(call.query.get("id")) or error(404, "Contact not found")
    if not call.flag("ignore_checksum") and call.query.get("checksum") != contact.checksum:
        error(400, "checksum is missing or wrong")
    return contact


ENDPOINTS = [
    Endpoint("POST", "contacts/email/{email}", create_by_email),
    Endpoint("POST", "contacts/{email}", create_by_email),
    Endpoint("PUT", "contacts/email/{email}", update_by_email),
    Endpoint("GET", "contacts/email/{email}", get_by_email),
    Endpoint("DELETE", "contacts/email/{email}", delete_by_email),
    Endpoint("GET", "contacts/emails/{email}", get_all_by_email),
    Endpoint("POST", "contacts/externalid/{eid}", create_by_external_id),
    Endpoint("PUT", "contacts/externalid/{eid}", update_by_external_id),
    Endpoint("GET", "contacts/externalid/{eid}", get_by_external_id),
    Endpoint("DELETE", "contacts/externalid/{eid}", delete_by_external_id),
    Endpoint("GET", "contacts/contact", get_by_id),
    Endpoint("PUT", "contacts/contact", update_by_id),
    Endpoint("DELETE", "contacts/contact", delete_by_id),
    Endpoint("GET", "contacts", list_contacts),
    Endpoint("DELETE", "contacts", delete_all),
    Endpoint("GET", "contacts/count", count_contacts),
    Endpoint("GET", "contacts/blocked", list_blocked),
]
