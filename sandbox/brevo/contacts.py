"""Single contacts: create, update, read, delete and list, with the traps around identity and consent."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from sandbox.brevo import deliveries, identity, lists, values
from sandbox.brevo.api import CONTACTS, Call, Endpoint, empty, error, integers, moment, page
from sandbox.brevo.document import shown, shown_attributes
from sandbox.brevo.model import Account, Contact
from sandbox.http import Record, reply

CREATE_KEYS = {"email", "ext_id", "attributes", "emailBlacklisted", "smsBlacklisted", "listIds", "updateEnabled",
               "smtpBlacklistSender", "forceMerge", "getId"}  # fmt: skip
UPDATE_KEYS = {"attributes", "ext_id", "emailBlacklisted", "smsBlacklisted", "listIds", "unlinkListIds",
               "smtpBlacklistSender", "forceMerge"}  # fmt: skip
MOST_IDS = 20


def create(call: Call) -> Response:
    """POST: create, or with updateEnabled change. Any identifier of another contact is refused unless merged."""
    wish = _checked(call, CREATE_KEYS)
    phones = values.phones(wish.get("attributes") or {})
    given = identity.wanted(wish, phones)
    if not given:
        error(400, "missing_parameter", "email, ext_id or attributes.SMS is missing")
    contact = _existing(call.account, given) if wish.get("updateEnabled") else None
    others = identity.clashes(call.account, given, contact)
    if others and not (wish.get("updateEnabled") and wish.get("forceMerge") and contact):
        identity.refuse_duplicates(call.account, list(others), "update" if contact else "create")
    if contact is not None:
        _merge(call, contact, others)
        change(call, contact, wish, given, phones)
        told = wish.get("getId") and "brevo.upsert_answer" in call.sandbox.thrown
        return reply({"id": contact.id}, 201) if told else empty()
    contact = add(call, given)
    change(call, contact, wish, given, phones, announced="brevo.event_on_create" not in call.sandbox.thrown)
    return reply({"id": contact.id}, 201)


def _existing(account: Account, given: dict[str, str]) -> Contact | None:
    """The contact an upsert means: by address where one is given, else by what else identifies it."""
    if "EMAIL" in given:
        return account.find("EMAIL", given["EMAIL"])
    return next((found for kind, value in given.items() if (found := account.find(kind, value))), None)


def add(call: Call, given: dict[str, str]) -> Contact:
    contact = Contact(call.account.next("contact"), call.now(), call.now())
    contact.email = given.get("EMAIL", "").lower()
    if not contact.email and "SMS" in given:
        contact.email = f"{given['SMS']}@mailin-sms.com"
    call.account.contacts[contact.id] = contact
    return contact


def change(
    call: Call, contact: Contact, wish: Record, given: dict[str, str], phones: Record, *, announced: bool = True
) -> None:
    """Apply a body: what it does not name stays. A new address of a blocklisted contact takes it off the blocklist."""
    _require_idle(call, contact)
    before = shown_attributes(contact)
    attributes = wish.get("attributes") or {}
    contact.attributes |= values.fitting(call.account, attributes) | phones
    if "EXT_ID" in given:
        contact.attributes["EXT_ID"] = given["EXT_ID"]
    contact.attributes = {name: value for name, value in contact.attributes.items() if value is not None}
    if given.get("EMAIL") and given["EMAIL"].lower() != contact.email:
        contact.email, contact.email_blacklisted = given["EMAIL"].lower(), False
    contact.email_blacklisted = bool(wish.get("emailBlacklisted", contact.email_blacklisted))
    contact.sms_blacklisted = bool(wish.get("smsBlacklisted", contact.sms_blacklisted))
    call.account.index_contact(contact)
    lists.join(call, [contact], integers(wish, "listIds"))
    lists.leave(contact, integers(wish, "unlinkListIds"))
    contact.modified = call.now()
    contact.busy_until = call.sandbox.clock.seconds() + call.account.busy_s
    after = shown_attributes(contact)
    changed = {name: after.get(name) for name in {*before, *after} if before.get(name) != after.get(name)}
    if announced and (changed or "emailBlacklisted" in wish):
        deliveries.updated(call.sandbox, call.account, contact, changed, call.key_name)


def _require_idle(call: Call, contact: Contact) -> None:
    if contact.busy_until > call.sandbox.clock.seconds():
        error(425, "too_early", "Contact is being processed, try again")


def _merge(call: Call, contact: Contact, others: dict[str, Contact]) -> None:
    for other in {other.id: other for other in others.values()}.values():
        contact.attributes = other.attributes | contact.attributes
        contact.lists |= other.lists
        call.account.forget(other)


def update(call: Call) -> Response:
    contact = identity.contact_of(call)
    wish = _checked(call, UPDATE_KEYS)
    phones = values.phones(wish.get("attributes") or {})
    if phones.get("SMS", "") is None and contact.email.endswith("@mailin-sms.com"):
        error(400, "invalid_parameter", "SMS cannot be removed from a contact without an email")
    given = identity.wanted(wish, phones)
    others = identity.clashes(call.account, given, contact)
    if others and not wish.get("forceMerge"):
        identity.refuse_duplicates(call.account, list(others), "update")
    _merge(call, contact, others)
    change(call, contact, wish, given, phones)
    return empty()


def get(call: Call) -> Response:
    contact = identity.contact_of(call)
    if ("startDate" in call.query) != ("endDate" in call.query):
        error(400, "missing_parameter", "startDate and endDate belong together")
    statistics = {
        "messagesSent": [], "delivered": [], "opened": [], "clicked": [], "hardBounces": contact.hard_bounces,
        "softBounces": [], "complaints": [],
        "unsubscriptions": {"userUnsubscription": contact.unsubscriptions, "adminUnsubscription": []},
    }  # fmt: skip
    return reply(shown(call.account, contact) | {"statistics": statistics})


def delete(call: Call) -> Response:
    contact = identity.contact_of(call)
    call.account.forget(contact)
    deliveries.deleted(call.sandbox, call.account, contact)
    return empty()


def list_contacts(call: Call) -> Response:
    rows = list(call.account.contacts.values())
    if "ids" in call.query:
        ids = [int(part) for raw in call.incoming.query.getlist("ids") for part in raw.split(",") if part.isdigit()]
        if len(ids) > MOST_IDS:
            error(400, "out_of_range", f"ids takes at most {MOST_IDS} values")
        rows = [row for row in rows if row.id in ids]
    if "listIds" in call.query:
        wanted = {int(part) for raw in call.incoming.query.getlist("listIds") for part in raw.split(",")}
        rows = [row for row in rows if row.lists & wanted]
    for name, of in (("modifiedSince", "modified"), ("createdSince", "created")):
        if since := moment(call, name):
            rows = [row for row in rows if datetime.fromisoformat(getattr(row, of)) >= since]
    return reply({"contacts": [shown(call.account, row) for row in page(call, rows, 50, 1000)], "count": len(rows)})


def _checked(call: Call, known: set[str]) -> Record:
    wish = call.body()
    for name in wish:
        if name not in known:
            error(400, "invalid_parameter", f"{name} is not valid")
    if not isinstance(wish.get("attributes") or {}, dict):
        error(400, "invalid_parameter", "attributes should be an object")
    for name in ("emailBlacklisted", "smsBlacklisted", "updateEnabled", "forceMerge", "getId"):
        if name in wish and not isinstance(wish[name], bool):
            error(400, "invalid_parameter", f"{name} should be a boolean")
    for number in (*integers(wish, "listIds"), *integers(wish, "unlinkListIds")):
        if number not in call.account.lists:
            error(400, "invalid_parameter", "List ID does not exist")
    return wish


ENDPOINTS = [
    Endpoint("POST", "contacts", create, CONTACTS),
    Endpoint("GET", "contacts", list_contacts, CONTACTS),
    Endpoint("GET", "contacts/{identifier}", get, CONTACTS),
    Endpoint("PUT", "contacts/{identifier}", update, CONTACTS),
    Endpoint("DELETE", "contacts/{identifier}", delete, CONTACTS),
]
