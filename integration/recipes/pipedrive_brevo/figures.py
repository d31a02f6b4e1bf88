"""A person's deals in figures: how many are won, lost, open and closed, and what the won ones are worth.

The counts come with the person. LTV is our own sum: won deals in the currency of the settings, others left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from integration.connectors.base import FieldSpec
from integration.connectors.pipedrive.records import Deal, Person
from integration.engine.api import Record, conversions
from integration.models import FieldMapping
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.shared import pipedrive_people as people

COUNTS = ("won_deals_count", "lost_deals_count", "open_deals_count", "closed_deals_count")
REVENUE = "total_revenue"
FEW = 10  # so many people are asked about one by one; for more, all won deals are read once
# What our records of a person have beside Pipedrive's own fields. They are worked out, so nothing travels back to them.
MORE_OF_A_PERSON = tuple(
    FieldSpec(key, label, kind, writable=False)
    for key, label, kind in (
        ("org_id.name", "Organization: name", "text"), ("owner_id.name", "Owner: name", "text"),
        ("owner_id.email", "Owner: e-mail", "email"), ("company_id", "Pipedrive company id", "text"),
        ("won_deals_count", "Won deals", "integer"), ("lost_deals_count", "Lost deals", "integer"),
        ("open_deals_count", "Open deals", "integer"), ("closed_deals_count", "Closed deals", "integer"),
        (REVENUE, "Sum of won deals", "number"),
    )
)  # fmt: skip


def to_records(ctx: Session, persons: Sequence[Person]) -> dict[str, Record]:
    """People as records for the mapping, with their figures."""
    records = people.to_records(ctx, persons)
    if not records or not _wanted(ctx):
        return records
    won = [row.id for row in persons if row.id in records and row.extra.get("won_deals_count")]
    revenue = _revenue(ctx, won)
    return {
        key: replace(record, values={**record.values, REVENUE: conversions.rounded(revenue.get(key, 0.0), 2)})
        for key, record in records.items()
    }


def _wanted(ctx: Session) -> bool:
    """Whether any row maps the revenue; it costs calls."""
    if "revenue_wanted" not in ctx.cache:
        rows = FieldMapping.objects.filter(integration=ctx.integration, flow="person_to_contact", source=REVENUE)
        ctx.cache["revenue_wanted"] = rows.exclude(direction="off").exists()
    return bool(ctx.cache["revenue_wanted"])


def _revenue(ctx: Session, ids: Sequence[str]) -> dict[str, float]:
    """Person → the sum of its won deals, in the currency of the settings."""
    if len(ids) <= FEW:
        return _sums(ctx, (deal for key in ids for deal in ctx.left.iter_deals(person_id=key, status="won")))
    memory = f"revenue:{ctx.run.pk}" if ctx.run else ""  # the pages of one run share it, nothing else does
    found: dict[str, float] = ctx.cache.get(memory) or _sums(ctx, ctx.left.iter_deals(status="won"))
    if memory:
        ctx.cache[memory] = found
    return found


def _sums(ctx: Session, deals: Iterable[Deal]) -> dict[str, float]:
    currency = ctx.settings["ltv_currency"]
    sums: dict[str, float] = defaultdict(float)
    for deal in deals:
        if deal.currency == currency and not deal.is_deleted:
            sums[deal.person_id] += deal.value or 0.0
    return sums
