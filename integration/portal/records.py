"""One record: search it at the source, look at what would be sent, sync it now."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from config.pages import PageContext
from integration.engine.insight import preview
from integration.engine.insight.look_now import look_now
from integration.engine.mapping import labels
from integration.engine.sync import replay
from integration.errors import IntegrationError
from integration.models import Integration, State
from integration.portal.pages import enter_integration, page
from integration.recipes.registry import get_recipe
from tenants import audit
from tenants.models import Role

LONGEST = 200


@login_required
@require_http_methods(["GET", "POST"])
def sync_one(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """GET searches (`q`) and previews (`flow`, `id`); POST (`flow`, `id`) reads the record afresh and syncs it."""
    at_least = Role.EDITOR if request.method == "POST" else Role.VIEWER
    tenant, integration = enter_integration(request, tenant_id, integration_id, at_least)
    if request.method == "POST":
        return _queue(request, integration)
    query = request.GET.get("q", "").strip()[:LONGEST]
    flow, external_id = request.GET.get("flow", ""), request.GET.get("id", "")[:LONGEST]
    context: PageContext = {"query": query, "flow": flow, "external_id": external_id}
    if integration.state != State.UNINSTALLED and (query or external_id):
        context |= _looked(integration, query, flow, external_id)
    return page(request, tenant, "record", context, integration)


def _looked(integration: Integration, query: str, flow: str, external_id: str) -> PageContext:
    """Search or preview; a vendor that does not answer is a sentence on the page."""
    recipe = get_recipe(integration.recipe)
    try:
        if not external_id:
            return {"hits": preview.search(integration, recipe, query)}
        _known_flow(integration, flow)
        shown = preview.preview(integration, recipe, flow, external_id)
    except IntegrationError as exc:
        return {"problem": exc.public, "reason": recipe.reason_text(exc.reason)}
    try:
        seen = look_now(integration, recipe, flow, external_id)
    except IntegrationError:
        seen = None  # the preview came through: it says what would be sent
    names = labels.labels_of([integration])
    fields = labels.named({key: list(pair) for key, pair in shown.changes.items()}, names)
    return {"preview": shown, "fields": fields, "look": seen, "reason": recipe.reason_text(shown.reason)}


def _queue(request: HttpRequest, integration: Integration) -> HttpResponse:
    flow, external_id = request.POST.get("flow", ""), request.POST.get("id", "").strip()
    _known_flow(integration, flow)
    kwargs = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    if not external_id or len(external_id) > LONGEST:
        raise Http404
    if integration.state != State.ACTIVE:
        text = gettext("Nothing is synced now. Present state: {state}.")
        messages.warning(request, text.format(state=integration.get_state_display()))
    else:
        replay.resync(integration, flow, [external_id])
        audit.record(f"Sync again: {flow} {external_id}", integration)
        messages.success(request, gettext("The record is read and synced now; the result appears below."))
    return redirect(f"{reverse('portal:activity', kwargs=kwargs)}?{urlencode({'q': external_id})}")


def _known_flow(integration: Integration, flow: str) -> None:
    if flow not in {row.key for row in get_recipe(integration.recipe).flows}:
        raise Http404
