"""HubSpot's objects as object APIs: contacts, companies, deals, and notes, which are only added.

All kinds share their calls; what they refer to is read by associations, a thousand records per call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic

from typing_extensions import TypeVar

from config.json_value import JSONValue
from integration.connectors.hubspot import crm
from integration.connectors.hubspot.api import BATCH
from integration.connectors.hubspot.client import KIND, MODIFIED, NOTE_TEXT, HubSpotClient
from integration.connectors.hubspot.fields import PLURALS
from integration.connectors.hubspot.records import Contact, CrmObject, Note, Values, read_contact, read_object
from integration.connectors.hubspot.webhooks import EVENTS
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
    WriteOutcome,
    answered,
    delete_each,
    page_of,
    problems_of,
    write_each,
    write_portions,
)
from integration.errors import IntegrationError, RecordError

HubSpot = Access[HubSpotClient]
T = TypeVar("T", bound=CrmObject)
EMAIL = IdentityKey("email", IdentityKind.EMAIL, unique=True)
DOMAIN = IdentityKey("domain", IdentityKind.DOMAIN, lags=True)
COMPANY_NAME = IdentityKey("name", IdentityKind.NAME, lags=True)
OWNER, OTHER_ADDRESSES = "hubspot_owner_id", "hs_additional_emails"


@dataclass(frozen=True)
class Kind(Generic[T]):
    """The operations of one kind. `links`: the kinds it is associated with, by our key."""

    path: str
    parse: crm.Parse[T]
    modified: str
    links: tuple[str, ...]

    def common(self, access: HubSpot, record: T) -> ObjectRecord:
        """A record by property; references are those that were read with it."""
        values: dict[str, JSONValue] = {spec.key: record.properties.get(spec.key) for spec in access.fields}
        owner = record.properties.get(OWNER)
        references = {**record.references, **({"user": (owner,)} if owner else {})}
        emails = record.emails if isinstance(record, Contact) else ()
        return ObjectRecord(record.id, values, record.updated_at, emails, references, record.archived)

    def read_page(self, access: HubSpot, cursor: str | None, since: datetime | None) -> ObjectPage[T]:
        """By id; with `since` the ids come from the search and the records are read afresh."""
        names = self.asked(access)
        if since is None:
            page = crm.page(access.client, self.path, self.parse, cursor, names)
            return page_of(self._with_references(access, page.records), page.next_cursor, page.unreadable)
        ids = crm.changed_ids(access.client, self.path, self.modified, since, cursor)
        found = crm.read(access.client, self.path, self.parse, ids.records, names)
        return page_of(self._with_references(access, found.records), ids.next_cursor, found.unreadable)

    def get(self, access: HubSpot, ids: Sequence[str]) -> Mapping[str, T | Problem]:
        found = crm.read(access.client, self.path, self.parse, ids, self.asked(access))
        records = {record.id: record for record in self._with_references(access, found.records)}
        return answered(ids, records, problems_of(found.unreadable))

    def find(self, access: HubSpot, key: str, values: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By exact values, whatever their case; the search lags some seconds behind."""
        found: dict[str, tuple[str, ...]] = {}
        for record in crm.search(access.client, self.path, self.parse, key, values):
            value = (record.properties.get(key) or "").casefold()
            found[value] = (*found.get(value, ()), record.id)
        return {value: found[value.casefold()] for value in values if value.casefold() in found}

    def create(self, access: HubSpot, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        made = write_each(drafts, lambda draft: crm.create(access.client, self.path, self.parse, texts(draft)).id)
        return self._linked(access, drafts, made)

    def update(self, access: HubSpot, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        """A hundred per call. One wrong value makes HubSpot refuse the whole call: then each goes alone."""
        outcomes = write_portions(list(_apart(drafts)), partial(self._update, access))
        return self._linked(access, drafts, outcomes)

    def _update(self, access: HubSpot, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        values = {draft.id: texts(draft) for draft in drafts if draft.values}
        try:
            done = crm.update_many(access.client, self.path, self.parse, values)
        except RecordError:
            change = partial(crm.update, access.client, self.path, self.parse)
            return write_each(drafts, lambda draft: change(draft.id, texts(draft)).id)
        problems = {key: RecordError(f"HubSpot refused this record: {words}") for key, words in done.failed.items()}
        ids = {key: record.id for key, record in done.records.items()}
        return [WriteOutcome(ids.get(draft.id, draft.id), problems.get(draft.id)) for draft in drafts]

    def delete(self, access: HubSpot, ids: Sequence[str]) -> list[WriteOutcome]:
        return delete_each(ids, partial(crm.archive, access.client, self.path))

    def asked(self, access: HubSpot) -> list[str]:
        """The properties to read."""
        return list(dict.fromkeys([*(spec.key for spec in access.fields), self.modified, OWNER]))

    def _with_references(self, access: HubSpot, records: Sequence[T]) -> list[T]:
        """Who of the other kinds is associated with these records, where the credentials may see it."""
        found: dict[str, dict[str, tuple[str, ...]]] = {record.id: {} for record in records}
        for key in self.links if records else ():
            if f"crm.objects.{PLURALS[key]}.read" not in access.client.granted_scopes:
                continue
            for record_id, ids in crm.associated(access.client, self.path, PLURALS[key], list(found)).items():
                found[record_id][key] = ids
        return [replace(record, references=found[record.id]) for record in records]

    def _linked(self, access: HubSpot, drafts: Sequence[Draft], outcomes: Sequence[WriteOutcome]) -> list[WriteOutcome]:
        """Associate what was written. Where that fails the record has a problem, and its id: it is there."""
        written = [(draft, one.id) for draft, one in zip(drafts, outcomes, strict=True) if one.problem is None]
        failed: dict[str, Problem] = {}
        for key in self.links:
            gone = [(record_id, other) for draft, record_id in written for other in draft.unlink.get(key, ())]
            wanted = [(record_id, other) for draft, record_id in written for other in draft.link.get(key, ())]
            failed |= self._relink(access, PLURALS[key], gone, wanted)
        return [one if one.id not in failed else WriteOutcome(one.id, failed[one.id]) for one in outcomes]

    def _relink(
        self, access: HubSpot, other: str, gone: Sequence[tuple[str, str]], wanted: Sequence[tuple[str, str]]
    ) -> dict[str, Problem]:
        """Take associations of one kind away and add others; returns why some failed, by the record's id."""
        try:
            crm.dissociate(access.client, self.path, other, gone)
            refused = crm.associate(access.client, self.path, other, wanted)
        except IntegrationError as exc:
            return dict.fromkeys([record_id for record_id, _ in (*gone, *wanted)], exc)
        return {one: RecordError(f"HubSpot refused an association: {words}") for one, words in refused.items()}


@dataclass(frozen=True)
class People(Kind[Contact]):
    """Contacts are found by address, by record and not by search: whoever just came is there."""

    def asked(self, access: HubSpot) -> list[str]:
        return [*super().asked(access), "email", OTHER_ADDRESSES]

    def find(self, access: HubSpot, key: str, values: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By address, secondary ones included."""
        if key != EMAIL.key:
            raise KeyError(key)
        contacts = access.client.find_contacts(values, ["email", OTHER_ADDRESSES])
        owners = {address.casefold(): contact.id for contact in contacts for address in contact.emails}
        return {value: (owners[value.casefold()],) for value in values if value.casefold() in owners}

    def upsert(self, access: HubSpot, key: str, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        """By address: who is there is changed in batches, the others are created one by one."""
        addresses = [str(draft.values.get(key) or "") for draft in drafts]
        known = self.find(access, key, addresses)
        ids = [next(iter(known.get(address, ())), "") for address in addresses]
        there = [replace(draft, id=one) for draft, one in zip(drafts, ids, strict=True) if one]
        changed = iter(self.update(access, there) if there else ())
        fresh = [draft for draft, one in zip(drafts, ids, strict=True) if not one]
        made = iter(self._made(access, fresh, is_first=not there) if fresh else ())
        return [next(changed) if one else next(made) for one in ids]

    def _made(self, access: HubSpot, drafts: Sequence[Draft], *, is_first: bool) -> list[WriteOutcome]:
        """Create them. What stops the first of them is its outcome where others have been written before."""
        try:
            return self._created(access, drafts)
        except IntegrationError as exc:
            if is_first:
                raise
            return [WriteOutcome(draft.id, exc) for draft in drafts]

    def _created(self, access: HubSpot, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        made = write_each(drafts, lambda draft: access.client.create_contact(texts(draft)).id)
        return self._linked(access, drafts, made)


def _apart(drafts: Sequence[Draft]) -> Iterator[list[Draft]]:
    """Cut into calls. HubSpot refuses a call that names a record twice: the second goes into the next one."""
    chunk: list[Draft] = []
    for draft in drafts:
        if len(chunk) == BATCH or draft.id in [one.id for one in chunk]:
            yield chunk
            chunk = []
        chunk.append(draft)
    if chunk:
        yield chunk


def texts(draft: Draft) -> Values:
    """Values as HubSpot takes them: all are texts, several options are joined by semicolons."""
    return {key: None if value is None else _text(value) for key, value in draft.values.items()}


def _text(value: JSONValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ";".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def append_notes(access: HubSpot, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    """Write notes on contacts. One that was announced is looked for by its marker first."""
    return write_each(drafts, partial(_note, access))


def _note(access: HubSpot, draft: Draft) -> str:
    contact_id = next(iter(draft.link.get("contact", ())), "")
    if not contact_id:
        raise RecordError("A note at HubSpot belongs to a contact.")
    if draft.marker and draft.announced is not None:
        for note in access.client.get_notes(contact_id):
            if draft.marker in note.body:
                return note.id
    body = str(draft.values.get(NOTE_TEXT) or "") + (f"<br><em>Reference {draft.marker}</em>" if draft.marker else "")
    return access.client.create_note(contact_id, body, draft.at or datetime.now(UTC))


CONTACTS = People(KIND, read_contact, MODIFIED, ("company", "deal"))
COMPANIES = Kind[CrmObject]("companies", read_object, "hs_lastmodifieddate", ("contact", "deal"))
DEALS = Kind[CrmObject]("deals", read_object, "hs_lastmodifieddate", ("contact", "company"))
MANY = Limits(BATCH, BATCH, BATCH, ("burst", "search"))

CONTACT = ObjectApi[HubSpotClient, Contact](
    "contact", "Contact", CONTACTS.common,
    list=CONTACTS.read_page, get=CONTACTS.get, find=CONTACTS.find, create=CONTACTS.create, update=CONTACTS.update,
    upsert=CONTACTS.upsert, delete=CONTACTS.delete, identities=(EMAIL,), upsert_keys=(EMAIL.key,),
    links=CONTACTS.links, changes=Changes(tuple(EVENTS), MODIFIED, deletions=True), limits=MANY, deletion=Deletion.BIN,
)  # fmt: skip
COMPANY = ObjectApi[HubSpotClient, CrmObject](
    "company", "Company", COMPANIES.common,
    list=COMPANIES.read_page, get=COMPANIES.get, find=COMPANIES.find, create=COMPANIES.create,
    update=COMPANIES.update, delete=COMPANIES.delete,
    identities=(DOMAIN, COMPANY_NAME),
    links=COMPANIES.links, changes=Changes(polled_by=COMPANIES.modified), limits=MANY, deletion=Deletion.BIN,
)  # fmt: skip
DEAL = ObjectApi[HubSpotClient, CrmObject](
    "deal", "Deal", DEALS.common,
    list=DEALS.read_page, get=DEALS.get, find=DEALS.find, create=DEALS.create, update=DEALS.update,
    delete=DEALS.delete, identities=(IdentityKey("dealname", IdentityKind.NAME, lags=True),),
    links=DEALS.links, changes=Changes(polled_by=DEALS.modified), limits=MANY, deletion=Deletion.BIN,
)  # fmt: skip
NOTE = ObjectApi[HubSpotClient, Note](
    "note", "Note", append=append_notes, links=("contact",), limits=Limits(windows=("burst",))
)
OBJECTS: Mapping[str, ObjectApi[HubSpotClient, Any]] = {api.key: api for api in (CONTACT, COMPANY, DEAL, NOTE)}
