"""Fetch All: what it will do, a dry run first, then the real one; and Cancel while it runs."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from integration.engine.flow.base import Flow
from integration.engine.insight import effect, forecast
from integration.engine.sync import runs
from integration.models import Integration, State, SyncRun
from integration.portal.pages import enter_integration, page
from integration.recipes.registry import get_recipe
from tenants import audit
from tenants.access import person
from tenants.models import Role


class FetchForm(forms.Form):
    """How Fetch All goes about it. Without a choice it only counts."""

    mode = forms.ChoiceField(
        label=_("What to do"),
        choices=(
            ("dry", _("Dry run: count what would happen, write nothing")),
            ("real", _("For real: create and update what is missing or different")),
        ),
        initial="dry",
        widget=forms.RadioSelect,
    )
    allow_doi = forms.ChoiceField(
        label=_("Existing people with a Yes"),
        choices=(
            ("no", _("Don't send opt-in emails. People not yet in Maileon are skipped and listed in the report")),
            ("yes", _("Send an opt-in email to everyone not asked before")),
        ),
        initial="no",
        widget=forms.RadioSelect,
    )
    certain = forms.ChoiceField(
        label=_("Records that have not changed since the last sync"),
        choices=(
            ("no", _("Leave them alone")),
            ("yes", _("Write them again, whatever the other app has by now. For after a restore or an import there")),
        ),
        initial="no",
        required=False,
        widget=forms.RadioSelect,
    )


@login_required
@require_http_methods(["GET", "POST"])
def fetch_all(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """Say what it does, then start one run per flow that takes part."""
    at_least = Role.EDITOR if request.method == "POST" else Role.VIEWER
    tenant, integration = enter_integration(request, tenant_id, integration_id, at_least)
    flows = _taking_part(integration)
    form = FetchForm(request.POST or None, initial={"mode": request.GET.get("mode", "dry")})
    if not integration.settings.get("doi_enabled", get_recipe(integration.recipe).default_settings.get("doi_enabled")):
        del form.fields["allow_doi"]
    ready = integration.state == State.ACTIVE and bool(flows)
    if request.method == "POST" and ready and form.is_valid():
        return _start(request, integration, flows, form)
    forecasts = forecast.before_start(integration, get_recipe(integration.recipe), flows) if ready else []
    effects = effect.before_start(integration, flows) if ready else []
    context = {"form": form, "flows": flows, "ready": ready, "forecasts": forecasts, "effects": effects}
    return page(request, tenant, "fetch_all", context, integration)


@login_required
@require_POST
def cancel(request: HttpRequest, tenant_id: UUID, integration_id: UUID, run_id: int) -> HttpResponse:
    """Stop a run after the part it is at. What it has written stays."""
    _, integration = enter_integration(request, tenant_id, integration_id, Role.EDITOR)
    run = get_object_or_404(SyncRun, pk=run_id, integration=integration)
    if runs.cancel(run):
        audit.record(f"Cancelled run {run.pk}", integration)
        messages.success(request, gettext("Stopping after the current batch. Changes already made are kept."))
    else:
        messages.info(request, gettext("It had already ended."))
    return redirect("portal:run", tenant_id=tenant_id, integration_id=integration_id, run_id=run_id)


@login_required
@require_POST
def resume(request: HttpRequest, tenant_id: UUID, integration_id: UUID, run_id: int) -> HttpResponse:
    """Go on where a cancelled run stopped."""
    _, integration = enter_integration(request, tenant_id, integration_id, Role.EDITOR)
    run = get_object_or_404(SyncRun, pk=run_id, integration=integration)
    try:
        again = runs.resume(run, person(request))
    except (runs.NothingToContinue, runs.RunInProgress):
        messages.warning(request, gettext("It can't continue: it has not been cancelled, or another is under way."))
        return redirect("portal:run", tenant_id=tenant_id, integration_id=integration_id, run_id=run_id)
    audit.record(f"Continued run {run.pk} as run {again.pk}", integration)
    return redirect("portal:run", tenant_id=tenant_id, integration_id=integration_id, run_id=again.pk)


def _taking_part(integration: Integration) -> list[Flow]:
    recipe = get_recipe(integration.recipe)
    settings = {**recipe.default_settings, **integration.settings}
    return [flow for flow in recipe.flows if "fetch_all" in flow.runs and flow.enabled(settings)]


def _start(request: HttpRequest, integration: Integration, flows: list[Flow], form: FetchForm) -> HttpResponse:
    dry = form.cleaned_data["mode"] == "dry"
    options = {"allow_doi": form.cleaned_data.get("allow_doi") == "yes"}
    options |= {"certain": True} if form.cleaned_data["certain"] == "yes" else {}
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    user = person(request)
    started: list[SyncRun] = []
    for flow in flows:
        try:
            started.append(runs.start(integration, "fetch_all", flow.key, dry_run=dry, options=options, user=user))
        except runs.RunInProgress:
            messages.warning(
                request,
                gettext("A Fetch All of {flow} is under way already; wait for it or cancel it.").format(
                    flow=flow.label
                ),
            )
            continue
        audit.record(f"Fetch All of {flow.key}, {'dry run' if dry else 'for real'}, options {options}", integration)
    if len(started) == 1:
        return redirect(reverse("portal:run", kwargs={**ids, "run_id": started[0].pk}))
    return redirect(reverse("portal:runs", kwargs=ids))
