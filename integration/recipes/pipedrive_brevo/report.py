"""Deals in figures: how many, worth what, and how many are won, by pipeline, by stage and by where people came from.

For the portal's report page. Money is never converted: values are those of the currency in the settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.utils.translation import gettext

from integration.connectors.pipedrive.records import Deal
from integration.engine.api import ReportRow, ReportTable, conversions
from integration.models import FieldMapping
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.shared.pipedrive_fields import CUSTOM

# Kinds of tables: what is kept for an hour names no text.
PIPELINES, STAGES, SOURCES = "pipelines", "stages", "sources"


def report(ctx: Session) -> list[ReportTable]:
    """The tables; what they are made of is read at most once an hour."""
    found = ctx.reference_list("left", "deal_figures", lambda: {"tables": [asdict(table) for table in _tables(ctx)]})
    currency = str(ctx.settings["ltv_currency"])
    return [_said(_Table(**table), currency) for table in found["tables"]]


@dataclass(frozen=True)
class _Table:
    """Figures as they are kept: without a text, so that each reader gets them in their language."""

    kind: str
    name: str
    rows: Sequence[Mapping[str, Any]]


def _said(table: _Table, currency: str) -> ReportTable:
    rows = [ReportRow(**row) for row in table.rows]
    named = tuple(replace(row, label=row.label or gettext("not known")) for row in rows)
    if table.kind == PIPELINES:
        note = gettext("Values in {currency}; deals in other currencies are counted, but their values are not added.")
        return ReportTable(gettext("Pipelines"), note.format(currency=currency), named)
    if table.kind == STAGES:
        note = gettext(
            "A deal counts for its stage and every earlier one. Conversion is the share of won deals among the "
            "closed ones."
        )
        return ReportTable(gettext("Stages of {pipeline}").format(pipeline=table.name), note, named)
    title = gettext("By {field}").format(field=table.name)
    return ReportTable(title, gettext("The field of the deal's person."), named)


def _tables(ctx: Session) -> list[_Table]:
    deals = [deal for deal in ctx.left.iter_deals() if not deal.is_deleted]
    pipelines = {row.id: row.name for row in ctx.left.get_pipelines()}
    stages = sorted(ctx.left.get_stages(), key=lambda row: (row.pipeline_id, row.order_nr))
    currency = str(ctx.settings["ltv_currency"])
    by_pipeline = _rows(deals, lambda deal: pipelines.get(deal.pipeline_id, deal.pipeline_id), currency)
    tables = [_Table(PIPELINES, "", by_pipeline)]
    for key, name in pipelines.items():
        order = {row.id: row.order_nr for row in stages if row.pipeline_id == key}
        names = {row.id: row.name for row in stages if row.pipeline_id == key}
        inside = [deal for deal in deals if deal.pipeline_id == key]
        rows = tuple(asdict(_stage_row(names[stage], order[stage], order, inside, currency)) for stage in names)
        tables.append(_Table(STAGES, name, rows))
    return [*tables, *_sources(ctx, deals, currency)]


def _stage_row(name: str, position: int, order: Mapping[str, int], deals: Sequence[Deal], currency: str) -> ReportRow:
    """Deals that came at least this far; a won one came all the way."""
    reached = [deal for deal in deals if deal.status == "won" or order.get(deal.stage_id, 0) >= position]
    return _row(name, reached, currency)


def _sources(ctx: Session, deals: Sequence[Deal], currency: str) -> list[_Table]:
    """One table per mapped field of one's own that has options: where people came from, and what became of it."""
    rows = FieldMapping.objects.filter(integration=ctx.integration, flow="person_to_contact", source__startswith=CUSTOM)
    fields = ctx.fields("left", "person")
    keys = [row.source.removeprefix(CUSTOM) for row in rows.exclude(direction="off")]
    specs = [fields[key] for key in keys if key in fields and fields[key].type == "option"]
    if not specs:
        return []
    people = {row.id: row for row in ctx.left.get_persons({deal.person_id for deal in deals if deal.person_id})}
    tables = []
    for spec in specs:
        labels = {option.key: option.label for option in spec.options}

        def label(deal: Deal, key: str = spec.key, labels: Mapping[str, str] = labels) -> str:
            person = people.get(deal.person_id)
            return labels.get(str(person.custom_fields.get(key)) if person else "", "")

        tables.append(_Table(SOURCES, spec.label, _rows(deals, label, currency)))
    return tables


def _rows(deals: Iterable[Deal], label: Callable[[Deal], str], currency: str) -> tuple[Mapping[str, Any], ...]:
    groups: dict[str, list[Deal]] = {}
    for deal in deals:
        groups.setdefault(label(deal), []).append(deal)
    rows = [_row(name, group, currency) for name, group in groups.items()]
    return tuple(asdict(row) for row in sorted(rows, key=lambda row: (-row.deals, row.label)))


def _row(label: str, deals: Sequence[Deal], currency: str) -> ReportRow:
    states: dict[str, list[Deal]] = {
        state: [deal for deal in deals if deal.status == state] for state in ("open", "won", "lost")
    }
    worth = {state: conversions.rounded(sum(float(deal.value or 0) for deal in group if deal.currency == currency), 2)
             for state, group in states.items()}  # fmt: skip
    return ReportRow(
        label, len(deals), len(states["open"]), len(states["won"]), len(states["lost"]), worth["open"], worth["won"]
    )
