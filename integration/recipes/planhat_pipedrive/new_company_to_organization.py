"""Flow new company → organization: a company without an organization gets one, where the tenant wants that.

Nothing is unique in Pipedrive. What we create is announced before, and looked for before any second try;
then the company is told the id, by which the two are linked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.planhat.client import PlanhatClient
from integration.connectors.planhat.records import Stored
from integration.engine.api import (
    Batch,
    Decision,
    Enqueue,
    Flow,
    Item,
    Page,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    Write,
    links,
    write_each,
)
from integration.models import LinkState, Outcome, WebhookEvent
from integration.reasons import Reason
from integration.recipes.planhat_pipedrive.company_to_organization import EVENTS, CompanyToOrganization
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.settings import Settings

LINK_TYPE = "new_company"


class NewCompanyToOrganization(Flow[PipedriveClient, PlanhatClient, Settings]):
    """New Planhat company → Pipedrive organization."""

    key = "new_company_to_organization"
    label = _("New Company → Organization")
    side = "right"
    source_object = "company"
    target_object = "organization"
    link_type = LINK_TYPE
    events = EVENTS
    runs = frozenset({"poll", "fetch_all"})
    runs_after = (CompanyToOrganization.key,)
    batch_size = 20

    def enabled(self, settings: Settings) -> bool:
        """On with "Create organizations for new companies"."""
        return settings["organization_direction"] in ("send", "both") and bool(settings["create_organizations"])

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The company; whether it is new shows when it is read."""
        return [Route(event.external_id)]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """One by one: Planhat has no list by id."""
        found = [ctx.right.get_company(item.external_id) for item in items]
        return _records([company for company in found if company is not None])

    def page(self, ctx: Session, kind: str, cursor: int | None, since: datetime | None) -> Page:
        """Companies changed since the last poll, or all; those that hold an id from elsewhere are left out."""
        page = ctx.right.companies_page(cursor or 0, since=since)
        found = _records([company for company in page.records if not company.source_id])
        return Page([Item(key) for key in found], found, page.next_offset, page.unreadable)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Only a company that holds no id of a CRM is new."""
        link = batch.links.get(item.external_id)
        if record is None:
            return Skip(Reason.RECORD_NOT_FOUND)
        if record.values["source_id"] or (link is not None and link.state == LinkState.ACTIVE):
            return Skip(Reason.UNCHANGED)
        return Sync("create_organization", mapped=False, creating=True)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Announce, create, tell the company."""
        return write_each(ctx, writes, lambda write: _create(ctx, write))


def _records(companies: Sequence[Stored]) -> dict[str, Record]:
    return {
        row.id: Record(row.id, {"name": row.name, "source_id": row.source_id}, version=row.updated)
        for row in companies
    }  # fmt: skip


def _create(ctx: Session, write: Write) -> Result:
    """Look if an earlier try got through, announce, create, tell the company."""
    assert write.record is not None
    name = str(write.record.values["name"]) or write.item.external_id
    announced = write.link is not None and write.link.state == LinkState.PENDING
    org_id = _earlier(ctx, write, name) if announced else ""
    if not org_id:
        write.marker = f"organization-{write.item.external_id}"
        links.record_intent(ctx.integration, LINK_TYPE, [write])
        org_id = ctx.left.create_organization({"name": name}).id
    ctx.right.update_company(write.item.external_id, {"sourceId": org_id})
    again = Enqueue(CompanyToOrganization.key, org_id)
    return Result(Outcome.SYNCED, target_id=org_id, written={"name": name}, follow_ups=(again,), call=ctx.last_call())


def _earlier(ctx: Session, write: Write, name: str) -> str:
    """The organization an earlier try created, its answer lost: by its name."""
    assert write.link is not None
    announced = ctx.connection("left").their_time(write.link.updated_at)
    return ctx.left.organizations.created_earlier(
        announced, lambda row: row.name.strip() == name.strip() and not row.is_deleted
    )
