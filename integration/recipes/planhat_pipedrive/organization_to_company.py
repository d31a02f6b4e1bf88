"""Flow organization → company: it comes with a won deal, or when somebody asks for it ("Sync with Pipedrive").

A change of an organization alone triggers nothing (seed 004), so this flow listens to no event. Asked for by a person,
it brings its persons, notes and deals along, in the order Planhat needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from django.utils.translation import gettext_lazy as _

from integration.connectors.base import FieldSpec
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Organization, record_values
from integration.connectors.planhat.client import PlanhatClient
from integration.engine.api import (
    Batch,
    Comparison,
    Course,
    Decision,
    Flow,
    Item,
    MappingRow,
    Record,
    Result,
    Skip,
    Stage,
    Sync,
    TwoWay,
    Write,
)
from integration.models import LinkState
from integration.reasons import Reason
from integration.recipes.planhat_pipedrive import company, scope, sweeps, writing
from integration.recipes.planhat_pipedrive.deals import NOTES_COUNT
from integration.recipes.planhat_pipedrive.owners import planhat_owner
from integration.recipes.planhat_pipedrive.reasons import PlanhatReason
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.settings import Settings
from integration.recipes.planhat_pipedrive.state import OrganizationContext

ELIGIBLE = "eligible"  # among the values: whether a deal in step brought the organization along
ORGANIZATION_MAPPING = (
    MappingRow("name", "name", direction="both", required=True),
    MappingRow("address", "address"),
    MappingRow("address_parts.postal_code", "zip"),
    MappingRow("address_parts.locality", "city"),
    MappingRow("address_parts.country", "country"),
)
PARTS_OF_ADDRESS = tuple(
    FieldSpec(f"address_parts.{key}", f"Address: {label}", "text", writable=False)
    for key, label in (
        ("postal_code", "postal code"), ("locality", "city"), ("country", "country"), ("route", "street"),
        ("street_number", "house number"), ("admin_area_level_1", "state"),
    )
)  # fmt: skip


class OrganizationToCompany(Flow[PipedriveClient, PlanhatClient, Settings]):
    """Pipedrive organization → Planhat company."""

    key = "organization_to_company"
    label = _("Organization → Company")
    source_object = "organization"
    target_object = "company"
    link_type = scope.COMPANY
    batch_size = 3  # with deals, persons and notes about twenty calls: what the smallest plan allows at once
    is_composite = True
    mapping = ORGANIZATION_MAPPING
    extra_sources = PARTS_OF_ADDRESS
    comparison = Comparison("company", own_key="sourceId", clears=False, by_links=True)
    own_targets = frozenset({"owner"})
    two_way = TwoWay("company_to_organization", lambda settings: str(settings["conflicts"]))

    def enabled(self, settings: Settings) -> bool:
        """On when organizations are received."""
        return settings["organization_direction"] in ("receive", "both")

    def stages(self, ctx: Session, items: Sequence[Item], found: Mapping[str, Record] | None) -> Course:
        """The organizations; where a person asked or a deal waits, what belongs to them follows."""
        asked = [item.external_id for item in items if _brings(item)]
        company.start_anew(ctx, [item.external_id for item in items if _is_asked_for(item)])
        eligible = company.eligible_deals(ctx, asked)
        brought = {str(row.values["org_id"]) for row in eligible.values()}
        if found is None:
            found = _read(ctx, items, brought) if asked else self.read(ctx, items)
        done = yield Stage(self.key, items, found, own=True)
        fine = company.arrived(done)
        going = company.of_organizations(eligible, fine)
        yield from company.deal_parts(ctx, [Item(key) for key in going], going, own=False)
        if asked:
            here = [found[key] for key in asked if key in fine]
            yield from company.belongings(ctx, here, list(going.values()))

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred organizations per call; the deals of those that no deal brought along yet are looked at."""
        wanted = [item.external_id for item in items]
        inside = scope.organizations(ctx, wanted)
        eligible = company.eligible_deals(ctx, [key for key in wanted if key not in inside])
        return _read(ctx, items, {str(row.values["org_id"]) for row in eligible.values()} | inside)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """In, if a deal brought it along or it is in Planhat already."""
        if record is None:
            return Skip(Reason.DELETED_AT_SOURCE)
        link = batch.links.get(item.external_id)
        active = link is not None and link.state == LinkState.ACTIVE
        if not active and not record.values[ELIGIBLE]:
            return Skip(PlanhatReason.NO_WON_DEAL)
        extra = planhat_owner(ctx, str(record.values["owner_id"] or ""))
        return Sync("update" if active else "create_company", creating=not active, extra=extra)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """One upsert for all of them."""
        return writing.upsert(ctx, "company", writes)


def records(ctx: Session, rows: Iterable[Organization], *, eligible: Callable[[str], bool]) -> dict[str, Record]:
    """Organizations as records. `eligible` says of an id whether a deal brought it along."""
    return {
        row.id: Record(row.id, {**record_values(row), ELIGIBLE: eligible(row.id)}, version=row.update_time)
        for row in rows
        if not row.is_deleted
    }


def _read(ctx: Session, items: Sequence[Item], brought: Collection[str]) -> dict[str, Record]:
    rows = sweeps.organizations(ctx, [item.external_id for item in items], include_fields=[NOTES_COUNT])
    return records(ctx, rows, eligible=lambda org_id: org_id in brought)


def _is_asked_for(item: Item) -> bool:
    return bool(OrganizationContext.read(item.hint).resync)


def _brings(item: Item) -> bool:
    return _is_asked_for(item) or bool(OrganizationContext.read(item.hint).with_deal)
