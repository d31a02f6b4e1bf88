"""Brevo's objects as object APIs: contacts, who is on a list, events; companies and deals of the Sales CRM.

Nothing here takes anybody off the blocklist, and nobody joins a list again that he or she left. Imports of contacts
are not offered: Brevo wants each to name a list, which those who left it would join again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from config.json_value import JSONValue
from integration.connectors import offset_pages
from integration.connectors.brevo import crm_objects
from integration.connectors.brevo.api import CONTACTS, EVENTS, OTHER, PAGE_SIZE
from integration.connectors.brevo.client import (
    EVENTS_PER_CALL,
    IDS_PER_CALL,
    MEMBERS_PAGE,
    MEMBERS_PER_CALL,
    BrevoClient,
)
from integration.connectors.brevo.records import Contact, Event, StoredContact
from integration.connectors.objects import (
    Access,
    Changes,
    Deletion,
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
    answered,
    cut,
    delete_each,
    missing,
    problems_of,
    write_each,
    write_portions,
)
from integration.errors import RecordError

Brevo = Access[BrevoClient]
EMAIL, EXT_ID = "email", "EXT_ID"
MARKER = "lockstep_id"  # the property of an event that holds its marker
CONTACT_BUDGET = (CONTACTS, "contacts_hour")
LEFT = "This person left the list at Brevo and is not put on it again."


def common(access: Brevo, contact: StoredContact) -> ObjectRecord:
    """A contact by field key."""
    values: dict[str, JSONValue] = {**contact.attributes, EMAIL: contact.email or None}
    return ObjectRecord(
        contact.id, values, contact.modified, (contact.email,) if contact.email else (),
        {"list": tuple(str(number) for number in contact.list_ids)}, subscribed=not contact.blocklisted,
    )  # fmt: skip


def contact_of(draft: Draft) -> Contact:
    """A draft as the client takes a contact."""
    attributes = {key: value for key, value in draft.values.items() if key != EMAIL}
    return Contact(str(draft.values.get(EMAIL) or ""), attributes)


def read_contacts(access: Brevo, cursor: str | None, since: datetime | None) -> ObjectPage[StoredContact]:
    def fetch(offset: int, size: int) -> offset_pages.Rows[StoredContact]:
        page = access.client.contacts_page(offset, modified_since=since, limit=size)
        return offset_pages.Rows(page.records, page.unreadable, page.next_cursor is not None)

    return offset_pages.read(fetch, cursor, PAGE_SIZE)


def get_contacts(access: Brevo, ids: Sequence[str]) -> Mapping[str, StoredContact | Problem]:
    found = access.client.read_contacts([key for key in ids if key.isdigit()])
    return answered(ids, {contact.id: contact for contact in found.records}, problems_of(found.unreadable))


def find_contacts(access: Brevo, key: str, values: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    kind = "ext_id" if key == EXT_ID else "email_id"
    found = {value: access.client.find_contact(value, kind) for value in values}
    return {value: (contact.id,) for value, contact in found.items() if contact is not None}


def update_contacts(access: Brevo, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    def change(draft: Draft) -> str:
        access.client.update_contact(draft.id, contact_of(draft))
        return draft.id

    return write_each(drafts, change)


def upsert_contacts(access: Brevo, key: str, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    """By address. Brevo may not tell the id of one that existed."""
    if key != EMAIL:
        raise KeyError(key)
    return write_each(drafts, lambda draft: access.client.upsert_contact(contact_of(draft)))


def delete_contacts(access: Brevo, ids: Sequence[str]) -> list[WriteOutcome]:
    return delete_each(ids, access.client.delete_contact)


def lists(client: BrevoClient) -> Mapping[str, str]:
    """The lists by id."""
    return {row.id: row.name for row in client.get_lists()}


def read_members(access: Brevo, cursor: str | None, since: datetime | None) -> ObjectPage[StoredContact]:
    def fetch(offset: int, size: int) -> offset_pages.Rows[StoredContact]:
        page = access.client.members_page(int(access.place), offset, limit=size)
        return offset_pages.Rows(page.records, page.unreadable, page.next_cursor is not None)

    return offset_pages.read(fetch, cursor, MEMBERS_PAGE)


def get_members(access: Brevo, ids: Sequence[str]) -> Mapping[str, StoredContact | Problem]:
    """Those of these contacts who are on the list."""
    found = get_contacts(access, ids)
    return {key: row if _is_member(access, row) else missing(key) for key, row in found.items()}


def _is_member(access: Brevo, row: StoredContact | Problem) -> bool:
    return isinstance(row, Problem) or int(access.place) in row.list_ids


def join(access: Brevo, key: str, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    """Put contacts, by their ids, on the list. Whoever left it is refused, and so is who is not there."""
    return write_portions(cut(drafts, MEMBERS_PER_CALL), partial(_join, access))


def _join(access: Brevo, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    found = get_contacts(access, [draft.id for draft in drafts])
    outcomes = {key: _may_join(access, row) for key, row in found.items()}
    access.client.add_to_list(int(access.place), [key for key, outcome in outcomes.items() if outcome.problem is None])
    return [outcomes[draft.id] for draft in drafts]


def _may_join(access: Brevo, row: StoredContact | Problem) -> WriteOutcome:
    if isinstance(row, Problem):
        return WriteOutcome(problem=row)
    left = int(access.place) in row.left_list_ids
    return WriteOutcome(row.id, RecordError(LEFT) if left else None)


def leave(access: Brevo, ids: Sequence[str]) -> list[WriteOutcome]:
    """Take contacts off the list. Whoever is not on it is fine, and so is an id that no contact can have."""
    return write_portions(cut([Draft(id=key) for key in ids], MEMBERS_PER_CALL), partial(_leave, access))


def _leave(access: Brevo, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    access.client.remove_from_list(int(access.place), [draft.id for draft in drafts if draft.id.isdecimal()])
    return [WriteOutcome(draft.id) for draft in drafts]


def append_events(access: Brevo, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    """Send events of the name that `place` gives. One that was announced is looked for first."""
    return write_portions(cut(drafts, EVENTS_PER_CALL), partial(_send_events, access))


def _send_events(access: Brevo, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    earlier = [_arrived(access, draft) for draft in drafts]
    left = [draft for draft, is_there in zip(drafts, earlier, strict=True) if not is_there]
    refusals = iter(access.client.send_events([_event(access, draft) for draft in left]) if left else ())
    words = ["" if is_there else next(refusals) for is_there in earlier]
    problems = [RecordError(f"Brevo refused this event: {text}") if text else None for text in words]
    return [WriteOutcome(draft.marker, problem) for draft, problem in zip(drafts, problems, strict=True)]


def _arrived(access: Brevo, draft: Draft) -> bool:
    if not draft.marker or draft.announced is None:
        return False
    return access.client.has_event(access.place, MARKER, draft.marker, _contact_id(draft))


def _contact_id(draft: Draft) -> str:
    return next(iter(draft.link.get("contact", ())), "")


def _event(access: Brevo, draft: Draft) -> Event:
    properties = {key: value for key, value in draft.values.items() if key != EMAIL}
    properties |= {MARKER: draft.marker} if draft.marker else {}
    return Event(access.place, properties, _contact_id(draft), str(draft.values.get(EMAIL) or ""), draft.at)


CONTACT = ObjectApi[BrevoClient, StoredContact](
    "contact", "Contact", common,
    list=read_contacts, get=get_contacts, find=find_contacts, update=update_contacts, upsert=upsert_contacts,
    delete=delete_contacts,
    identities=(
        IdentityKey(EMAIL, IdentityKind.EMAIL, unique=True), IdentityKey(EXT_ID, IdentityKind.OUR_KEY, unique=True),
    ),
    upsert_keys=(EMAIL,), changes=Changes(("contactUpdated", "contactDeleted"), "modifiedAt", True),
    limits=Limits(PAGE_SIZE, IDS_PER_CALL, windows=CONTACT_BUDGET), proof=Proof.READ_BACK, mails=True,
)  # fmt: skip
LIST_MEMBER = ObjectApi[BrevoClient, StoredContact](
    "list_member", "List membership", common,
    list=read_members, get=get_members, upsert=join, delete=leave, places=lists,
    changes=Changes(("listAddition",)), limits=Limits(MEMBERS_PAGE, IDS_PER_CALL, MEMBERS_PER_CALL, CONTACT_BUDGET),
    proof=Proof.READ_BACK, deletion=Deletion.REMOVED, mails=True,
)  # fmt: skip
EVENT = ObjectApi[BrevoClient, StoredContact](
    "event", "Event", append=append_events, links=("contact",),
    limits=Limits(write=EVENTS_PER_CALL, windows=(EVENTS, "events_hour", OTHER)),
)  # fmt: skip
OBJECTS: Mapping[str, ObjectApi[BrevoClient, Any]] = {
    api.key: api for api in (CONTACT, LIST_MEMBER, EVENT, crm_objects.COMPANY, crm_objects.DEAL)
}
