"""What an operator does with a tenant beside its settings: see its portal as its owners do, export it, close it."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from integration.admin.core import html
from integration.admin.core.actions import page
from integration.admin.core.base import Admin
from integration.admin.core.unfold_compat import object_action
from integration.engine.privacy import closing
from integration.recipes.registry import get_recipe
from integration.ui.archive import download
from tenants import admin as stock
from tenants import audit, viewing
from tenants.models import Tenant
from tenants.personal import may_see

admin.site.unregister(Tenant)


class ReasonForm(forms.Form):
    """Why an operator looks; the tenant's owners read it."""

    reason = forms.CharField(label=_("Reason, shown to the tenant's owners"), max_length=200)


class NameForm(forms.Form):
    """The tenant's name, typed."""

    name = forms.CharField(label=_("Type the tenant's name"), max_length=200)

    def __init__(self, tenant: Tenant, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # a form's own
        self._tenant = tenant

    def clean_name(self) -> str:
        """It must be this tenant's."""
        typed: str = self.cleaned_data["name"].strip()
        if typed != self._tenant.name:
            raise forms.ValidationError(gettext("This is not the name of the tenant."))
        return typed


@admin.register(Tenant)
class TenantAdmin(stock.TenantAdmin, Admin):
    """The list of tenants with the buttons that need the engine."""

    fields = (*stock.TenantAdmin.fields, "closing")
    readonly_fields = (*stock.TenantAdmin.readonly_fields, "closing")
    actions_detail = (*stock.TenantAdmin.actions_detail, "view_portal", "export_tenant", "close_tenant")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """Who is being closed is not switched on again."""
        closing_now = isinstance(obj, Tenant) and obj.closing_since is not None
        return (*super().get_readonly_fields(request, obj), *(("is_active",) if closing_now else ()))

    @admin.display(description=_("Closing"))
    def closing(self, tenant: Tenant) -> html.Html:
        """Since when it is under way or over, and what was removed where."""
        if tenant.closing_since is None:
            return html.EMPTY
        state = gettext("Closed") if tenant.closed_at else gettext("Under way since")
        lines = format_html_join("", "<li>{}</li>", ((line,) for line in closing.told(tenant)))
        return format_html("{} {}<ul>{}</ul>", state, html.when(tenant.closed_at or tenant.closing_since), lines)

    @object_action(_("See the portal"), icon="visibility")
    def view_portal(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        """Open the tenant's portal, to read only."""
        if not viewing.may_view(request.user):
            raise PermissionDenied
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            viewing.begin(request, tenant, form.cleaned_data["reason"])
            return HttpResponseRedirect(reverse("portal:overview", args=[tenant.pk]))
        says = (
            gettext("You see the portal as the owners of {tenant} do, for half an hour.").format(tenant=tenant.name),
            gettext("You can only look. The owners read in their audit that you did, why, and which pages you opened."),
        )
        return page(
            self, request, title=gettext("See the portal of {tenant}").format(tenant=tenant.name), says=says,
            verb=gettext("See the portal"), form=form, back=html.url_of(tenant),
        )  # fmt: skip

    @object_action(_("Export everything"), icon="download")
    def export_tenant(self, request: HttpRequest, tenant: Tenant) -> HttpResponseBase:
        """Everything stored for the tenant, as a ZIP archive."""
        if not may_see(request.user):
            raise PermissionDenied
        if request.method == "POST":
            audit.record("Exported everything", tenant)
            return download(tenant, get_recipe)
        says = (gettext("The archive holds personal data of the tenant's people, and no keys."),)
        return page(
            self, request, title=gettext("Export everything of {tenant}").format(tenant=tenant.name), says=says,
            verb=gettext("Download"), back=html.url_of(tenant),
        )  # fmt: skip

    @object_action(_("Close for good"), icon="delete_forever")
    def close_tenant(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        """Uninstall everything at the vendors and delete what is stored."""
        if tenant.closing_since is not None:
            self.message_user(request, gettext("This tenant is closed, or being closed."), messages.WARNING)
            return HttpResponseRedirect(html.url_of(tenant))
        form = NameForm(tenant, request.POST or None)
        if request.method == "POST" and form.is_valid():
            closing.begin(tenant)
            self.message_user(request, gettext("Closing has begun. Its report stands on this page."), messages.SUCCESS)
            return HttpResponseRedirect(html.url_of(tenant))
        says = (
            gettext("Syncing stops, webhooks are removed at the vendors, and access is given back."),
            gettext("Everything stored is deleted: people, log, consent history, settings, and sign-ins of members who "
                    "are in no other team. The name, the report and the audit stay."),
            gettext("This cannot be undone. Export everything first."),
        )  # fmt: skip
        return page(
            self, request, title=gettext("Close {tenant} for good").format(tenant=tenant.name), says=says,
            verb=gettext("Close for good"), form=form, danger=True, back=html.url_of(tenant),
        )  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Closing deletes what is the tenant's, with a report."""
        return False


@require_POST
def end_viewing(request: HttpRequest) -> HttpResponse:
    """Stop looking at a tenant's portal, and go back to the tenant in the console."""
    tenant = viewing.of(request)
    viewing.end(request)
    return HttpResponseRedirect(html.url_of(tenant) if tenant else reverse("admin:index"))
