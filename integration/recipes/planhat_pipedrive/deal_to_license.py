"""Flow deal → License, the trigger of the whole recipe: a deal becomes won, or a won deal changes (seed 004).

What belongs to an eligible deal goes with it: its organization first, then the deal, then persons and notes. Deals that
the rules make Sales travel in the same course, see `deal_to_sale`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.planhat.client import PlanhatClient
from integration.engine.api import (
    Batch,
    Comparison,
    Course,
    Decision,
    Flow,
    Item,
    Page,
    Record,
    Result,
    Route,
    Skip,
    Stage,
    Write,
    setting,
)
from integration.models import RecordLink, WebhookEvent
from integration.recipes.planhat_pipedrive import company, deals, organization_to_company, rules, scope, sweeps, writing
from integration.recipes.planhat_pipedrive.deals import NOTES_COUNT
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.settings import Settings
from integration.recipes.planhat_pipedrive.state import OrganizationContext

ORGANIZATIONS = "organization_to_company"
CHANGES = frozenset({"deal.create", "deal.change"})
DELAY = 1.0  # seconds: winning a deal in the pages fires several events


class DealToLicense(Flow[PipedriveClient, PlanhatClient, Settings]):
    """Pipedrive deal → Planhat License, with everything that belongs to it."""

    key = company.LICENSES
    label = _("Deal → License")
    source_object = "deal"
    target_object = "license"
    link_type = deals.LINK_TYPES[rules.LICENSE]
    events = CHANGES
    runs = frozenset({"poll", "fetch_all"})
    batch_size = 5  # about twenty calls for the persons and notes: what the smallest plan allows at once
    is_composite = True
    mapping = deals.MAPPING
    comparison = Comparison("license", own_key="sourceId", clears=False, by_links=True)
    own_targets = frozenset({"companyId", "_currency", "fromDate", "toDate", "fixedPeriod", "value", "mrr"})

    def enabled(self, settings: Settings) -> bool:
        """On when anything is received: a deal brings the rest along even if it stays behind itself."""
        return any(
            setting(settings, f"{name}_direction") in ("receive", "both")
            for name in ("organization", "person", "note", "deal")
        )

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The deal. What the event says of its stage is only a hint; it is read afresh."""
        return [Route(event.external_id, delay=DELAY)]

    def stages(self, ctx: Session, items: Sequence[Item], found: Mapping[str, Record] | None) -> Course:
        """Organizations, deals, and but for Fetch All (which has runs of their own) persons and notes."""
        known = self.read(ctx, items) if found is None else found
        kind = ctx.run.kind if ctx.run else ""
        if kind == "poll":
            changed = _changed(ctx, known)
            yield Stage(self.key, [item for item in items if item.external_id in changed], later=True)
        else:
            yield from self._with_organizations(ctx, items, known, belongings=kind != "fetch_all")

    def _with_organizations(
        self, ctx: Session, items: Sequence[Item], known: Mapping[str, Record], *, belongings: bool
    ) -> Course:
        """The organizations first, for whose sake a deal may fail; then the deals, and what belongs to both."""
        eligible = {key: row for key, row in known.items() if not deals.ineligible(ctx, row)}
        wanted = list(dict.fromkeys(str(row.values["org_id"]) for row in eligible.values()))
        rows = sweeps.organizations(ctx, wanted, include_fields=[NOTES_COUNT] if belongings else [])
        organizations = organization_to_company.records(ctx, rows, eligible=lambda org_id: True)
        fine = set(organizations)
        if ctx.recipe.flow(ORGANIZATIONS).enabled(ctx.settings):
            hint = OrganizationContext(with_deal=True).stored
            done = yield Stage(ORGANIZATIONS, [Item(key, hint) for key in wanted], organizations)
            fine = company.arrived(done)
        yield from company.deal_parts(ctx, items, known, own=True, failed=set(wanted) - fine)
        if belongings:
            brought = list(company.of_organizations(eligible, fine).values())
            yield from company.belongings(ctx, [organizations[key] for key in wanted if key in fine], brought)

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred deals per call."""
        wanted = [item.external_id for item in items]
        return deals.records(ctx, ctx.left.get_deals(wanted, include_fields=[NOTES_COUNT]))

    def page(self, ctx: Session, kind: str, cursor: str | None, since: datetime | None) -> Page:
        """Deals changed since the last poll, or all that may be in. Ends early where organizations cost many calls."""
        found: dict[str, Record] = {}
        unreadable: dict[str, str] = {}
        for _page in range(1 if rules.look_at(ctx.settings, rules.PRODUCT) else sweeps.DEAL_PAGES):
            page = ctx.left.deals_page(cursor, since=since, **scope.status(ctx))
            found |= deals.records(ctx, page.records)
            unreadable |= page.unreadable
            cursor = page.next_cursor
            wanted = {str(row.values["org_id"]) for row in found.values() if row.values["org_id"]}
            if cursor is None or sweeps.calls_for(ctx, wanted) > sweeps.MOST_CALLS:
                break
        return Page([Item(key) for key in found], found, cursor, unreadable)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Eligible deals become Licenses."""
        return deals.decide(ctx, batch, item, record, rules.LICENSE)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """One upsert for all of them."""
        return writing.upsert(ctx, "license", writes, state=deals.brought)


def _changed(ctx: Session, found: Mapping[str, Record]) -> set[str]:
    """Deals that are not as their link knows them: those a webhook may have missed."""
    rows = RecordLink.objects.filter(
        integration=ctx.integration, link_type__in=deals.LINK_TYPES.values(), source_id__in=list(found)
    )
    seen = {key: version for key, version in rows.values_list("source_id", "source_version")}
    return {
        key
        for key, row in found.items()
        if not deals.ineligible(ctx, row) and (key not in seen or seen[key] is None or row.version != seen[key])
    }
