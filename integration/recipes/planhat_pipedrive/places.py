"""What Pipedrive's account offers the settings: pipelines, date fields of deals, what rules may look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from integration.connectors.base import FieldSpec
from integration.recipes.planhat_pipedrive.rules import PIPELINE, PRODUCT
from integration.recipes.planhat_pipedrive.session import Session

NO_DATES = frozenset({"update_time", "stage_change_time", "lost_time"})  # say nothing about when a contract starts
RULE_TYPES = frozenset({"text", "option", "options", "number", "boolean"})


def pipelines(ctx: Session, *, fresh: bool = False) -> Mapping[str, str]:
    """Pipeline id → name, in their order; kept for an hour."""

    def fetch() -> dict[str, str]:
        rows = sorted(ctx.left.get_pipelines(), key=lambda row: (row.order_nr, row.id))
        return {row.id: row.name for row in rows if not row.is_deleted}

    return ctx.reference_list("left", "pipelines", fetch, fresh=fresh)


def pipeline_choices(ctx: Session) -> list[tuple[str, str]]:
    """The pipelines as check boxes, read afresh: somebody may just have made one."""
    return list(pipelines(ctx, fresh=True).items())


def deal_fields(ctx: Session, *, fresh: bool = False) -> Mapping[str, FieldSpec]:
    """Path → deal field, those a deal as we read it carries."""
    connector = ctx.connection("left").connector
    found = ctx.fields("left", "deal", fresh=fresh).values()
    return {connector.path_of(spec): spec for spec in found if spec.readable}


def date_choices(ctx: Session) -> list[tuple[str, str]]:
    """Deal fields that hold a date, the account's own first; read afresh."""
    dates = {path: spec for path, spec in deal_fields(ctx, fresh=True).items() if spec.type in ("date", "datetime")}
    rows = sorted(dates.items(), key=lambda item: (not item[1].custom, item[1].label.lower()))
    return [(path, spec.label) for path, spec in rows if path not in NO_DATES]


def rule_choices(ctx: Session) -> list[tuple[str, str]]:
    """What a rule may look at: pipeline, product, the account's own deal fields."""
    own = [(path, spec.label) for path, spec in deal_fields(ctx).items() if spec.custom and spec.type in RULE_TYPES]
    return [(PIPELINE, "Pipeline"), (PRODUCT, "Product"), *sorted(own, key=lambda pair: pair[1].lower())]


def labels(ctx: Session, path: str, keys: Sequence[str]) -> Mapping[str, str]:
    """Option key → label of one deal field; asks once more for an option that is new."""
    spec = deal_fields(ctx).get(path)
    known = {option.key: option.label for option in spec.options} if spec else {}
    if known and not set(keys) <= known.keys() and not ctx.cache.get("deal_fields_seen"):
        ctx.cache["deal_fields_seen"] = True
        known = {option.key: option.label for option in deal_fields(ctx, fresh=True)[path].options}
    return known
