"""Deals of Pipedrive that are gone without anybody having told us."""

from __future__ import annotations

from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import EventContext, Item, Page, SyncSession
from integration.recipes.shared.linked_records import linked_page
from integration.recipes.shared.pipedrive_gone import proven_gone

MOST_ALONE = 50  # deals asked for one by one within a page; the next page goes on behind them


def deleted_deals(ctx: SyncSession[PipedriveClient], link_type: str, cursor: str | None) -> Page:
    """Walk over the linked deals. The page holds those that Pipedrive says were deleted, and nothing of the others."""
    page = linked_page(ctx, link_type, cursor)
    ids = [link.source_id for link in page.links]
    there = {deal.id for deal in ctx.left.get_deals(ids) if not deal.is_deleted}
    missing = [link for link in page.links if link.source_id not in there]
    asked = missing[:MOST_ALONE]
    gone = proven_gone(ctx, ctx.left.deals.get, [link.source_id for link in asked])
    hint = EventContext(deleted=True).stored
    items = [Item(link.source_id, hint) for link in asked if link.source_id in gone]
    following = str(asked[-1].pk) if len(asked) < len(missing) else page.next_cursor
    return Page(items, {}, following)
