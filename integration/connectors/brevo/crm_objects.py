"""Companies and deals of Brevo's Sales CRM as object APIs. Nothing is unique there, and every call is one of few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from config.json_value import JSONValue
from integration.connectors import offset_pages
from integration.connectors.brevo import deals
from integration.connectors.brevo.api import OTHER, PAGE_SIZE
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.brevo.records import Company, Deal
from integration.connectors.objects import (
    Access,
    BulkImport,
    Changes,
    Draft,
    IdentityKey,
    IdentityKind,
    Limits,
    ObjectApi,
    ObjectPage,
    ObjectRecord,
    Problem,
    ProcessState,
    WriteOutcome,
    delete_each,
    get_each,
    write_each,
)

Brevo = Access[BrevoClient]
NAME = "name"  # of a company


def read_values(attributes: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    return {key: None if value == "" else value for key, value in attributes.items()}


def written_values(draft: Draft) -> dict[str, JSONValue]:
    """Values as Brevo takes them: an empty text clears, like with contacts; whether null does is not documented."""
    return {key: "" if value is None else value for key, value in draft.values.items()}


def common_company(access: Brevo, company: Company) -> ObjectRecord:
    references = {"contact": company.contact_ids, "deal": company.deal_ids}
    return ObjectRecord(company.id, read_values(company.attributes), company.updated, references=references)


def read_companies(access: Brevo, cursor: str | None, since: datetime | None) -> ObjectPage[Company]:
    def fetch(offset: int, size: int) -> offset_pages.Rows[Company]:
        page = access.client.companies_page(offset // size + 1, modified_since=since, limit=size)
        return offset_pages.Rows(page.records, page.unreadable, page.next_cursor is not None)

    return offset_pages.read(fetch, cursor, PAGE_SIZE, by_page=True)


def get_companies(access: Brevo, ids: Sequence[str]) -> Mapping[str, Company | Problem]:
    return get_each(ids, access.client.get_company)


def find_companies(access: Brevo, key: str, values: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    found = {value: tuple(row.id for row in access.client.find_companies(value)) for value in values}
    return {value: ids for value, ids in found.items() if ids}


def create_companies(access: Brevo, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    def create(draft: Draft) -> str:
        attributes = {key: value for key, value in draft.values.items() if key != NAME and value is not None}
        contacts = draft.link.get("contact", ())
        return access.client.create_company(str(draft.values.get(NAME) or ""), attributes, contacts)

    return write_each(drafts, create)


def update_companies(access: Brevo, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    def update(draft: Draft) -> str:
        attributes = {key: value for key, value in written_values(draft).items() if key != NAME}
        if draft.values:
            access.client.update_company(draft.id, str(draft.values.get(NAME) or ""), attributes)
        if draft.link or draft.unlink:
            gone = draft.unlink.get("contact", ())
            access.client.link_company(draft.id, draft.link.get("contact", ()), gone)
        return draft.id

    return write_each(drafts, update)


def delete_companies(access: Brevo, ids: Sequence[str]) -> list[WriteOutcome]:
    return delete_each(ids, access.client.delete_company)


def import_companies(access: Brevo, drafts: Sequence[Draft]) -> list[str]:
    """Hand companies over by name; what is empty erases nothing. The only way past a hundred calls an hour."""
    return [access.client.import_companies([{**draft.values} for draft in drafts])] if drafts else []


def import_state(access: Brevo, process: str) -> ProcessState:
    found = access.client.get_process(process)
    return ProcessState(found.status == "done", found.status == "failed", tuple(found.problems))


def common_deal(access: Brevo, deal: Deal) -> ObjectRecord:
    references = {"contact": deal.contact_ids, "company": deal.company_ids}
    return ObjectRecord(deal.id, read_values(deal.attributes), deal.updated, references=references)


def read_deals(access: Brevo, cursor: str | None, since: datetime | None) -> ObjectPage[Deal]:
    def fetch(offset: int, size: int) -> offset_pages.Rows[Deal]:
        page = deals.page(access.client, offset, size, since)
        return offset_pages.Rows(page.records, page.unreadable, page.next_cursor is not None)

    return offset_pages.read(fetch, cursor, deals.PAGE_SIZE)


def get_deals(access: Brevo, ids: Sequence[str]) -> Mapping[str, Deal | Problem]:
    return get_each(ids, partial(deals.get, access.client))


def find_deals(access: Brevo, key: str, values: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    found = {value: tuple(row.id for row in deals.find(access.client, value)) for value in values}
    return {value: ids for value, ids in found.items() if ids}


def create_deals(access: Brevo, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    def create(draft: Draft) -> str:
        values = {key: value for key, value in draft.values.items() if value is not None}
        return deals.create(access.client, values, draft.link.get("contact", ()), draft.link.get("company", ()))

    return write_each(drafts, create)


def update_deals(access: Brevo, drafts: Sequence[Draft]) -> list[WriteOutcome]:
    def update(draft: Draft) -> str:
        if draft.values:
            deals.update(access.client, draft.id, written_values(draft))
        if draft.link or draft.unlink:
            deals.link(access.client, draft.id, draft.link, draft.unlink)
        return draft.id

    return write_each(drafts, update)


def delete_deals(access: Brevo, ids: Sequence[str]) -> list[WriteOutcome]:
    return delete_each(ids, partial(deals.delete, access.client))


COMPANY = ObjectApi[BrevoClient, Company](
    "company", "Company", common_company,
    list=read_companies, get=get_companies, find=find_companies, create=create_companies, update=update_companies,
    delete=delete_companies, bulk_import=BulkImport(import_companies, import_state),
    identities=(IdentityKey(NAME, IdentityKind.NAME),), links=("contact",),
    changes=Changes(polled_by="last_updated_at"), limits=Limits(PAGE_SIZE, windows=(OTHER,)),
)  # fmt: skip
DEAL = ObjectApi[BrevoClient, Deal](
    "deal", "Deal", common_deal,
    list=read_deals, get=get_deals, find=find_deals, create=create_deals, update=update_deals, delete=delete_deals,
    identities=(IdentityKey(deals.NAME, IdentityKind.NAME),), links=("contact", "company"),
    changes=Changes(polled_by="last_updated_date"), limits=Limits(deals.PAGE_SIZE, windows=(OTHER,)),
)  # fmt: skip
