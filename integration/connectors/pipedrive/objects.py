"""Pipedrive's objects as object APIs. There is no bulk write and no upsert; lists hide what the user may not see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic

from typing_extensions import TypeVar

from config.json_value import JSONValue
from integration.connectors import offset_pages
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
    get_each,
    page_of,
    problems_of,
    write_each,
)
from integration.connectors.pipedrive.api import IDS_PER_CALL, PAGE_LIMIT
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.collection import Collection
from integration.connectors.pipedrive.records import (
    Activity,
    AnyRecord,
    Deal,
    Found,
    Lead,
    Note,
    Organization,
    Person,
    record_values,
)

Pipedrive = Access[PipedriveClient]
Record = TypeVar("Record", bound=AnyRecord)
REFERENCES = {"person_id": "person", "org_id": "organization", "deal_id": "deal", "lead_id": "lead"}
USERS = ("owner_id", "user_id")
# The value of a draft that links a kind. Leads and notes have other names for some (pipedrive sheet §9, §10).
LINKS = {"person": "person_id", "organization": "org_id", "deal": "deal_id", "lead": "lead_id", "user": "owner_id"}
LEAD_LINKS = {**LINKS, "organization": "organization_id"}
NOTE_LINKS = {**LINKS, "user": "user_id"}
BUDGET, SEARCH_BUDGET = ("burst", "day"), ("burst", "search", "day")
BY_EMAIL = IdentityKey("email", IdentityKind.EMAIL, lags=True)
BY_NAME = IdentityKey("name", IdentityKind.NAME, lags=True)
MANY = Limits(PAGE_LIMIT, IDS_PER_CALL, windows=BUDGET)
SEARCHED = Limits(PAGE_LIMIT, IDS_PER_CALL, windows=SEARCH_BUDGET)


def common(access: Pipedrive, record: AnyRecord) -> ObjectRecord:
    """A record by field key: custom fields beside the vendor's own."""
    values = record_values(record)
    custom = values.pop("custom_fields", None)
    flat = {**values, **(custom if isinstance(custom, Mapping) else {})}
    references: dict[str, tuple[str, ...]] = {
        kind: (str(flat[key]),) for key, kind in REFERENCES.items() if flat.get(key)
    }
    owners = tuple(str(flat[key]) for key in USERS if flat.get(key))
    references |= {"user": owners} if owners else {}
    emails = tuple(point.value for point in record.emails) if isinstance(record, Person) else ()
    archived = bool(getattr(record, "is_deleted", False) or getattr(record, "is_archived", False))
    return ObjectRecord(record.id, flat, record.update_time, emails, references, archived)


@dataclass(frozen=True)
class Kind(Generic[Record]):
    """The operations of one kind. `marked` is the text an appended record carries its marker in."""

    of: Callable[[PipedriveClient], Collection[Record]]
    links: Mapping[str, str]
    marked: str = ""

    def read_page(self, access: Pipedrive, cursor: str | None, since: datetime | None) -> ObjectPage[Record]:
        collection = self.of(access.client)
        if collection.is_v2:
            page = collection.page(cursor, since, PAGE_LIMIT)
            return page_of(page.records, page.next_cursor, page.unreadable)

        def fetch(offset: int, size: int) -> offset_pages.Rows[Record]:
            page = collection.page(str(offset), since, size)
            return offset_pages.Rows(page.records, page.unreadable, page.next_cursor is not None)

        return offset_pages.read(fetch, cursor, PAGE_LIMIT)

    def get(self, access: Pipedrive, ids: Sequence[str]) -> Mapping[str, Record | Problem]:
        """Many per call. Who is deleted or out of sight is missing: only `get_alone` tells them apart."""
        found = self.of(access.client).read_many(ids)
        return answered(ids, {record.id: record for record in found.records}, problems_of(found.unreadable))

    def get_alone(self, access: Pipedrive, ids: Sequence[str]) -> Mapping[str, Record | Problem]:
        """One per call; a deleted one may come back as such (pipedrive sheet §11, §17)."""
        return get_each(ids, self.of(access.client).get)

    def create(self, access: Pipedrive, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        collection = self.of(access.client)
        return write_each(drafts, lambda draft: collection.create(collection.body(self.values(access, draft))).id)

    def update(self, access: Pipedrive, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        collection = self.of(access.client)
        return write_each(
            drafts, lambda draft: collection.change(draft.id, collection.body(self.values(access, draft))).id
        )

    def append(self, access: Pipedrive, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        """Create each, unless an earlier try left one with its marker: a list knows at once what search may not."""
        return write_each(drafts, lambda draft: self._earlier(access, draft) or self._append(access, draft))

    def delete(self, access: Pipedrive, ids: Sequence[str]) -> list[WriteOutcome]:
        return delete_each(ids, self.of(access.client).delete)

    def values(self, access: Pipedrive, draft: Draft) -> dict[str, JSONValue]:
        """A draft as the client takes values: custom ones apart, links by the ids' own keys."""
        custom = {spec.key for spec in access.fields if spec.custom}
        values: dict[str, JSONValue] = {key: value for key, value in draft.values.items() if key not in custom}
        values |= {self.links[kind]: None for kind in draft.unlink}
        values |= {self.links[kind]: ids[0] for kind, ids in draft.link.items() if ids}
        nested = {key: value for key, value in draft.values.items() if key in custom}
        return {**values, **({"custom_fields": nested} if nested else {})}

    def _earlier(self, access: Pipedrive, draft: Draft) -> str:
        if not draft.marker or draft.announced is None:
            return ""

        def is_ours(record: Record) -> bool:
            return draft.marker in str(record_values(record).get(self.marked) or "")

        return self.of(access.client).created_earlier(draft.announced, is_ours)

    def _append(self, access: Pipedrive, draft: Draft) -> str:
        collection, values = self.of(access.client), self.values(access, draft)
        if draft.marker:
            values[self.marked] = f"{values.get(self.marked) or ''}<br><em>{draft.marker}</em>"
        return collection.create(collection.body(values)).id


@dataclass(frozen=True)
class People(Kind[Person]):
    """People have addresses, and one name of two parts (pipedrive sheet §6)."""

    def create(self, access: Pipedrive, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        return write_each(drafts, lambda draft: access.client.create_person(self.values(access, draft)).id)

    def update(self, access: Pipedrive, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        return write_each(drafts, lambda draft: access.client.update_person(draft.id, self.values(access, draft)).id)

    def find(self, access: Pipedrive, key: str, values: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By address, or by exact name; several people may have either."""
        if key == BY_EMAIL.key:
            return _found(values, access.client.search_persons)
        return _named(values, access.client.search_persons_by_name)


@dataclass(frozen=True)
class Organizations(Kind[Organization]):
    """Organizations are known by name."""

    def find(self, access: Pipedrive, key: str, values: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        return _named(values, lambda name: access.client.search_items(name, ["organization"], fields="name"))


@dataclass(frozen=True)
class Activities(Kind[Activity]):
    """An activity's person is a participant; `person_id` is read only (pipedrive sheet §10)."""

    def values(self, access: Pipedrive, draft: Draft) -> dict[str, JSONValue]:
        people = [{"person_id": int(key), "primary": True} for key in draft.link.get("person", ())[:1]]
        rest = {kind: ids for kind, ids in draft.link.items() if kind != "person"}
        values = super().values(access, Draft(draft.values, draft.id, rest, draft.unlink))
        return {**values, **({"participants": people} if people else {})}


def _found(values: Sequence[str], search: Callable[[str], Sequence[Found]]) -> dict[str, tuple[str, ...]]:
    hits = {value: tuple(row.id for row in search(value)) for value in values}
    return {value: ids for value, ids in hits.items() if ids}


def _named(values: Sequence[str], search: Callable[[str], Sequence[Found]]) -> dict[str, tuple[str, ...]]:
    """Those of exactly this name; the search finds parts of names too."""
    return _found(values, lambda name: [row for row in search(name) if row.name.casefold() == name.strip().casefold()])


def _changes(kind: str) -> Changes:
    return Changes(tuple(f"{kind}.{action}" for action in ("create", "change", "delete")), "update_time", True)


PEOPLE = People(lambda client: client.persons, LINKS)
ORGANIZATIONS = Organizations(lambda client: client.organizations, LINKS)
DEALS = Kind[Deal](lambda client: client.deals, LINKS)
LEADS = Kind[Lead](lambda client: client.leads, LEAD_LINKS)
ACTIVITIES = Activities(lambda client: client.activities, LINKS, "note")
NOTES = Kind[Note](lambda client: client.notes, NOTE_LINKS, "content")

PERSON = ObjectApi[PipedriveClient, Person](
    "person", "Person", common,
    list=PEOPLE.read_page, get=PEOPLE.get, find=PEOPLE.find, create=PEOPLE.create, update=PEOPLE.update,
    delete=PEOPLE.delete, identities=(BY_EMAIL, BY_NAME), links=("organization", "user"),
    changes=_changes("person"), limits=SEARCHED, deletion=Deletion.BIN, hides=True,
)  # fmt: skip
ORGANIZATION = ObjectApi[PipedriveClient, Organization](
    "organization", "Organization", common,
    list=ORGANIZATIONS.read_page, get=ORGANIZATIONS.get, find=ORGANIZATIONS.find, create=ORGANIZATIONS.create,
    update=ORGANIZATIONS.update, delete=ORGANIZATIONS.delete, identities=(BY_NAME,), links=("user",),
    changes=_changes("organization"), limits=SEARCHED, deletion=Deletion.BIN, hides=True,
)  # fmt: skip
DEAL = ObjectApi[PipedriveClient, Deal](
    "deal", "Deal", common,
    list=DEALS.read_page, get=DEALS.get, create=DEALS.create, update=DEALS.update, delete=DEALS.delete,
    links=("person", "organization", "user"), changes=_changes("deal"), limits=MANY, deletion=Deletion.BIN, hides=True,
)  # fmt: skip
LEAD = ObjectApi[PipedriveClient, Lead](
    "lead", "Lead", common,
    list=LEADS.read_page, get=LEADS.get_alone, create=LEADS.create, update=LEADS.update, delete=LEADS.delete,
    links=("person", "organization", "user"), changes=_changes("lead"), limits=Limits(PAGE_LIMIT, windows=BUDGET),
    deletion=Deletion.ERASED, hides=True,
)  # fmt: skip
ACTIVITY = ObjectApi[PipedriveClient, Activity](
    "activity", "Activity", common,
    list=ACTIVITIES.read_page, get=ACTIVITIES.get, append=ACTIVITIES.append, delete=ACTIVITIES.delete,
    links=("person", "organization", "deal", "lead", "user"), changes=_changes("activity"), limits=MANY,
    deletion=Deletion.BIN, hides=True,
)  # fmt: skip
NOTE = ObjectApi[PipedriveClient, Note](
    "note", "Note", common,
    list=NOTES.read_page, get=NOTES.get_alone, append=NOTES.append, delete=NOTES.delete,
    links=("person", "organization", "deal", "lead", "user"), changes=_changes("note"),
    limits=Limits(PAGE_LIMIT, windows=BUDGET), deletion=Deletion.BIN, hides=True,
)  # fmt: skip
OBJECTS = {api.key: api for api in (PERSON, ORGANIZATION, DEAL, LEAD, ACTIVITY, NOTE)}
