"""Planhat's models as object APIs. A bulk upsert goes by our key; notes are changed by their own id alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from config.json_value import JSONValue, json_texts
from integration.connectors import offset_pages
from integration.connectors.objects import (
    Access,
    Changes,
    Draft,
    IdentityKey,
    IdentityKind,
    Limits,
    ObjectApi,
    ObjectPage,
    ObjectRecord,
    Problem,
    WriteOutcome,
    cut,
    delete_each,
    get_each,
    write_each,
    write_portions,
)
from integration.connectors.planhat import bulk
from integration.connectors.planhat.api import MINUTE
from integration.connectors.planhat.client import NOTE, RECORDS_PAGE, PlanhatClient, changed_since, own_id
from integration.connectors.planhat.records import Page, Stored, body
from integration.errors import NotFound, RecordError

Planhat = Access[PlanhatClient]
EMAIL = IdentityKey("email", IdentityKind.EMAIL)
SOURCE_ID, EXTERNAL_ID = "sourceId", "externalId"
PREFIXES = {SOURCE_ID: "srcid", EXTERNAL_ID: "extid"}  # of a key in a path (planhat sheet §3)
REFERENCES = {"companyId": "company", "owner": "user"}


@dataclass(frozen=True)
class Model:
    """The operations of one model."""

    name: str

    @property
    def own_id(self) -> str:
        return own_id(self.name)

    def common(self, access: Planhat, record: Stored) -> ObjectRecord:
        """A record by field key. Planhat leaves out what has no value."""
        values: dict[str, JSONValue] = {self.own_id: record.attributes.get(self.own_id)}
        for spec in access.fields:
            source, key = (record.custom, spec.label) if spec.custom else (record.attributes, spec.key)
            values[spec.key] = source.get(key)
        if isinstance(currency := values.get("_currency"), Mapping):
            values["_currency"] = currency.get("symbol")  # written as a code, read as an object (planhat sheet §5)
        addresses = (record.attributes.get("email"), *json_texts(record.attributes.get("otherEmails")))
        emails = tuple(str(address) for address in addresses if address)
        found = {kind: str(record.attributes[key]) for key, kind in REFERENCES.items() if record.attributes.get(key)}
        references = {kind: (key,) for kind, key in found.items()}
        archived = bool(record.attributes.get("archived"))
        return ObjectRecord(record.id, values, record.updated, emails, references, archived)

    def read_page(self, access: Planhat, cursor: str | None, since: datetime | None) -> ObjectPage[Stored]:
        """With `since` the newest first, and no further than that where the list is in this order."""

        def fetch(offset: int, size: int) -> offset_pages.Rows[Stored]:
            page = access.client.records_page(self.name, offset, limit=size, newest_first=since is not None)
            return offset_pages.Rows(page.records, page.unreadable, page.next_offset is not None)

        page = offset_pages.read(fetch, cursor, RECORDS_PAGE)
        if since is None:
            return page
        fresh = changed_since(Page(page.records, 1), since)
        following = None if fresh.next_offset is None else page.next_cursor
        return ObjectPage(fresh.records, following, page.problems)

    def get(self, access: Planhat, ids: Sequence[str]) -> Mapping[str, Stored | Problem]:
        return get_each(ids, lambda key: access.client.get_record(self.name, key))

    def find(self, access: Planhat, key: str, values: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By our key or the address of an end user."""
        found: dict[str, tuple[str, ...]] = {}
        for value in values:
            record_id = self._find_person(access, value) if key == EMAIL.key else self._find_key(access, key, value)
            if record_id:
                found[value] = (record_id,)
        return found

    def _find_person(self, access: Planhat, email: str) -> str:
        row = access.client.find_enduser(email)
        return str(row["_id"]) if row else ""

    def _find_key(self, access: Planhat, key: str, value: str) -> str:
        try:
            return access.client.get_record(self.name, f"{PREFIXES[key]}-{value}").id
        except NotFound:
            return ""

    def create(self, access: Planhat, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        return write_each(drafts, lambda draft: access.client.create_record(self.name, self.row(access, draft)).id)

    def update(self, access: Planhat, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        """One by one: a bulk upsert would make one more of whatever is gone."""
        client = access.client
        return write_each(drafts, lambda draft: client.update_record(self.name, draft.id, self.row(access, draft)).id)

    def upsert(self, access: Planhat, key: str, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        """Create or change many by our key. Of a note it is looked up first whether there is one."""
        if key != self.own_id:
            raise KeyError(key)
        return write_portions(cut(drafts, bulk.MOST), partial(self._upsert, access))

    def _upsert(self, access: Planhat, drafts: Sequence[Draft]) -> list[WriteOutcome]:
        rows = [self.row(access, draft) for draft in drafts]
        if self.name == NOTE:
            rows = [self._with_id(access, row) for row in rows]
        done = access.client.upsert(self.name, rows)
        keys = [str(row[self.own_id]) for row in rows]
        return [WriteOutcome(done.ids.get(one, ""), _refused(done.errors.get(one))) for one in keys]

    def _with_id(self, access: Planhat, row: dict[str, JSONValue]) -> dict[str, JSONValue]:
        found = access.client.find_note(str(row[EXTERNAL_ID]))
        return {**row, "_id": found} if found else row

    def delete(self, access: Planhat, ids: Sequence[str]) -> list[WriteOutcome]:
        return delete_each(ids, lambda key: access.client.delete_record(self.name, key))

    def row(self, access: Planhat, draft: Draft) -> dict[str, JSONValue]:
        """A draft as Planhat takes a record: custom values by their names, the company by its id."""
        usual = {"type": "note"} if self.name == NOTE else {}
        values = {**usual, **body(draft.values, access.specs)}
        for key, kind in REFERENCES.items():
            if kind in draft.link:
                values[key] = draft.link[kind][0]
        return values


def _refused(words: str | None) -> RecordError | None:
    return None if words is None else RecordError(f"Planhat refused this record: {words}")


def _api(
    name: str, label: str, *identities: IdentityKey, links: tuple[str, ...], changes: Changes
) -> ObjectApi[PlanhatClient, Stored]:
    model = Model(name)
    own = IdentityKey(model.own_id, IdentityKind.OUR_KEY, unique=True)
    return ObjectApi(
        name, label, model.common,
        list=model.read_page, get=model.get, find=model.find, create=model.create, update=model.update,
        upsert=model.upsert, delete=model.delete, identities=(own, *identities), upsert_keys=(model.own_id,),
        links=links, changes=changes, limits=Limits(RECORDS_PAGE, write=bulk.MOST, windows=(MINUTE,)),
    )  # fmt: skip


POLLED = Changes(polled_by="updatedAt")
COMPANY = _api("company", "Company", links=("user",), changes=Changes(("company.changed",), "updatedAt"))
ENDUSER = _api("enduser", "End User", EMAIL, links=("company",), changes=POLLED)
LICENSE = _api("license", "License", links=("company",), changes=POLLED)
SALE = _api("sale", "Sale", links=("company",), changes=POLLED)
CONVERSATION = _api(NOTE, "Note", links=("company",), changes=POLLED)
OBJECTS = {api.key: api for api in (COMPANY, ENDUSER, LICENSE, SALE, CONVERSATION)}
