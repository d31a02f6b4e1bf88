"""Maileon's objects as object APIs: contacts, and contact events, which can only be added.

No permission is given or taken here: a new contact has none, and whoever has unsubscribed is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from config.json_value import JSONValue
from integration.connectors import offset_pages
from integration.connectors.maileon.api import PAGE_SIZE
from integration.connectors.maileon.bodies import CONTACTS_PER_CALL
from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.records import NONE, Contact, InvalidContact, StoredContact, Transaction
from integration.connectors.objects import (
    Access,
    Draft,
    IdentityKey,
    IdentityKind,
    Limits,
    ObjectApi,
    ObjectPage,
    ObjectRecord,
    Problem,
    Proof,
    WriteOutcome,
    cut,
    delete_each,
    get_each,
    page_of,
    write_each,
    write_portions,
)
from integration.errors import RecordError

Maileon = Access[MaileonClient]
EMAIL, EXTERNAL_ID = "email", "external_id"
IDENTIFYING = (EMAIL, EXTERNAL_ID)
TRANSACTION_ID = "transaction_id"  # the attribute by which a contact event is found again (maileon sheet §5)


def asked(access: Maileon) -> dict[str, Sequence[str]]:
    """The fields to read, as the client wants them named."""
    standard = [spec.key for spec in access.fields if not spec.custom and spec.key not in IDENTIFYING]
    return {"standard_fields": standard, "custom_fields": [spec.key for spec in access.fields if spec.custom]}


def common(access: Maileon, contact: StoredContact) -> ObjectRecord:
    """A contact by field key. Its times carry no zone (maileon sheet §2.3), so it has no version."""
    values: dict[str, JSONValue] = {EMAIL: contact.email or None, EXTERNAL_ID: contact.external_id or None}
    values |= {key: value or None for key, value in {**contact.standard_fields, **contact.custom_fields}.items()}
    emails = (contact.email,) if contact.email else ()
    subscribed = None if contact.permission is None else contact.permission > NONE
    return ObjectRecord(contact.id, values, emails=emails, archived=not contact.email, subscribed=subscribed)


def contact_of(access: Maileon, draft: Draft) -> Contact:
    """A draft as the client takes a contact."""
    custom = {spec.key for spec in access.fields if spec.custom}
    rest = {key: value for key, value in draft.values.items() if key not in IDENTIFYING}
    return Contact(
        str(draft.values.get(EMAIL) or ""),
        str(draft.values.get(EXTERNAL_ID) or ""),
        {key: value for key, value in rest.items() if key not in custom},
        {key: value for key, value in rest.items() if key in custom},
    )


def read_page(access: Maileon, cursor: str | None, since: datetime | None) -> ObjectPage[StoredContact]:
    """One page of all contacts: the zone of the vendor's times is not told, so `since` cannot choose."""

    def fetch(offset: int, size: int) -> offset_pages.Rows[StoredContact]:
        page = access.client.contacts_page(offset // size + 1, size=size, **asked(access))
        return offset_pages.Rows(page.records, page.unreadable, page.next_cursor is not None)

    return offset_pages.read(fetch, cursor, PAGE_SIZE, by_page=True)


def scan_page(access: Maileon, cursor: str | None, since: datetime | None) -> ObjectPage[StoredContact]:
    """The same page by its number alone, without the look at the row before it, which is a call for each page."""
    wanted = asked(access)
    page = access.client.contacts_page(
        int(cursor or 1), standard_fields=wanted["standard_fields"], custom_fields=wanted["custom_fields"]
    )
    following = None if page.next_cursor is None else str(page.next_cursor)
    return page_of(page.records, following, page.unreadable)


def get(access: Maileon, ids: Sequence[str]) -> Mapping[str, StoredContact | Problem]:
    wanted = asked(access)
    return get_each(ids, lambda key: access.client.get_contact_by_id(key, **wanted))


def find(access: Maileon, key: str, values: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """By address, or by external id, which several contacts may have."""
    found: dict[str, tuple[str, ...]] = {}
    for value in values:
        if key == EMAIL:
            contact = access.client.find_contact(value)
            contacts = [contact] if contact else []
        else:
            contacts = access.client.find_contacts_by_external_id(value)
        if contacts:
            found[value] = tuple(one.id for one in contacts)
    return found


def update(access: Maileon, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    def change(draft: Draft) -> str:
        access.client.update_contact_by_id(draft.id, contact_of(access, draft))
        return draft.id

    return write_each(drafts, change)


def upsert(access: Maileon, key: str, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    """Create or change many. Ids are not told, and whoever has unsubscribed is passed over without a word."""
    return write_portions(cut(drafts, CONTACTS_PER_CALL), partial(_upsert, access, key))


def _upsert(access: Maileon, key: str, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    contacts = [contact_of(access, draft) for draft in drafts]
    report = access.client.synchronize_contacts(contacts, permission=NONE, use_external_id=key == EXTERNAL_ID)
    refused = {_key(key, invalid.email, invalid.external_id): invalid for invalid in report.invalid}
    return [_outcome(refused.get(_key(key, contact.email, contact.external_id))) for contact in contacts]


def _key(key: str, email: str, external_id: str) -> str:
    return external_id if key == EXTERNAL_ID else email.lower()


def _outcome(invalid: InvalidContact | None) -> WriteOutcome:
    if invalid is None:
        return WriteOutcome()
    return WriteOutcome(problem=RecordError(f"Maileon refused this contact: {invalid.words}."))


def delete(access: Maileon, ids: Sequence[str]) -> list[WriteOutcome]:
    return delete_each(ids, access.client.delete_contact_by_id)


def event_types(client: MaileonClient) -> Mapping[str, str]:
    """The kinds of contact events, by name."""
    return {row.name: row.name for row in client.list_transaction_types()}


def append_events(access: Maileon, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    """Send contact events of the type that `place` names. One that was announced is looked up first.

    The contact is linked by its Maileon id, or named by the values of `email` or `external_id`.
    """
    earlier = [draft.marker if _arrived(access, draft) else "" for draft in drafts]
    left = [draft for draft, key in zip(drafts, earlier, strict=True) if not key]
    sent = iter(access.client.send_transactions([_transaction(access, draft) for draft in left]) if left else ())
    outcomes = []
    for draft, key in zip(drafts, earlier, strict=True):
        result = None if key else next(sent)
        if result is None or result.queued:
            outcomes.append(WriteOutcome(draft.marker))
        else:
            outcomes.append(WriteOutcome(problem=RecordError(f"Maileon refused this event: {result.message}")))
    return outcomes


def _arrived(access: Maileon, draft: Draft) -> bool:
    announced = draft.marker and draft.announced is not None
    return bool(announced) and access.client.get_transaction(access.place, draft.marker) is not None


def _transaction(access: Maileon, draft: Draft) -> Transaction:
    content = {key: value for key, value in draft.values.items() if key not in IDENTIFYING}
    content |= {TRANSACTION_ID: draft.marker} if draft.marker else {}
    email, external_id = (str(draft.values.get(key) or "") for key in IDENTIFYING)
    contact_id = next(iter(draft.link.get("contact", ())), "")
    return Transaction(access.place, content, email, external_id, contact_id=contact_id)


CONTACT = ObjectApi[MaileonClient, StoredContact](
    "contact", "Contact", common,
    list=read_page, scan=scan_page, get=get, find=find, update=update, upsert=upsert, delete=delete,
    identities=(IdentityKey(EMAIL, IdentityKind.EMAIL, unique=True), IdentityKey(EXTERNAL_ID, IdentityKind.OUR_KEY)),
    upsert_keys=IDENTIFYING, limits=Limits(PAGE_SIZE, write=CONTACTS_PER_CALL), proof=Proof.READ_BACK, mails=True,
)  # fmt: skip
EVENT = ObjectApi[MaileonClient, StoredContact](
    "event", "Contact event", append=append_events, places=event_types, links=("contact",),
    limits=Limits(write=CONTACTS_PER_CALL),
)  # fmt: skip
OBJECTS = {api.key: api for api in (CONTACT, EVENT)}
