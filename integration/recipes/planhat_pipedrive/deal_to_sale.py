"""Flow deal → Sale: deals that the tenant's rules make non-recurring revenue. They travel with `deal_to_license`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from integration.engine.api import Batch, Decision, Item, Page, Record, Result, Route, Skip, SyncSession, Write
from integration.models import WebhookEvent
from integration.recipes.planhat_pipedrive import company, deals, rules, writing


class DealToSale:
    """Pipedrive deal → Planhat Sale."""

    key = company.SALES
    label = "Deal → Sale"
    side = "left"
    source_object = "deal"
    target_object = "sale"
    link_type = deals.LINK_TYPES[rules.SALE]
    events: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    batch_size = 100
    urgent = False

    def enabled(self, settings: Mapping[str, Any]) -> bool:
        """On when deals are received."""
        return settings.get("deal_direction") == "receive"

    def route(self, ctx: SyncSession, event: WebhookEvent) -> Sequence[Route] | Skip:
        """Events go to `deal_to_license`, which hands Sales over."""
        return Skip("unhandled_event")

    def read(self, ctx: SyncSession, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred deals per call."""
        return deals.records(ctx, ctx.left.get_deals([item.external_id for item in items]))

    def page(self, ctx: SyncSession, kind: str, cursor: Any, since: datetime | None) -> Page:
        """Runs go over `deal_to_license`."""
        return Page([])

    def count(self, ctx: SyncSession, kind: str) -> int | None:
        """See `page`."""
        return 0

    def decide(self, ctx: SyncSession, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Eligible deals become Sales."""
        return deals.decide(ctx, batch, item, record, rules.SALE)

    def write(self, ctx: SyncSession, writes: Sequence[Write]) -> Sequence[Result]:
        """One upsert for all of them."""
        return writing.upsert(ctx, "sale", writes, notes=deals.brought)
