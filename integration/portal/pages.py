"""What every page of the portal shares: who may enter, and the frame around its content."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _

from config.pages import PageContext
from integration.models import Integration, State
from integration.portal import claims_page
from integration.recipes.registry import get_recipe
from tenants.access import ROLE_RANK, member_or_404, tenants_of
from tenants.models import Role, Tenant
from tenants.viewing import viewed


def enter(request: HttpRequest, tenant_id: UUID, at_least: str = Role.VIEWER) -> Tenant:
    """Return the tenant if the user is a member with at least that role. Raises Http404."""
    return member_or_404(request.user, tenant_id, at_least).tenant


def enter_integration(
    request: HttpRequest, tenant_id: UUID, integration_id: UUID, at_least: str = Role.VIEWER
) -> tuple[Tenant, Integration]:
    """Return tenant and integration under the same rule. Raises Http404."""
    tenant = enter(request, tenant_id, at_least)
    return tenant, get_object_or_404(integrations_of(tenant), pk=integration_id)


def integrations_of(tenant: Tenant) -> QuerySet[Integration]:
    """The tenant's integrations with their connections, oldest first."""
    return Integration.objects.select_related("left", "right", "tenant").filter(tenant=tenant).order_by("created_at")


def page(
    request: HttpRequest,
    tenant: Tenant,
    name: str,
    context: PageContext,
    integration: Integration | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """Render `portal/<name>.html` with the tenant switch, the left column and the tenant's time zone."""
    rank = ROLE_RANK[Role(member_or_404(request.user, tenant.pk).role)]
    shared: PageContext = {
        "tenant": tenant,
        "tenants": tenants_of(request.user),
        "zone": tenant.timezone,
        "page": name,
        "may_edit": rank >= ROLE_RANK[Role.EDITOR],
        "may_own": rank >= ROLE_RANK[Role.OWNER],
        "viewed": viewed(request.user) is not None,
    }
    if shared["may_own"]:
        shared["claims"] = claims_page.notices(tenant)
    if integration is not None:
        shared |= {"integration": integration, "recipe": get_recipe(integration.recipe)}
    shared |= _column(tenant, integration)
    return render(request, f"portal/{name}.html", {**shared, **context}, status=status)


# What the left column offers of an integration: address, label, and the pages it stands for.
COLUMN = (
    ("portal:integration", _("Overview"), ("integration", "report")),
    ("portal:settings", _("Settings"), ("settings", "stop")),
    ("portal:fields", _("Fields"), ("fields",)),
    ("portal:activity", _("Activity"), ("activity", "waiting", "record")),
    ("portal:runs", _("Runs"), ("runs", "run", "fetch_all")),
    ("portal:drift", _("Differences"), ("differences",)),
)


def _column(tenant: Tenant, integration: Integration | None) -> PageContext:
    """The left column: of the integration one is at, or of the tenant's only one."""
    live = list(integrations_of(tenant).exclude(state=State.UNINSTALLED)[:2])
    here = integration or (live[0] if len(live) == 1 else None)
    several = len(live) > 1 or (here is not None and here not in live)
    found: PageContext = {"here": here, "several": several, "here_pages": COLUMN}
    return found | {"here_recipe": get_recipe(here.recipe)} if here else found
