"""Flow deal → Sale: deals that the tenant's rules make non-recurring revenue. They travel with `deal_to_license`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_lazy as _

from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.planhat.client import PlanhatClient
from integration.engine.api import Batch, Comparison, Decision, Flow, Item, Record, Result, Write
from integration.recipes.planhat_pipedrive import company, deals, rules, writing
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.settings import Settings


class DealToSale(Flow[PipedriveClient, PlanhatClient, Settings]):
    """Pipedrive deal → Planhat Sale."""

    key = company.SALES
    label = _("Deal → Sale")
    source_object = "deal"
    target_object = "sale"
    link_type = deals.LINK_TYPES[rules.SALE]
    batch_size = 100
    mapping = deals.MAPPING
    comparison = Comparison("sale", own_key="sourceId", clears=False, by_links=True)
    own_targets = frozenset({"companyId", "_currency", "salesDate", "value"})

    def enabled(self, settings: Settings) -> bool:
        """On when deals are received."""
        return settings["deal_direction"] == "receive"

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred deals per call."""
        return deals.records(ctx, ctx.left.get_deals([item.external_id for item in items]))

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Eligible deals become Sales."""
        return deals.decide(ctx, batch, item, record, rules.SALE)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """One upsert for all of them."""
        return writing.upsert(ctx, "sale", writes, state=deals.brought)
