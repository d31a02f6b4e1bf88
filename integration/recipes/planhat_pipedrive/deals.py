"""Deals as both kinds of revenue need them: what makes one eligible, and the values Planhat gets (seed 004).

Eligible: won (or any, in the mode for everything), in an allowed pipeline, with an organization and a start date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo

from config.json_value import JSONValue, json_number
from integration.connectors.pipedrive.records import Deal, record_values
from integration.engine.api import Batch, Decision, Item, MappingRow, Record, Skip, Sync, conversions, transforms
from integration.models import LinkState, RecordLink
from integration.reasons import NoReason, Reason, ReasonCode
from integration.recipes.planhat_pipedrive import chosen, places, rules
from integration.recipes.planhat_pipedrive.reasons import PlanhatReason
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.settings import Settings
from integration.recipes.planhat_pipedrive.state import DealState

LOCAL_DAYS = {"won_time": "local_won_date", "lost_time": "local_lost_date", "close_time": "local_close_date"}
NOTES_COUNT = "notes_count"
COMPANY_FAILED = "company_failed"
MONTHS = {"month": 1, "year": 12}
LINK_TYPES = {rules.LICENSE: "license", rules.SALE: "sale"}
MAPPING = (MappingRow("title", "product"),)


def records(ctx: Session, deals: Iterable[Deal]) -> dict[str, Record]:
    """Deals as records: the vendor's values, and beside them `start`, `end` and `products`."""
    rows = [deal for deal in deals if not deal.is_deleted]
    chosen.require(ctx, rows)
    wanted = rules.look_at(ctx.settings, rules.PRODUCT)
    products = ctx.left.deal_products([deal.id for deal in rows]) if wanted and rows else {}
    return {deal.id: _record(ctx, deal, products.get(deal.id, [])) for deal in rows}


def _record(ctx: Session, deal: Deal, products: Sequence[str]) -> Record:
    values = record_values(deal)
    zone = ctx.connection("left").zone
    start = _date(values, str(ctx.settings["start_date"]), zone)
    if start is None and ctx.settings["start_fallback"]:
        start = _date(values, "won_time", zone)
    more = {"start": start, "end": _date(values, str(ctx.settings["end_date"]), zone), "products": list(products)}
    return Record(deal.id, {**values, **more, "name": deal.title}, version=deal.update_time)


def _date(values: Mapping[str, JSONValue], path: str, zone: tzinfo) -> str | None:
    """The account's day of what a field holds, as ISO text; a range counts from its beginning. None without one."""
    found = transforms.pick(values, path) if path else None
    if local := values.get(LOCAL_DAYS.get(path, "")):
        found = local
    if isinstance(found, Mapping):
        found = found.get("from", found.get("value"))
    if found in (None, "") or isinstance(found, transforms.Absent):
        return None
    try:
        return conversions.to_date(found, zone).isoformat()
    except conversions.NotConvertible:
        return None


def ineligible(ctx: Session, record: Record) -> ReasonCode | NoReason:
    """Why this deal stays out, as a reason; empty when it is eligible."""
    deal = record.values
    if ctx.settings["mode"] == "won" and deal["status"] != "won":
        return PlanhatReason.DEAL_NOT_WON
    if not allowed(ctx.settings, str(deal["pipeline_id"] or "")):
        return PlanhatReason.PIPELINE_NOT_SELECTED
    if not deal["org_id"]:
        return PlanhatReason.DEAL_WITHOUT_ORGANIZATION
    return "" if deal["start"] else PlanhatReason.NO_START_DATE


def allowed(settings: Settings, pipeline_id: str) -> bool:
    """Whether a pipeline is selected; none ticked means all."""
    return not settings["pipelines"] or pipeline_id in settings["pipelines"]


def split(ctx: Session, found: Mapping[str, Record]) -> dict[str, str]:
    """Deal id → license or sale: what it was sent as before, for nothing is deleted; else what the rules say."""
    known = RecordLink.objects.filter(
        integration=ctx.integration,
        link_type__in=LINK_TYPES.values(),
        state=LinkState.ACTIVE,
        source_id__in=list(found),
    )
    kinds = {link_type: kind for kind, link_type in LINK_TYPES.items()}
    before = {key: kinds[link_type] for key, link_type in known.values_list("source_id", "link_type")}
    return {key: before.get(key) or rules.kind_of(ctx.settings, _words(ctx, record)) for key, record in found.items()}


def _words(ctx: Session, record: Record) -> rules.Words:
    """What a deal says where a rule looks; an option by its label."""

    def words(what: str) -> list[str]:
        if what == rules.PRODUCT:
            return list(record.values["products"])
        if what == rules.PIPELINE:
            number = str(record.values["pipeline_id"])
            return chosen.words(ctx, what, [number], places.pipelines(ctx))
        value = transforms.pick(record.values, what)
        parts = [str(part) for part in (value if isinstance(value, list) else [value])
                 if part is not None and not isinstance(part, transforms.Absent)]  # fmt: skip
        return chosen.words(ctx, what, parts, places.labels(ctx, what, parts))

    return words


def decide(ctx: Session, batch: Batch, item: Item, record: Record | None, kind: str) -> Decision:
    """What becomes of one deal in the flow of this kind. Its link remembers the organization it brought along."""
    link = batch.links.get(item.external_id)
    if record is None:
        return Skip(Reason.DELETED_AT_SOURCE, notes=DealState(organization="").stored)
    if reason := ineligible(ctx, record):
        return Skip(reason, notes=DealState(organization="").stored)
    if record.values.get(COMPANY_FAILED):
        return Skip(PlanhatReason.COMPANY_FAILED)
    deal = record.values
    notes = brought(record).stored
    if ctx.settings["deal_direction"] != "receive":
        return Skip(PlanhatReason.DEALS_NOT_RECEIVED, notes=notes, remember=True)
    if not deal["value"] or deal["value"] <= 0:
        return Skip(PlanhatReason.DEAL_WITHOUT_VALUE, notes=notes, remember=True)
    active = link is not None and link.state == LinkState.ACTIVE
    extra = {"companyId": f"srcid-{deal['org_id']}", "_currency": deal["currency"], **_money(ctx, deal, kind)}
    return Sync("update" if active else f"create_{kind}", creating=not active, extra=extra, notes=notes)


def brought(record: Record) -> DealState:
    """What a deal's link remembers: the organization it brought along, and from which pipeline."""
    return DealState(organization=record.values["org_id"], pipeline=record.values["pipeline_id"] or "")


def _money(ctx: Session, deal: Mapping[str, JSONValue], kind: str) -> dict[str, JSONValue]:
    """A Sale has its value; a License a monthly amount, or a period with the value of all of it (planhat sheet §5)."""
    if kind == rules.SALE:
        return {"salesDate": deal["start"], "value": deal["value"]}
    if deal["end"]:
        return {
            "fromDate": deal["start"],
            "fixedPeriod": True,
            "toDate": deal["end"],
            "value": deal["value"],
            "mrr": None,
        }
    monthly = conversions.rounded(json_number(deal["value"]) / MONTHS[str(ctx.settings["value_period"])], 2)
    return {"fromDate": deal["start"], "fixedPeriod": False, "toDate": None, "value": None, "mrr": monthly}
