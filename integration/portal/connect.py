"""Connect two systems: pick a recipe, prove both accounts, and go on to the settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from integration import oauth_login
from integration.connectors.base import Connector
from integration.connectors.registry import get_connector
from integration.engine.flow.permission import NeededPermission
from integration.engine.flow.recipe import Recipe
from integration.engine.setup import permissions
from integration.forms.account_form import AccountForm
from integration.models import Connection, Health, Integration, State
from integration.portal.pages import enter, page
from integration.recipes.registry import RECIPES, get_recipe, recipe_choices
from tenants import audit
from tenants.models import Role, Tenant

LACKING = _("{vendor} has not permitted all that this pair needs. Log in with {vendor} again and allow: {names}.")


@dataclass(frozen=True)
class Side:
    """One of the two accounts on the page."""

    connector: Connector
    form: AccountForm
    can_log_in: bool  # by the vendor's own consent page
    permissions: Sequence[NeededPermission] = ()

    def rows(self) -> list[tuple[BoundField, str]]:
        """(field, what it depends on as JSON): address and key matter for another account only."""
        needs = json.dumps({f"{self.form.prefix}-account": ""}) if "account" in self.form.fields else ""
        return [(field, "" if field.name == "account" else needs) for field in self.form]


@login_required
@sensitive_post_parameters("left-secret", "right-secret")
@require_http_methods(["GET", "POST"])
def connect(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """Choose the recipe (`recipe`), then both accounts; a key is proven before anything is kept."""
    at_least = Role.OWNER if request.method == "POST" else Role.VIEWER
    tenant = enter(request, tenant_id, at_least)
    key = request.GET.get("recipe", "") or _only_choice(tenant)
    if not key:
        return page(request, tenant, "connect", {"choices": _choices(tenant)})
    if key not in RECIPES:
        raise Http404
    recipe = get_recipe(key)
    sides = _sides(request, tenant, recipe)
    if request.method == "POST" and all([side.form.is_valid() for side in sides]):
        integration = _install(request, tenant, recipe, sides)
        if integration is not None:
            return redirect(
                reverse("portal:settings", kwargs={"tenant_id": tenant.pk, "integration_id": integration.pk})
            )
        sides = [_kept(side, tenant) for side in sides]
    status = 422 if request.method == "POST" else 200
    return page(request, tenant, "connect", {"chosen": recipe, "sides": sides}, status=status)


def _only_choice(tenant: Tenant) -> str:
    """The recipe, where there is no choice: the only one, or the only one for the system that is connected already."""
    fitting = _fitting(tenant) or list(RECIPES)
    return fitting[0] if len(fitting) == 1 else ""


def _choices(tenant: Tenant) -> list[tuple[str, str]]:
    """All recipes, those for the system that is connected already first."""
    fitting = _fitting(tenant)
    return sorted(recipe_choices(), key=lambda pair: pair[0] not in fitting)


def _fitting(tenant: Tenant) -> list[str]:
    vendors = set(Connection.objects.filter(tenant=tenant, health=Health.OK).values_list("vendor", flat=True))
    return [key for key in RECIPES if get_recipe(key).left in vendors]


def _sides(request: HttpRequest, tenant: Tenant, recipe: Recipe) -> list[Side]:
    data = request.POST if request.method == "POST" else None
    found = []
    for prefix, vendor in (("left", recipe.left), ("right", recipe.right)):
        connector = get_connector(vendor)
        form = AccountForm(connector, _known(tenant, vendor), data, prefix=prefix)
        found.append(Side(connector, form, oauth_login.is_configured(vendor), recipe.permissions.get(prefix, ())))
    return found


def _known(tenant: Tenant, vendor: str) -> list[Connection]:
    rows = Connection.objects.filter(tenant=tenant, vendor=vendor, health=Health.OK)
    return list(rows.order_by("created_at"))


def _kept(side: Side, tenant: Tenant) -> Side:
    """After a refusal on the other side: an account that was proven is offered as one to pick, its key forgotten."""
    if side.form.errors:
        return side
    form = AccountForm(side.connector, _known(tenant, side.connector.key), prefix=side.form.prefix)
    return replace(side, form=form)


def _permitted(recipe: Recipe, sides: list[Side], rows: list[Connection]) -> bool:
    """Whether both consents reach for this recipe: an account may have been connected for another one, with less."""
    for name, side, row in zip(("left", "right"), sides, rows, strict=True):
        if lacking := permissions.missing(row, recipe, name):
            names = ", ".join(needed.name for needed in lacking)
            side.form.add_error(None, LACKING.format(vendor=side.connector.label, names=names))
    return not any(side.form.errors for side in sides)


def _install(request: HttpRequest, tenant: Tenant, recipe: Recipe, sides: list[Side]) -> Integration | None:
    """Both connections and the integration, a draft until its settings are saved."""
    rows: list[Connection] = []
    for side in sides:
        try:
            rows.append(side.form.connection(tenant))
        except ValidationError as exc:
            side.form.add_error("secret" if "secret" in side.form.fields else None, exc)
    if len(rows) != len(sides) or not _permitted(recipe, sides, rows):
        return None
    left, right = rows
    existing = Integration.objects.filter(tenant=tenant, recipe=recipe.key, left=left, right=right)
    integration = existing.exclude(state=State.UNINSTALLED).first()
    if integration is None:
        integration = Integration.objects.create(tenant=tenant, recipe=recipe.key, left=left, right=right)
        audit.record(f"Connected {left.connector.label} and {right.connector.label}", integration)
        messages.success(
            request, gettext("Both accounts are connected. Review the settings, then Save to start syncing.")
        )
    else:
        messages.info(request, gettext("These two accounts are connected already; here are the settings."))
    return integration
