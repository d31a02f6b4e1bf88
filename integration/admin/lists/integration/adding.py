"""Install an integration: its recipe, its accounts, then its settings; later its field mappings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from config.pages import PageContext
from integration.admin.core import html
from integration.admin.core.base import Admin
from integration.admin.lists.integration import settings as install_settings
from integration.admin.lists.integration.form import InstallForm
from integration.admin.lists.mapping import MappingInline, known_fields
from integration.forms.mapping_form import RowsFormSet
from integration.models import Integration, State
from integration.recipes.registry import RECIPES, recipe_choices
from tenants import audit


class Adding(Admin):
    """The page of a new integration, and of the mappings of one that is there."""

    form = InstallForm
    inlines = (MappingInline,)
    add_fieldsets = ((None, {"fields": ("tenant", "left", "right")}),)

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[InstallForm]:
        """Tell the form its recipe."""
        base = super().get_form(request, obj, change, **kwargs)
        return type(gettext("RecipeForm"), (base,), {"recipe_key": request.GET.get("recipe", "")})

    def get_inlines(self, request: HttpRequest, obj: Integration | None) -> tuple[type[MappingInline], ...]:
        """Mappings once there are some."""
        return self.inlines if obj and obj.state != State.UNINSTALLED else ()

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: PageContext | None = None
    ) -> HttpResponse:
        """First the recipe, then its form."""
        if not self.has_add_permission(request) or request.GET.get("recipe") in RECIPES:
            return super().add_view(request, form_url, extra_context)
        tenant = f"&tenant={request.GET['tenant']}" if request.GET.get("tenant") else ""
        context = {
            **self.admin_site.each_context(request), "title": gettext("Add integration"), "opts": self.opts,
            "lead": gettext("Which two apps do you want to sync?"),
            "choices": [(f"?recipe={key}{tenant}", label, "") for key, label in recipe_choices()],
        }  # fmt: skip
        return TemplateResponse(request, "lockstep/choose.html", context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: PageContext | None = None,
    ) -> HttpResponse:
        """Read what the mapping rows may name before the page's transaction begins."""
        row = self.get_object(request, unquote(object_id)) if request.method == "POST" and object_id else None
        if row is not None and row.state != State.UNINSTALLED and self.has_change_permission(request, row):
            request.known_fields = known_fields(row)  # type: ignore[attr-defined]  # read by the inline
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return answer

    def save_model(self, request: HttpRequest, obj: Integration, form: InstallForm, change: bool) -> None:
        """A new row only; of an existing one this page owns nothing but its mappings."""
        if not change:
            obj.save()

    def save_related(
        self, request: HttpRequest, form: InstallForm, formsets: Sequence[RowsFormSet], change: bool
    ) -> None:
        """Changed mappings are applied at the vendors, outside of the transaction."""
        super().save_related(request, form, formsets, change)
        if said := "; ".join(line for formset in formsets for line in formset.said()):
            audit.record(f"Field mappings saved. {said}", form.instance)
        if change and any(formset.has_changed() for formset in formsets) and form.instance.state == State.ACTIVE:
            transaction.on_commit(lambda: install_settings.apply(request, form.instance.pk))

    def response_add(
        self, request: HttpRequest, obj: Integration, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to its settings; saving those makes it real."""
        self.message_user(request, gettext("Review the settings, then Save to start syncing."), messages.INFO)
        return HttpResponseRedirect(reverse("admin:integration_integration_settings", args=[obj.pk]))

    def response_post_save_change(self, request: HttpRequest, obj: Integration) -> HttpResponseRedirect:
        """Stay on the row: its page shows what came of saving."""
        return HttpResponseRedirect(html.url_of(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Uninstall undoes one and keeps its log."""
        return False
