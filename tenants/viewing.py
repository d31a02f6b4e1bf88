"""An operator looks at the portal as a tenant's owners see it: to read only, for half an hour, told in the audit.

The session remembers which tenant; a middleware lets the pages of this one tenant open, refuses everything that is no
look, and adds an audit line for each page that was opened. Owners read these lines on their Audit page.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.translation import gettext

from tenants import audit
from tenants.models import Tenant
from tenants.personal import may_see

KEY = "viewing"
LASTS = 30 * 60.0  # seconds
LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})
PERMISSION = "tenants.view_as_tenant"


def may_view(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether this operator may look at all: what owners see is personal data."""
    allowed = isinstance(user, PermissionsMixin) and user.has_perm(PERMISSION)
    return allowed and bool(getattr(user, "is_staff", False)) and may_see(user)


def begin(request: HttpRequest, tenant: Tenant, reason: str) -> None:
    """Open this tenant's portal to the operator's session."""
    request.session[KEY] = {"tenant": str(tenant.pk), "until": time.time() + LASTS}
    audit.record(f"Began to see the portal as the tenant does. Reason: {reason}", tenant)


def end(request: HttpRequest) -> None:
    """Close it again."""
    if tenant := of(request):
        audit.record("Ended seeing the portal as the tenant does", tenant)
    request.session.pop(KEY, None)


def of(request: HttpRequest) -> Tenant | None:
    """Which tenant's portal this session may see; None when the time is over or the right is gone."""
    kept = request.session.get(KEY)
    if not isinstance(kept, dict) or kept["until"] < time.time() or not may_view(request.user):
        return None
    return Tenant.objects.filter(pk=kept["tenant"], is_active=True).first()


def mark(user: AbstractBaseUser | AnonymousUser, tenant: Tenant) -> None:
    """Note on the request's user whose portal it may see."""
    user.viewed_tenant = tenant  # type: ignore[union-attr]  # for this request only


def viewed(user: AbstractBaseUser | AnonymousUser) -> Tenant | None:
    """The tenant that was marked; None for everybody else."""
    found = getattr(user, "viewed_tenant", None)
    return found if isinstance(found, Tenant) else None


class ViewAsTenant:
    """Opens the portal of one tenant to an operator who looks, and to nothing but looks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Mark the user, tell the audit, refuse what changes something or takes a file along."""
        tenant, page = _looked_at(request) if KEY in request.session else (None, "")
        if tenant is None:
            return self.get_response(request)
        if request.method not in LOOKS:
            return _refused(request, tenant)
        mark(request.user, tenant)
        audit.record(f"Looked at the page {page}", tenant)
        answer = self.get_response(request)
        is_download = answer.streaming or "Content-Disposition" in answer
        return _refused(request, tenant) if is_download else answer


def _looked_at(request: HttpRequest) -> tuple[Tenant | None, str]:
    """The tenant that is looked at and the name of the page, where the address is one of its pages."""
    tenant = of(request)
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return None, ""
    if tenant is None or match.kwargs.get("tenant_id") != tenant.pk or _is_member(request, tenant):
        return None, ""
    return tenant, (match.url_name or "").replace("_", " ")


def _refused(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    why = gettext("While you see the portal as {tenant} does, nothing can be changed or downloaded.")
    context = {"heading": gettext("You are only looking"), "why": why.format(tenant=tenant.name)}
    return render(request, "portal/stopped.html", context, status=403)


def _is_member(request: HttpRequest, tenant: Tenant) -> bool:
    return tenant.members.filter(user=request.user.pk or 0).exists()
