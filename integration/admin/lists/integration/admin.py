"""Integrations: the list, and the buttons of their life."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from integration.admin.core import search
from integration.admin.core.actions import bulk
from integration.admin.core.base import object_action
from integration.admin.core.unfold_compat import Button
from integration.admin.lists.integration import actions as install_buttons
from integration.admin.lists.integration import settings as install_settings
from integration.admin.lists.integration.adding import Adding
from integration.admin.lists.integration.filters import StateFilter, StatusFilter, StatusList
from integration.admin.lists.integration.overview import Overview
from integration.admin.pages import diagnose as diagnosis
from integration.admin.status import with_connections
from integration.engine.insight.record_counts import explained
from integration.models import Integration
from integration.recipes.registry import get_recipe
from integration.ui.counts_csv import counts_csv
from tenants.access import person


@admin.register(Integration)
class IntegrationAdmin(Adding, Overview):
    """A recipe installed for a tenant."""

    list_display = ("name", "status_badge", "left_health", "right_health", "since_when")
    list_filter = (StatusFilter, StateFilter)
    linked = ("tenant__id__exact",)
    search_fields = ("tenant__name", "recipe")
    search_help_text = _("Tenant or recipe")
    actions = ("pause_selected", "resume_selected", "uninstall_selected")
    actions_detail = (
        "diagnose",
        "repair",
        "settings",
        "fetch_all",
        "compare_now",
        "counts",
        "brakes",
        "pause",
        "resume",
        "uninstall",
    )
    empty_text = _("An integration keeps two connected systems of a tenant in sync. Connect both first, then add it.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """With their connections, in one query."""
        return with_connections(super().get_queryset(request)).order_by("tenant__name", "created_at")

    def get_changelist(self, request: HttpRequest, **kwargs: str) -> type[ChangeList]:
        """The list that computes the statuses of a page at once."""
        return StatusList

    # Several at once: all of a tenant, all of a recipe

    @admin.action(description=_("Pause: collect changes, sync nothing"), permissions=["operate"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Integration]) -> HttpResponse | None:
        """Stop these for a while."""
        return bulk(self, request, queryset, "pause_selected", install_buttons.pausing(person(request)))

    @admin.action(description=_("Resume: work off what was collected"), permissions=["operate"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Integration]) -> HttpResponse | None:
        """Let these go on."""
        return bulk(self, request, queryset, "resume_selected", install_buttons.RESUMING)

    @admin.action(description=_("Uninstall: disconnect for good"), permissions=["operate"])
    def uninstall_selected(self, request: HttpRequest, queryset: QuerySet[Integration]) -> HttpResponse | None:
        """Undo these at the vendors."""
        return bulk(self, request, queryset, "uninstall_selected", install_buttons.UNINSTALLING)

    # Buttons

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Button]:
        """Only what makes sense in its state."""
        state = (
            Integration.objects.filter(pk=search.uuid_or_nil(object_id)).values_list("state", flat=True).first() or ""
        )
        elsewhere = {"uninstall", "repair", "brakes", "counts"}  # at the page's end, on the diagnosis, at the reason
        offered = set(install_buttons.OFFERED.get(state, ())) - elsewhere
        buttons = super().get_actions_detail(request, object_id)
        return [button for button in buttons if button.action_name.removeprefix("integration_integration_") in offered]

    @object_action(_("Diagnose"), icon="stethoscope", permission="view")
    def diagnose(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """What is wrong with it?"""
        return diagnosis.view(self, request, row)

    @object_action(_("Repair"), icon="build")
    def repair(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """Mend what can be mended."""
        return diagnosis.repair_view(self, request, row)

    @object_action(_("Settings"), icon="tune", permission="view")
    def settings(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """The recipe's settings form."""
        return install_settings.view(self, request, row)

    @object_action(_("Fetch All"), icon="download")
    def fetch_all(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """One pass over everybody, or a dry run of it."""
        return install_buttons.fetch_all(self, request, row)

    @object_action(_("Compare now"), icon="difference")
    def compare_now(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """Hold both sides against each other."""
        return install_buttons.compare_now(self, request, row)

    @object_action(_("Download as CSV"), icon="download", permission="view")
    def counts(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """The explained counts, for a spreadsheet."""
        return counts_csv(explained(row, get_recipe(row.recipe)))

    @object_action(_("Held by a brake"), icon="front_hand")
    def brakes(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """Decide about what a brake holds."""
        return install_buttons.held_by_brakes(self, request, row)

    @object_action(_("Pause"), icon="pause")
    def pause(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """Stop syncing for a while."""
        return install_buttons.pause(self, request, row)

    @object_action(_("Resume"), icon="play_arrow")
    def resume(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """Go on."""
        return install_buttons.resume(self, request, row)

    @object_action(_("Uninstall"), icon="delete")
    def uninstall(self, request: HttpRequest, row: Integration) -> HttpResponse:
        """Undo it at the vendors."""
        return install_buttons.uninstall(self, request, row)
