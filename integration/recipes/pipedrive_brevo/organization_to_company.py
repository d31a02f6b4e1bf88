"""Flow organization → company: organizations become companies of Brevo's Sales CRM, linked to their people's contacts.

A hundred calls an hour is all there is (brevo sheet §3), so what exists is listed once per slice, many new ones go as
one file, and links are changed, never replaced. Brevo knows no key of ours: an attribute holds the Pipedrive id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from integration import retry
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.brevo.records import Company
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Organization, record_values
from integration.engine.api import (
    Batch,
    Comparison,
    Decision,
    Flow,
    Item,
    MappingRow,
    Page,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    Write,
    write_each,
)
from integration.errors import NotFound, TransientError
from integration.models import LinkState, Outcome, RecordLink, WebhookEvent
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.settings import Settings
from integration.recipes.pipedrive_brevo.state import PERSON_LINK, CompanyState, PersonState

PAGE_SIZE = 500
FEW = 10  # up to here single calls; more new ones go as one file
CONTACTS = "contacts"  # among the values: the contacts that should be linked


ORGANIZATION_MAPPING = (
    MappingRow("name", "name", required=True),
    MappingRow("website", "domain"),
)


class OrganizationToCompany(Flow[PipedriveClient, BrevoClient, Settings]):
    """Pipedrive organization → Brevo company."""

    key = "organization_to_company"
    label = _("Organization → company")
    source_object = "organization"
    target_object = "company"
    link_type = "organization"
    events = frozenset({"organization.create", "organization.change"})
    runs = frozenset({"poll", "fetch_all"})
    batch_size = 500
    mapping = ORGANIZATION_MAPPING
    comparison = Comparison("company")

    def enabled(self, settings: Settings) -> bool:
        """On with "Sync organizations"."""
        return bool(settings["organizations_enabled"])

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The organization the event is about."""
        return [Route(event.external_id)]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred organizations per call."""
        return _records(ctx, ctx.left.get_organizations([item.external_id for item in items]))

    def page(self, ctx: Session, kind: str, cursor: str | None, since: datetime | None) -> Page:
        """Organizations changed since the last poll, or all of them."""
        page = ctx.left.organizations_page(cursor, since=since, limit=PAGE_SIZE)
        records = _records(ctx, page.records)
        return Page([Item(key) for key in records], records, page.next_cursor, page.unreadable)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Every organization becomes a company; one that is gone leaves its company alone."""
        if record is None:
            return Skip(Reason.DELETED_AT_SOURCE)
        link = batch.links.get(item.external_id)
        if CompanyState.of(link).removed_at_target:
            return Skip(Reason.REMOVED_AT_TARGET)
        active = link is not None and link.state == LinkState.ACTIVE
        extra = {CONTACTS: record.values[CONTACTS]}
        return Sync("update" if active else "create", creating=not active, extra=extra)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Recognise what Brevo has already, hand many new ones over as a file, do the rest one by one."""
        filed = {id(write) for write in _filed(ctx, writes)}
        rest = [write for write in writes if id(write) not in filed]
        done = dict(zip(map(id, rest), write_each(ctx, rest, lambda write: _write(ctx, write)), strict=True))
        pause = retry.next_delay(retry.FILE_IMPORT)
        later = Result(Outcome.RETRYING, reason=BrevoReason.IMPORT_RUNNING, retry_after=pause, link_state=None)
        return [done.get(id(write), later) for write in writes]


def _filed(ctx: Session, writes: Sequence[Write]) -> list[Write]:
    """Hand new ones over as one file where they are many. They are recognised at the next try."""
    fresh = [write for write in writes if write.action == "create" and _known(ctx, write) is None]
    if len(fresh) <= FEW:
        return []
    patient = [write for write in fresh if not retry.FILE_IMPORT.used_up(write.item.attempts)]
    if patient:
        ctx.right.import_companies([_row(ctx, write) for write in patient])
    return patient


def _records(ctx: Session, organizations: Iterable[Organization]) -> dict[str, Record]:
    rows = {row.id: row for row in organizations if not row.is_deleted}
    contacts = _contacts_of(ctx, list(rows))
    return {
        key: Record(key, {**record_values(row), CONTACTS: contacts.get(key, [])}, version=row.update_time)
        for key, row in rows.items()
    }


def _contacts_of(ctx: Session, ids: Sequence[str]) -> dict[str, list[str]]:
    """Organization → ids of its people's contacts, as far as Brevo has told them."""
    linked = RecordLink.objects.filter(integration=ctx.integration, link_type=PERSON_LINK, state=LinkState.ACTIVE)
    links = linked.filter(parent_id__in=list(ids)).exclude(target_id="")
    found: dict[str, list[str]] = {}
    for link in links.order_by("pk"):
        found.setdefault(str(PersonState.of(link).organization), []).append(link.target_id)
    return found


def _known(ctx: Session, write: Write) -> Company | None:
    """The company Brevo has for this organization: by our attribute, else one of its name that nobody claimed."""
    by_id, by_name = _companies(ctx)
    return by_id.get(write.item.external_id) or by_name.get(str(write.values.get("name")))


def _companies(ctx: Session) -> tuple[dict[str, Company], dict[str, Company]]:
    """All companies of the account, read once per slice: by Pipedrive id, and by name where they have none."""
    if "companies" not in ctx.cache:
        key = str(ctx.resource("company_key"))
        by_id: dict[str, Company] = {}
        by_name: dict[str, Company] = {}
        number: int | None = 1
        while number is not None:
            page = ctx.right.companies_page(number)
            number = page.next_cursor
            for row in page.complete():
                owner = row.attributes.get(key)
                (by_id if owner else by_name)[str(owner or row.attributes.get("name"))] = row
        ctx.cache["companies"] = (by_id, by_name)
    found: tuple[dict[str, Company], dict[str, Company]] = ctx.cache["companies"]
    return found


def _row(ctx: Session, write: Write) -> dict[str, JSONValue]:
    return {"name": write.values["name"], **_attributes(ctx, write)}


def _attributes(ctx: Session, write: Write) -> dict[str, JSONValue]:
    values = {key: value for key, value in write.values.items() if key not in ("name", CONTACTS) and value is not None}
    return {**values, str(ctx.resource("company_key")): write.item.external_id}


def _write(ctx: Session, write: Write) -> Result:
    known = _known(ctx, write) if write.action == "create" else None
    company_id = known.id if known else (write.link.target_id if write.link else "")
    name = str(write.values["name"])
    if not company_id:
        made = _created(ctx, write, name, list(write.values[CONTACTS]))
        return Result(Outcome.SYNCED, target_id=made, call=ctx.last_call())
    try:
        if known is not None or _differs(write):
            ctx.right.update_company(company_id, name, _attributes(ctx, write))
        _link_contacts(ctx, write, company_id, known)
    except NotFound:
        return Result(Outcome.SKIPPED, reason=Reason.REMOVED_AT_TARGET, link_state="removed", written={},
                      notes=CompanyState(removed_at_target=True).stored, call=ctx.last_call())  # fmt: skip
    return Result(Outcome.SYNCED, target_id=company_id, call=ctx.last_call())


def _link_contacts(ctx: Session, write: Write, company_id: str, known: Company | None) -> None:
    """Link the people's contacts, and unlink those we linked before. A company just recognised keeps its own."""
    wanted = list(write.values[CONTACTS])
    before = write.link.written.get(CONTACTS, []) if write.link else []
    linked = list(known.contact_ids) if known else list(before)
    add = [key for key in wanted if key not in linked]
    gone = [] if known else [key for key in linked if key not in wanted]
    if add or gone:
        ctx.right.link_company(company_id, add, gone)


def _created(ctx: Session, write: Write, name: str, contacts: Sequence[str]) -> str:
    try:
        return str(ctx.right.create_company(name, _attributes(ctx, write), contacts))
    except TransientError:
        ctx.cache.pop("companies", None)  # it may exist now: the next try looks again
        raise


def _differs(write: Write) -> bool:
    """Whether more than the links changed."""
    before = write.link.written if write.link else {}
    return any(before.get(key) != value for key, value in write.values.items() if key != CONTACTS)
