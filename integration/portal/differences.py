"""Differences: what the last comparisons found, and what to do about it. One by one, or all that the filters show."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from config.pages import PageContext
from integration import tasks
from integration.engine.flow.recipe import Recipe
from integration.engine.mapping.labels import Labels, labels_of
from integration.engine.sync import bulk_runs, compare, drifts
from integration.engine.sync.repair import Take, may_take
from integration.models import Drift, DriftKind, DriftState, Integration, State, SyncRun
from integration.portal.pages import enter_integration, page
from integration.portal.periods import PERIODS
from integration.recipes.registry import get_recipe
from integration.ui.cells import csv_file
from tenants import audit
from tenants.access import person
from tenants.models import Role

PAGE_SIZE = 50
SAMPLE = 5  # findings shown before many are decided about at once
FILTERS = ("flow", "kind", "field", "state", "since")
DOES = {
    "ours": _("Write it again from the app it comes from"),
    "theirs": _("Take over what the other app has"),
    "leave": _("Leave it and don't ask again"),
    "again": _("Ask about it again"),
}


@login_required
@require_http_methods(["GET", "POST"])
def differences(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """List what differs; on POST compare now, or decide about the chosen findings."""
    at_least = Role.EDITOR if request.method == "POST" else Role.VIEWER
    tenant, integration = enter_integration(request, tenant_id, integration_id, at_least)
    asked = {name: (request.POST or request.GET).get(name, "").strip()[:200] for name in FILTERS}
    rows = _matching(integration, asked)
    if request.method == "POST":
        answer = _decided(request, integration, rows, asked)
        if answer is not None:
            return answer
    if request.GET.get("download"):
        return _csv(integration, rows)
    context = _context(request, integration, rows, asked)
    return page(request, tenant, "differences", context, integration)


def _matching(integration: Integration, asked: dict[str, str]) -> QuerySet[Drift]:
    rows = Drift.objects.filter(integration=integration).order_by("-since", "-id")
    for name in ("flow", "kind", "field"):
        if asked[name]:
            rows = rows.filter(**{name: asked[name]})
    if asked["since"] in PERIODS:
        rows = rows.filter(since__gte=timezone.now() - PERIODS[asked["since"]][1])
    state = asked["state"] if asked["state"] in DriftState.values else DriftState.OPEN
    return rows.filter(state=state)


def _context(
    request: HttpRequest, integration: Integration, rows: QuerySet[Drift], asked: dict[str, str]
) -> PageContext:
    at = request.GET.get("at", "")
    start = int(at) if at.isdecimal() and len(at) < 7 else 0
    found = list(rows[start : start + PAGE_SIZE + 1])
    shown = _shown(integration, found[:PAGE_SIZE])
    following = urlencode({**{key: value for key, value in asked.items() if value}, "at": str(start + PAGE_SIZE)})
    chosen = request.POST.get("do", "")
    return {
        "rows": shown, "asked": asked, "filtered": any(asked.values()), "total": rows.count(),
        "older": f"?{following}" if len(found) > PAGE_SIZE else "",
        "last": _last(integration), "under_way": _under_way(integration).first(),
        "may_compare": integration.state == State.ACTIVE, "confirm": chosen, "confirm_label": DOES.get(chosen, ""),
        "sample": shown[:SAMPLE], "takes_back": any(row.two_way for row in found[:PAGE_SIZE]),
        "source": integration.left.connector.label, "target": integration.right.connector.label,
        **_choices(integration),
    }  # fmt: skip


def _shown(integration: Integration, rows: Sequence[Drift]) -> list[tuple[Drift, str, str]]:
    """Each finding with its flow's and its field's name."""
    recipe, labels = get_recipe(integration.recipe), labels_of([integration])
    return [(row, _flow(recipe, row.flow), _field(row.field, labels)) for row in rows]


def _field(key: str, labels: Labels) -> str:
    return labels[key][0] if key in labels else key


def _choices(integration: Integration) -> PageContext:
    """What the filters offer."""
    labels, mine = labels_of([integration]), Drift.objects.filter(integration=integration)
    recipe = get_recipe(integration.recipe)
    return {
        "flows": {flow.key: str(flow.label) for flow in recipe.flows if compare.can_compare(flow)},
        "kinds": DriftKind.choices, "states": DriftState.choices,
        "fields": [(key, _field(key, labels)) for key in _fields(mine)],
        "periods": [(key, label) for key, (label, _) in PERIODS.items()],
    }  # fmt: skip


def _flow(recipe: Recipe, key: str) -> str:
    return str(next((flow.label for flow in recipe.flows if flow.key == key), key))


def _fields(rows: QuerySet[Drift]) -> list[str]:
    return sorted(rows.exclude(field="").order_by().values_list("field", flat=True).distinct())


def _comparisons(integration: Integration) -> QuerySet[SyncRun]:
    return SyncRun.objects.filter(integration=integration, kind=compare.KIND)


def _under_way(integration: Integration) -> QuerySet[SyncRun]:
    return _comparisons(integration).filter(state__in=("waiting", "running"))


def _last(integration: Integration) -> list[tuple[SyncRun, str]]:
    """The last finished comparison of each flow, with its name."""
    recipe = get_recipe(integration.recipe)
    found: dict[str, SyncRun] = {}
    for run in _comparisons(integration).filter(state="done").order_by("-id")[:PAGE_SIZE]:
        found.setdefault(run.flow, run)
    return [(run, _flow(recipe, key)) for key, run in found.items()]


def _decided(
    request: HttpRequest, integration: Integration, rows: QuerySet[Drift], asked: dict[str, str]
) -> HttpResponse | None:
    """Do what was asked; None shows the page again, with a question where many are concerned."""
    do = request.POST.get("do", "")
    if do == "compare":
        return _compare(request, integration)
    if do not in DOES:
        return redirect(_here(integration))
    every = request.POST.get("every") == "1"
    if every and request.POST.get("confirmed") != "1":
        return None
    ids = [int(key) for key in request.POST.getlist("id") if key.isdecimal() and len(key) < 19]
    chosen = rows if every else Drift.objects.filter(integration=integration, pk__in=ids)
    if do in ("leave", "again"):
        count = drifts.leave(chosen, person(request)) if do == "leave" else drifts.ask_again(chosen)
        audit.record(f"Differences: {do}, {count} findings", integration)
        messages.success(request, _said(count))
        return redirect(f"{_here(integration)}?{urlencode(asked)}")
    return _repair(request, integration, chosen, Take(do))


def _said(count: int) -> str:
    return ngettext("{count} difference decided.", "{count} differences decided.", count).format(count=f"{count:,}")


def _compare(request: HttpRequest, integration: Integration) -> HttpResponse:
    started = tasks.start_comparisons(integration) if integration.state == State.ACTIVE else 0
    if started:
        audit.record(f"Started {started} comparisons", integration)
        messages.success(request, gettext("Both sides are being compared. What differs shows up here."))
    else:
        messages.info(request, gettext("A comparison is under way already, or nothing is switched on."))
    return redirect(_here(integration))


def _repair(request: HttpRequest, integration: Integration, chosen: QuerySet[Drift], take: Take) -> HttpResponse:
    rows = list(chosen.select_related("integration")[: bulk_runs.LIMIT])
    possible = [row for row in rows if may_take(row, take)]
    started = bulk_runs.start_repair(possible, take, get_recipe, person(request))
    for refusal in started.refused:
        messages.warning(request, refusal)
    if len(possible) < len(rows):
        text = ngettext(
            "{count} difference can't be settled this way and stays.",
            "{count} differences can't be settled this way and stay.",
            len(rows) - len(possible),
        )
        messages.info(request, text.format(count=f"{len(rows) - len(possible):,}"))
    if not started.runs:
        return redirect(_here(integration))
    audit.record(f"Repair: {take}, {len(possible)} findings, runs {[run.pk for run in started.runs]}", integration)
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    if len(started.runs) == 1:
        return redirect(reverse("portal:run", kwargs={**ids, "run_id": started.runs[0].pk}))
    return redirect(reverse("portal:runs", kwargs=ids))


def _here(integration: Integration) -> str:
    return reverse("portal:drift", kwargs={"tenant_id": integration.tenant_id, "integration_id": integration.pk})


def _csv(integration: Integration, rows: QuerySet[Drift]) -> HttpResponse:
    """All findings the filters show, as a table."""
    recipe, labels = get_recipe(integration.recipe), labels_of([integration])
    head = ("flow", "kind", "source id", "target id", "field", "source says", "target has", "since")
    cells = (
        (
            _flow(recipe, row.flow), row.get_kind_display(), row.source_id, row.target_id,
            _field(row.field, labels), row.ours, row.theirs, row.since.isoformat(),
        )
        for row in rows.iterator(chunk_size=2000)
    )  # fmt: skip
    return csv_file("differences", head, cells)
