"""Which organizations are in: those a deal in step brought along, in a pipeline that is (still) selected.

Read by the runs over persons and notes. Deselecting a pipeline takes its organizations out: what was synced stays, and
is no longer updated (seed 004).
"""

from __future__ import annotations

from collections.abc import Collection

from integration.connectors.pipedrive.client import Filters
from integration.models import LinkState, RecordLink, membership
from integration.recipes.planhat_pipedrive import deals, sweeps
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.state import DealState
from integration.recipes.shared.pipedrive_pages import gather

COMPANY = "company"


def organizations(ctx: Session, among: Collection[str] | None = None) -> frozenset[str]:
    """Ids of the organizations whose persons and notes go to Planhat, all or those `among` these ids.

    A run asks once. In a dry run the deals are read for it.
    """
    if ctx.run is None or ctx.run.pk is None:
        return _from_links(ctx, among)
    key = f"scope:{ctx.run.pk}"
    if key not in ctx.cache:
        ctx.cache[key] = _from_deals(ctx) if ctx.run.dry_run else _from_links(ctx)
    found: frozenset[str] = ctx.cache[key]
    return found


def _from_links(ctx: Session, among: Collection[str] | None = None) -> frozenset[str]:
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type__in=deals.LINK_TYPES.values())
    if among is not None:
        rows = rows.filter(parent_id__in=[key for key in among if key])
    states = [DealState.read(notes) for notes in rows.values_list("notes", flat=True)]
    found = frozenset(
        state.organization
        for state in states
        if state.organization and deals.allowed(ctx.settings, state.pipeline or "")
    )
    return _companies(ctx, found) if ctx.settings["organization_direction"] in ("receive", "both") else found


def _companies(ctx: Session, among: Collection[str]) -> frozenset[str]:
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type=COMPANY, state=LinkState.ACTIVE)
    return frozenset(membership.among(rows, "source_id", among).values_list("source_id", flat=True))


def _from_deals(ctx: Session) -> frozenset[str]:
    """What a real run would bring along: the organizations of all eligible deals."""
    found, cursor = set(), None
    while True:
        page = gather(lambda at: ctx.left.deals_page(at, **status(ctx)), cursor, sweeps.PAGES)
        cursor = page.next_cursor
        for record in deals.records(ctx, page.records).values():
            if not deals.ineligible(ctx, record):
                found.add(str(record.values["org_id"]))
        if cursor is None:
            return frozenset(found)


def status(ctx: Session) -> Filters:
    """The filter of Pipedrive's list: won deals, or all."""
    return {"status": "won"} if ctx.settings["mode"] == "won" else {}
