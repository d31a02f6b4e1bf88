"""The tenant's pages. Every object is looked up through the member's tenant: a foreign one is a 404."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from integration.engine.labels import labels_of, named
from integration.engine.runs import UNFINISHED
from integration.models import Outcome, SyncLog, SyncRun
from integration.portal.pages import enter, enter_integration, integrations_of, page
from integration.portal.state import numbers, standing
from integration.reasons import REASONS
from integration.recipes.registry import get_recipe
from integration.secrets import email_hash
from tenants.access import tenants_of

PAGE_SIZE = 50


def home(request: HttpRequest) -> HttpResponse:
    """Where somebody lands: operators in the console, members at their first tenant."""
    if not request.user.is_authenticated:
        return redirect("login")
    tenant = tenants_of(request.user).first()
    if tenant is not None:
        return redirect("portal:overview", tenant_id=tenant.pk)
    if request.user.is_staff:
        return redirect("admin:index")
    return render(request, "portal/nobody.html", status=200)


@login_required
def overview(request: HttpRequest, tenant_id: object) -> HttpResponse:
    """The tenant's integrations, each with its sentence."""
    tenant = enter(request, tenant_id)
    rows = [(row, get_recipe(row.recipe), standing(row)) for row in integrations_of(tenant)]
    return page(request, tenant, "overview", {"rows": rows})


@login_required
def integration_overview(request: HttpRequest, tenant_id: object, integration_id: object) -> HttpResponse:
    """One integration: the sentence, its two connections, four numbers."""
    tenant, integration = enter_integration(request, tenant_id, integration_id)
    context = {"standing": standing(integration), "numbers": numbers(integration)}
    return page(request, tenant, "integration", context, integration)


@login_required
def activity(request: HttpRequest, tenant_id: object, integration_id: object) -> HttpResponse:
    """What was done, newest first; search by e-mail or id, filter by outcome, paged without counting."""
    tenant, integration = enter_integration(request, tenant_id, integration_id)
    query, outcome = request.GET.get("q", "").strip(), request.GET.get("outcome", "")
    flows = {flow.key: flow.label for flow in get_recipe(integration.recipe).flows}
    flow = request.GET.get("flow", "")
    rows = _matching(SyncLog.objects.filter(integration=integration), query, outcome)
    if flow in flows:
        rows = rows.filter(flow=flow)
    before = request.GET.get("before", "")
    if before.isdigit():
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.order_by("-id")[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    names = labels_of([integration]) if any(row.changes for row in shown) else {}
    context = {
        "rows": [
            (row, flows.get(row.flow, row.flow), REASONS.get(row.reason), named(row.changes, names)) for row in shown
        ],
        "older": found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None,
        "query": query,
        "outcome": outcome,
        "flow": flow,
        "flows": flows,
        "outcomes": Outcome.choices,
    }
    return page(request, tenant, "activity", context, integration)


@login_required
def runs(request: HttpRequest, tenant_id: object, integration_id: object) -> HttpResponse:
    """The latest runs."""
    tenant, integration = enter_integration(request, tenant_id, integration_id)
    rows = SyncRun.objects.filter(integration=integration).order_by("-id")[:PAGE_SIZE]
    return page(request, tenant, "runs", {"rows": rows}, integration)


@login_required
def run(request: HttpRequest, tenant_id: object, integration_id: object, run_id: int) -> HttpResponse:
    """One run: progress, counts by outcome and reason."""
    tenant, integration = enter_integration(request, tenant_id, integration_id)
    row = get_object_or_404(SyncRun, pk=run_id, integration=integration)
    counts = [
        (key, REASONS.get(key.partition(":")[2]), number, row.samples.get(key))
        for key, number in sorted(row.counts.items())
    ]
    name = "progress" if request.headers.get("HX-Request") else "run"
    context = {"run": row, "counts": counts, "unfinished": row.state in UNFINISHED}
    return page(request, tenant, name, context, integration)


def _matching(rows: QuerySet[SyncLog], query: str, outcome: str) -> QuerySet[SyncLog]:
    if outcome in Outcome.values:
        rows = rows.filter(outcome=outcome)
    if "@" in query:
        return rows.filter(email_hash=email_hash(query))
    if query:
        return rows.filter(source_id=query) | rows.filter(target_id=query)
    return rows
