"""The audit of a tenant, for its owners: who did what, operators among them; and everything as a download."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache

from integration.portal.pages import enter, page
from integration.ui.signed_lines import signed_lines
from tenants import audit
from tenants.models import Role

PAGE_SIZE = 50


@login_required
@never_cache
def entries(request: HttpRequest, tenant_id: UUID) -> HttpResponseBase:
    """Newest first, `before` = number of an entry shows older ones; `format` = lines downloads all, signed."""
    tenant = enter(request, tenant_id, Role.OWNER)
    rows = audit.of_tenant(tenant)
    if request.GET.get("format") == "lines":
        audit.record("Exported the audit", tenant)
        return signed_lines(rows.order_by("pk"))
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: PAGE_SIZE + 1])
    context = {"rows": found[:PAGE_SIZE], "older": found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None}
    return page(request, tenant, "audit", context)
