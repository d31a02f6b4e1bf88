"""The pipeline report: what a recipe counts at the source, as tables with a chart, and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from integration.engine.clients.session import OpenSession
from integration.engine.flow.recipe import ReportRow, ReportTable
from integration.errors import IntegrationError
from integration.models import Integration, VendorCall
from integration.portal.pages import enter_integration, page
from integration.recipes.registry import get_recipe
from integration.ui.cells import csv_file

WIDTH = 100.0  # of the longest bar
COLUMNS = ("deals", "open", "won", "lost", _("open value"), _("won value"), _("conversion %"))


@dataclass(frozen=True)
class Drawn:
    """One row with its bar: kind, x and width of each part."""

    row: ReportRow
    parts: tuple[tuple[str, float, float], ...]


@login_required
def report(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """Show the tables, or send them as CSV. A recipe that counts nothing says so."""
    tenant, integration = enter_integration(request, tenant_id, integration_id)
    tables, problem = _tables(integration)
    if request.GET.get("format") == "csv":
        return download(tables)
    drawn = [(table, _drawn(table)) for table in tables]
    return page(request, tenant, "report", {"tables": drawn, "problem": problem}, integration)


def _tables(integration: Integration) -> tuple[Sequence[ReportTable], str]:
    recipe = get_recipe(integration.recipe)
    ctx = OpenSession(integration, recipe)
    try:
        return (recipe.report(ctx) if recipe.report else ()), ""
    except IntegrationError as exc:
        return (), exc.public
    finally:
        VendorCall.objects.bulk_create(ctx.calls)


def _drawn(table: ReportTable) -> list[Drawn]:
    most = max((row.deals for row in table.rows), default=0)
    return [Drawn(row, _parts(row, most)) for row in table.rows]


def _parts(row: ReportRow, most: int) -> tuple[tuple[str, float, float], ...]:
    """Won, open and lost one behind the other; the colours are those of the other charts."""
    found, start = [], 0.0
    for kind, number in (("synced", row.won), ("skipped", row.open), ("failed", row.lost)):
        width = round(WIDTH * number / most, 1) if most else 0.0
        found.append((kind, round(start, 1), width))
        start += width
    return tuple(found)


def download(tables: Sequence[ReportTable]) -> HttpResponse:
    rows = (
        (table.title, row.label, row.deals, row.open, row.won, row.lost, row.open_value, row.won_value, row.conversion)
        for table in tables
        for row in table.rows
    )
    return csv_file("pipeline-report", ("table", "group", *COLUMNS), rows)
