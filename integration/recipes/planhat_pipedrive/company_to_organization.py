"""Flow company → organization: what changed in Planhat goes back, field by field.

Found by polling, or told by an automation. Which fields travel back is the mapping's; the engine compares
and settles. A company that holds an organization's id (from us, or from Planhat's own integration) is linked by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from integration.connectors.objects import Access, walk
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.planhat import objects
from integration.connectors.planhat.client import PlanhatClient
from integration.connectors.planhat.records import Stored, record_values
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
from integration.errors import NotFound
from integration.models import LinkState, Outcome, WebhookEvent
from integration.reasons import Reason
from integration.recipes.planhat_pipedrive import scope
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.settings import Settings
from integration.recipes.shared.linked_records import by_source
from integration.recipes.shared.pipedrive_fields import nested

EVENTS = frozenset({"company.changed"})
FEW = 10  # above that one list is cheaper than single reads, of 200 calls a minute


class CompanyToOrganization(Flow[PipedriveClient, PlanhatClient, Settings]):
    """Planhat company → Pipedrive organization."""

    key = "company_to_organization"
    label = _("Company → Organization")
    side = "right"
    source_object = "company"
    target_object = "organization"
    link_type = scope.COMPANY
    events = EVENTS
    runs = frozenset({"poll", "fetch_all"})
    runs_after = ("deal_to_license",)
    batch_size = 50

    def enabled(self, settings: Settings) -> bool:
        """On when companies are sent."""
        return settings["organization_direction"] in ("send", "both")

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The organization of the company that changed."""
        rows = links.of_targets(ctx.integration, self.link_type, [event.external_id])
        found = list(rows.values_list("source_id", flat=True))
        return [Route(key) for key in found] or Skip(Reason.NOT_LINKED)

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """The companies that hold these organizations' ids: a few one by one, many from the whole list."""
        wanted = [item.external_id for item in items]
        if len(wanted) <= FEW:
            found = [ctx.right.get_company(f"srcid-{key}") for key in wanted]
            return records(ctx, [company for company in found if company is not None])
        known = records(ctx, all_companies(ctx))
        return {key: known[key] for key in wanted if key in known}

    def page(self, ctx: Session, kind: str, cursor: int | None, since: datetime | None) -> Page:
        """Companies changed since the last poll, or all of them."""
        page = ctx.right.companies_page(cursor or 0, since=since)
        found = records(ctx, page.records)
        unreadable = by_source(ctx, self.link_type, page.unreadable)
        return Page([Item(key) for key in found], found, page.next_offset, unreadable)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """A company without a link is linked first; then its fields are compared."""
        if record is None:
            return Skip(Reason.REMOVED_AT_TARGET)
        link = batch.links.get(item.external_id)
        if link is None or link.state != LinkState.ACTIVE:
            return Sync("link_company", mapped=False)
        return Sync("update_organization")

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Links need one read for all; organizations are changed one by one, Pipedrive has no bulk."""
        linking = [write.item.external_id for write in writes if write.action == "link_company"]
        known = {row.id for row in ctx.left.get_organizations(linking)} if linking else set()
        return write_each(ctx, writes, lambda write: _written(ctx, write, known))


def records(ctx: Session, companies: Sequence[Stored]) -> dict[str, Record]:
    """Companies as records, by the organization's id they hold; those with another kind of id are none of ours."""
    specs = list(ctx.fields("right", "company").values())
    return {
        row.source_id: Record(row.source_id, {**record_values(row, specs), "_id": row.id}, version=row.updated)
        for row in companies
        if row.source_id.isascii() and row.source_id.isdigit()
    }


def all_companies(ctx: Session) -> list[Stored]:
    """Every company of the account."""
    return list(walk(objects.COMPANY, Access(ctx.right)))


def _written(ctx: Session, write: Write, known: set[str]) -> Result:
    assert write.record is not None
    number, org_id = str(write.record.values["_id"]), write.item.external_id
    if write.action == "link_company":
        if org_id not in known:
            return Result(Outcome.SKIPPED, reason=Reason.DELETED_AT_SOURCE, link_state=None)
        again = Enqueue(CompanyToOrganization.key, org_id)
        return Result(Outcome.SYNCED, target_id=number, written={}, follow_ups=(again,), call=ctx.last_call())
    try:
        ctx.left.update_organization(org_id, _body(write.values))
    except NotFound:
        return Result(Outcome.SKIPPED, reason=Reason.DELETED_AT_SOURCE, link_state=None, call=ctx.last_call())
    return Result(Outcome.SYNCED, target_id=number, call=ctx.last_call())


def _body(values: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """What the organization is given: an address by its text."""
    body = nested(values)
    if isinstance(body.get("address"), str):
        body["address"] = {"value": body["address"]}
    return body
