"""What a brake holds: how many, why, and the one decision a person has to make about them."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from integration.engine.safety import limits
from integration.models import BrakeKind
from integration.portal.pages import enter_integration, page
from integration.recipes.registry import get_recipe
from tenants import audit
from tenants.access import person
from tenants.models import Role


@login_required
@require_http_methods(["GET", "POST"])
def held(request: HttpRequest, tenant_id: UUID, integration_id: UUID) -> HttpResponse:
    """Show what is held and let it through. What comes later is counted anew."""
    at_least = Role.EDITOR if request.method == "POST" else Role.VIEWER
    tenant, integration = enter_integration(request, tenant_id, integration_id, at_least)
    kind = request.POST.get("kind", "")
    if kind in BrakeKind.values:
        count = limits.release(integration, kind, person(request))
        audit.record(f"Let {count} records through that a brake held ({kind})", integration)
        text = ngettext(
            "{count} record continues. It is read again first.",
            "{count} records continue. Each one is read again first.",
            count,
        )
        messages.success(request, text.format(count=f"{count:,}"))
        return redirect("portal:waiting", tenant_id=tenant_id, integration_id=integration_id)
    texts = get_recipe(integration.recipe).reason_texts
    rows = [(kind, texts[limits.REASONS[kind]], limits.held(integration, kind)) for kind in BrakeKind.values]
    return page(request, tenant, "brakes", {"rows": [row for row in rows if row[2]]}, integration)
