"""Flow organization → company: it comes with a won deal, or when somebody asks for it ("Sync with Pipedrive").

A change of an organization alone triggers nothing (seed 004), so this flow listens to no event. Asked for by a person,
it brings its persons, notes and deals along, in the order Planhat needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from integration.connectors.pipedrive.records import Organization, record_values
from integration.engine.context import Context
from integration.engine.flow import Batch, Decision, Item, Page, Record, Result, Route, Skip, Sync, Write
from integration.engine.together import Course, Part
from integration.models import LinkState, WebhookEvent
from integration.recipes.planhat_pipedrive import company, deals, scope, sweeps, writing
from integration.recipes.planhat_pipedrive.deals import NOTES_COUNT
from integration.recipes.planhat_pipedrive.owners import planhat_owner

ELIGIBLE = "eligible"  # among the values: whether a deal in step brought the organization along
BROUGHT = "with_deal"  # a hint: the organization comes with a deal, which waits for it


class OrganizationToCompany:
    """Pipedrive organization → Planhat company."""

    key = "organization_to_company"
    label = "Organization → Company"
    side = "left"
    source_object = "organization"
    target_object = "company"
    link_type = scope.COMPANY
    events: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    batch_size = 5
    urgent = False

    def enabled(self, settings: Mapping[str, Any]) -> bool:
        """On when organizations are received."""
        return settings.get("organization_direction") in ("receive", "both")

    def route(self, ctx: Context, event: WebhookEvent) -> Sequence[Route] | Skip:
        """No event concerns an organization alone."""
        return Skip("unhandled_event")

    def parts(self, ctx: Context, items: Sequence[Item], found: Mapping[str, Record] | None) -> Course:
        """The organizations; where a person asked or a deal waits, what belongs to them follows."""
        known = dict(self.read(ctx, items) if found is None else found)
        asked = [item.external_id for item in items if item.external_id in known and _brings(item)]
        rows = company.deals_of(ctx, asked)
        eligible = [row for row in deals.records(ctx, rows).values() if not deals.ineligible(ctx, row)]
        for org_id in {str(row.values["org_id"]) for row in eligible}:
            known[org_id] = replace(known[org_id], values={**known[org_id].values, ELIGIBLE: True})
        done = yield Part(self.key, items, known, own=True)
        fine = company.arrived(done)
        if asked:
            going = {row.external_id: row for row in eligible if str(row.values["org_id"]) in fine}
            yield from company.deal_parts(ctx, [Item(key) for key in going], going, own=False)
            yield from company.belongings(ctx, [known[key] for key in asked if key in fine], list(going.values()))

    def read(self, ctx: Context, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred organizations per call."""
        wanted = [item.external_id for item in items]
        known = scope.organizations(ctx, wanted)
        rows = sweeps.organizations(ctx, wanted, include_fields=[NOTES_COUNT])
        return records(ctx, rows, eligible=lambda org_id: org_id in known)

    def page(self, ctx: Context, kind: str, cursor: Any, since: datetime | None) -> Page:
        """Runs go over deals; organizations come with them."""
        return Page([])

    def count(self, ctx: Context, kind: str) -> int | None:
        """See `page`."""
        return 0

    def decide(self, ctx: Context, batch: Batch, item: Item, record: Record | None) -> Decision:
        """In, if a deal brought it along or it is in Planhat already."""
        if record is None:
            return Skip("deleted_at_source")
        link = batch.links.get(item.external_id)
        active = link is not None and link.state == LinkState.ACTIVE
        if not active and not record.values[ELIGIBLE]:
            return Skip("no_won_deal")
        extra = planhat_owner(ctx, str(record.values["owner_id"] or ""))
        return Sync("update" if active else "create_company", creating=not active, extra=extra)

    def write(self, ctx: Context, writes: Sequence[Write]) -> Sequence[Result]:
        """One upsert for all of them."""
        return writing.upsert(ctx, "company", writes)


def records(ctx: Context, rows: Iterable[Organization], *, eligible: Any) -> dict[str, Record]:
    """Organizations as records. `eligible` says of an id whether a deal brought it along."""
    return {
        row.id: Record(row.id, {**record_values(row), ELIGIBLE: bool(eligible(row.id))}, version=row.update_time)
        for row in rows
        if not row.is_deleted
    }


def _brings(item: Item) -> bool:
    return bool(item.hint.get("resync") or item.hint.get(BROUGHT))
