"""The tenant's pages. Every object is looked up through the member's tenant: a foreign one is a 404."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import urlencode

from integration.engine.clients import connection_health
from integration.engine.flow.recipe import Recipe
from integration.engine.insight import forecast
from integration.engine.insight.record_counts import explained
from integration.engine.insight.status import status_of, statuses
from integration.engine.mapping.labels import labels_of, named
from integration.engine.sync.runs import UNFINISHED, may_resume
from integration.models import JobState, Outcome, State, SyncJob, SyncLog, SyncRun
from integration.portal.pages import enter, enter_integration, integrations_of, page
from integration.portal.periods import PERIODS
from integration.portal.standing import doors
from integration.portal.state import accounts, chart, delays, needs, numbers, shown, unfinished
from integration.recipes.registry import get_recipe, reason_choices
from integration.secrets import email_hash
from integration.ui.counts_csv import counts_csv
from tenants.access import tenants_of

PAGE_SIZE = 50


def home(request: HttpRequest) -> HttpResponse:
    """Where somebody lands: operators in the console, members at their first tenant."""
    if not request.user.is_authenticated:
        return redirect("login")
    tenant = tenants_of(request.user).first()
    if tenant is not None:
        live = list(integrations_of(tenant).exclude(state=State.UNINSTALLED)[:2])
        if len(live) == 1:
            return redirect("portal:integration", tenant_id=tenant.pk, integration_id=live[0].pk)
        return redirect("portal:overview", tenant_id=tenant.pk)
    if request.user.is_staff:
        return redirect("admin:index")
    return render(request, "portal/nobody.html", status=200)


@login_required
def overview(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """The tenant's integrations, each with its sentence."""
    tenant = enter(request, tenant_id)
    found = list(integrations_of(tenant))
    by_key = statuses(found, get_recipe)
    rows = [(row, get_recipe(row.recipe), shown(row, by_key[row.pk])) for row in found]
    return page(request, tenant, "overview", {"rows": rows})


@login_required
def integration_overview(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """One integration: the sentence, what needs somebody, the numbers and the chart, its two connections."""
    tenant, integration = enter_integration(request, tenant_id, integration_id)
    counted = explained(integration, get_recipe(integration.recipe))
    if request.GET.get("format") == "csv":
        return counts_csv(counted)
    status = status_of(integration, get_recipe)
    context = {
        "status": shown(integration, status), "numbers": numbers(integration), "needs": needs(status),
        "delays": delays(status), "chart": chart(integration), "accounts": accounts(integration),
        "explained": [(flow, doors(integration, flow)) for flow in counted],
    }  # fmt: skip
    return page(request, tenant, "integration", context, integration)


@login_required
def activity(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """What was done, newest first; search by e-mail or id, filters, paged without counting."""
    tenant, integration = enter_integration(request, tenant_id, integration_id)
    recipe = get_recipe(integration.recipe)
    flows = {flow.key: str(flow.label) for flow in recipe.flows}
    asked = {name: request.GET.get(name, "").strip()[:200] for name in ("q", "flow", "outcome", "reason", "since")}
    rows = _matching(SyncLog.objects.filter(integration=integration), asked, recipe)
    found, older = _portion(request, rows)
    names = labels_of([integration]) if any(row.changes for row in found) else {}
    context = {
        "rows": [
            (row, flows.get(row.flow, row.flow), recipe.reason_text(row.reason), named(row.changes, names))
            for row in found
        ],
        "asked": asked, "filtered": any(asked.values()), "older": _address(asked, older), "flows": flows,
        "outcomes": Outcome.choices, "periods": [(key, label) for key, (label, _) in PERIODS.items()],
        "reasons": reason_choices(recipe.key),
    }  # fmt: skip
    return page(request, tenant, "activity", context, integration)


@login_required
def waiting(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """What has not been done yet, oldest first, with why and when the next try is; `state` = dead shows what failed."""
    tenant, integration = enter_integration(request, tenant_id, integration_id)
    asked = {name: request.GET.get(name, "").strip()[:200] for name in ("state", "reason")}
    chosen = SyncJob.objects.filter(integration=integration, state=asked["state"])
    rows = chosen if asked["state"] in ("waiting", "held", "dead") else unfinished(integration)
    if asked["reason"]:
        rows = rows.filter(reason=asked["reason"])
    recipe = get_recipe(integration.recipe)
    flows = {flow.key: str(flow.label) for flow in recipe.flows}
    found = list(rows.order_by("next_attempt_at", "id")[: PAGE_SIZE + 1])
    shown = [(row, flows.get(row.flow, row.flow), recipe.reason_text(row.reason)) for row in found[:PAGE_SIZE]]
    braked = any(row.state == JobState.HELD and row.reason in connection_health.DECIDED_BY_A_PERSON for row in found)
    context = {
        "rows": shown, "more": len(found) > PAGE_SIZE, "asked": asked, "now": timezone.now(), "braked": braked,
    }  # fmt: skip
    return page(request, tenant, "waiting", context, integration)


@login_required
def runs(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """The latest runs."""
    tenant, integration = enter_integration(request, tenant_id, integration_id)
    flows = {flow.key: str(flow.label) for flow in get_recipe(integration.recipe).flows}
    rows = SyncRun.objects.filter(integration=integration).order_by("-id")[:PAGE_SIZE]
    return page(request, tenant, "runs", {"rows": [(row, flows.get(row.flow, row.flow)) for row in rows]}, integration)


@login_required
def run(request: HttpRequest, tenant_id: UUID, integration_id: UUID, run_id: int) -> HttpResponse:
    """One run: progress, counts by outcome and reason."""
    tenant, integration = enter_integration(request, tenant_id, integration_id)
    row = get_object_or_404(SyncRun, pk=run_id, integration=integration)
    recipe = get_recipe(integration.recipe)
    counts = [
        (key, recipe.reason_text(key.partition(":")[2]), number, row.samples.get(key))
        for key, number in sorted(row.counts.items())
    ]
    name = "progress" if request.headers.get("HX-Request") else "run"
    label = next((str(flow.label) for flow in recipe.flows if flow.key == row.flow), row.flow)
    context = {"run": row, "label": label, "counts": counts, "unfinished": row.state in UNFINISHED}
    context["time_left"] = forecast.time_left(row, recipe)
    context["may_continue"] = may_resume(row) and integration.state == State.ACTIVE
    return page(request, tenant, name, context, integration)


def _matching(rows: QuerySet[SyncLog], asked: Mapping[str, str], recipe: Recipe) -> QuerySet[SyncLog]:
    """Only known values filter; anything else is as if it were not there."""
    known = {"flow": {flow.key for flow in recipe.flows}, "outcome": Outcome.values, "reason": recipe.reason_texts}
    rows = rows.filter(**{name: asked[name] for name, values in known.items() if asked[name] in values})
    if asked["since"] in PERIODS:
        rows = rows.filter(created_at__gte=timezone.now() - PERIODS[asked["since"]][1])
    query = asked["q"]
    if "@" in query:
        return rows.filter(email_hash=email_hash(query))
    return rows.filter(Q(source_id=query) | Q(target_id=query)) if query else rows


def _portion(request: HttpRequest, rows: QuerySet[SyncLog]) -> tuple[list[SyncLog], int | None]:
    """One page of rows older than `before`, and where the next one begins."""
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.order_by("-id")[: PAGE_SIZE + 1])
    return found[:PAGE_SIZE], found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None


def _address(asked: Mapping[str, str], before: int | None) -> str:
    """The same filters, further back; empty at the end."""
    kept = {name: value for name, value in asked.items() if value}
    return f"?{urlencode({**kept, 'before': str(before)})}" if before else ""
