"""A tenant leaves: download everything, then close the account for good."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from integration.engine.privacy import closing
from integration.models import State
from integration.portal.pages import enter, integrations_of, page
from integration.recipes.registry import get_recipe
from integration.ui.archive import download
from tenants import audit
from tenants.models import Role, Tenant


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def leave(request: HttpRequest, tenant_id: UUID) -> HttpResponseBase:
    """Owners only. POST `do` = export downloads everything; `do` = close closes, once `name` is typed."""
    tenant = enter(request, tenant_id, Role.OWNER)
    if request.POST.get("do") == "export":
        audit.record("Exported everything", tenant)
        return download(tenant, get_recipe)
    if request.POST.get("do") == "close":
        if request.POST.get("name", "").strip() != tenant.name:
            error = gettext("Type the name {tenant} to close the account.").format(tenant=tenant.name)
            return _page(request, tenant, error, status=422)
        closing.begin(tenant)
        why = gettext("{tenant} is being closed. Syncing has stopped, and everything stored is being deleted.")
        told = [why.format(tenant=tenant.name), _report_goes_to(tenant)]
        context = {"heading": gettext("Closing"), "why": " ".join(told)}
        return render(request, "portal/stopped.html", context)
    return _page(request, tenant)


def _page(request: HttpRequest, tenant: Tenant, error: str = "", *, status: int = 200) -> HttpResponseBase:
    live = integrations_of(tenant).exclude(state=State.UNINSTALLED)
    context = {"live": live, "error": error, "report": _report_goes_to(tenant)}
    return page(request, tenant, "leave", context, status=status)


def _report_goes_to(tenant: Tenant) -> str:
    addresses = closing.report_goes_to(tenant)
    if not addresses:
        return gettext("No owner can be reached by email: ask your contact at Lockstep for the report.")
    text = gettext("The report of what was removed where is sent to {addresses}.")
    return text.format(addresses=", ".join(addresses))
