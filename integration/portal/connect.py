"""Connect two systems: pick a recipe, prove both accounts, and go on to the settings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from integration import oauth_login
from integration.connectors.base import Connector
from integration.connectors.registry import get_connector
from integration.engine.clients import connection_health
from integration.engine.flow.recipe import Recipe
from integration.guard import AddressRefused
from integration.models import Connection, Health, Integration, State
from integration.portal.audit import note
from integration.portal.pages import enter, page
from integration.portal.settings_page import LONGEST, SECRET_LABELS, TAKEN
from integration.reasons import REASONS
from integration.recipes.registry import RECIPES, get_recipe, recipe_choices
from tenants.models import Role, Tenant


class AccountForm(forms.Form):
    """One side: an account that is connected already, or address and key of another."""

    def __init__(self, connector: Connector, known: list[Connection], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connector = connector
        self.known = {str(row.pk): row for row in known}
        self.kind = next((kind for kind in connector.auth_kinds if kind in SECRET_LABELS), "")
        if known:
            another = [("", "Another account")] if self.kind else []  # one without a key is added by logging in
            offered = [(key, row.account_name or row.base_url) for key, row in self.known.items()]
            self.fields["account"] = forms.ChoiceField(
                label="Account", choices=[*offered, *another], required=False, initial=offered[0][0]
            )
        if self.kind and (not connector.default_base_url or settings.SANDBOX_URL):
            known_one = "The sandbox's, as its page shows it. Empty: the vendor's own."
            self.fields["base_url"] = forms.CharField(
                label=f"Address of {connector.label}", required=False, max_length=300,
                help_text=known_one if connector.default_base_url else "As you see it in your browser.",
            )  # fmt: skip
        if self.kind:
            self.fields["secret"] = forms.CharField(
                label=SECRET_LABELS[self.kind], required=False, max_length=LONGEST,
                widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
            )  # fmt: skip
            for name, label in connector.asks.items():
                self.fields[name] = forms.CharField(label=label, required=False, max_length=300)

    def clean(self) -> dict[str, Any]:
        """Check address and key unless a known account was picked."""
        data = super().clean() or {}
        if data.get("account"):
            return data
        if not self.kind:
            raise ValidationError(f"Log in with {self.connector.label} first.")
        secret = str(data.get("secret") or "")
        if not secret:
            self.add_error("secret", f"Enter the {SECRET_LABELS[self.kind]}.")
        elif any(sign.isspace() or not sign.isprintable() for sign in secret):
            self.add_error("secret", "There are spaces or line breaks inside. Copy it again in one piece.")
        for name in self.connector.asks:
            if not data.get(name):
                self.add_error(name, "Enter this too.")
        try:
            address = self.connector.normalise_base_url(data.get("base_url") or self.connector.default_base_url)
            data["base_url"] = self.connector.policy.check(address)
        except AddressRefused as exc:
            self.add_error("base_url" if "base_url" in self.fields else None, exc.public)
        return data

    def connection(self, tenant: Tenant) -> Connection:
        """The picked connection, or a new one proven at the vendor. Raises ValidationError with cause and fix."""
        if picked := self.known.get(self.cleaned_data.get("account", "")):
            return picked
        row = Connection(
            tenant=tenant, vendor=self.connector.key, base_url=self.cleaned_data["base_url"], auth_kind=self.kind
        )
        beside = {name: self.cleaned_data[name] for name in self.connector.asks}
        row.store_credentials({self.kind: self.cleaned_data["secret"], **beside}, self.cleaned_data["secret"])
        row.save()
        try:
            works = connection_health.check(row)
        except IntegrityError as exc:
            row.delete()
            raise ValidationError(TAKEN) from exc
        if not works:
            row.refresh_from_db()
            reason = REASONS.get(row.health_reason)
            said = f"{reason.what if reason else ''} {row.health_said} {reason.fix if reason else ''}".strip()
            row.delete()
            raise ValidationError(said or f"{self.connector.label} does not answer at the moment. Try again shortly.")
        return row


@dataclass(frozen=True)
class Side:
    """One of the two accounts on the page."""

    connector: Connector
    form: AccountForm
    can_log_in: bool  # by the vendor's own consent page

    def rows(self) -> list[tuple[Any, str]]:
        """(field, what it depends on as JSON): address and key matter for another account only."""
        needs = json.dumps({f"{self.form.prefix}-account": ""}) if "account" in self.form.fields else ""
        return [(field, "" if field.name == "account" else needs) for field in self.form]


@login_required
@sensitive_post_parameters("left-secret", "right-secret")
@require_http_methods(["GET", "POST"])
def connect(request: HttpRequest, tenant_id: object) -> HttpResponse:
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
        found.append(Side(connector, form, oauth_login.is_configured(vendor)))
    return found


def _known(tenant: Tenant, vendor: str) -> list[Connection]:
    rows = Connection.objects.filter(tenant=tenant, vendor=vendor, health=Health.OK)
    return list(rows.order_by("created_at"))


def _kept(side: Side, tenant: Tenant) -> Side:
    """After a refusal on the other side: an account that was proven is offered as one to pick, its key forgotten."""
    if side.form.errors:
        return side
    form = AccountForm(side.connector, _known(tenant, side.connector.key), prefix=side.form.prefix)
    return Side(side.connector, form, side.can_log_in)


def _install(request: HttpRequest, tenant: Tenant, recipe: Recipe, sides: list[Side]) -> Integration | None:
    """Both connections and the integration, a draft until its settings are saved."""
    rows: list[Connection] = []
    for side in sides:
        try:
            rows.append(side.form.connection(tenant))
        except ValidationError as exc:
            side.form.add_error("secret" if "secret" in side.form.fields else None, exc)
    if len(rows) != len(sides):
        return None
    left, right = rows
    existing = Integration.objects.filter(tenant=tenant, recipe=recipe.key, left=left, right=right)
    integration = existing.exclude(state=State.UNINSTALLED).first()
    if integration is None:
        integration = Integration.objects.create(tenant=tenant, recipe=recipe.key, left=left, right=right)
        note(request, integration, f"Connected {left.connector.label} and {right.connector.label}")
        messages.success(request, "Both accounts are connected. Now the settings; saving them switches it on.")
    else:
        messages.info(request, "These two accounts are connected already; here are the settings.")
    return integration
