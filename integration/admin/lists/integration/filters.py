"""Integrations found by status or state; the status of a page of them is computed at once."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from integration.admin.core.unfold_compat import DropdownFilter
from integration.admin.status import (
    BADGES,
    COUNTED,
    keys_in,
    note_connections,
    statuses_of,
)
from integration.models import State
from tenants.console import ShownOrder


class StatusFilter(DropdownFilter):
    """By the word the front page counts."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """The words."""
        return [(str(state), str(BADGES[state].word)) for state in COUNTED]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Those in this state."""
        chosen = [state for state in COUNTED if state == self.value()]
        return queryset.filter(pk__in=keys_in(chosen[0])) if chosen else queryset


class StatusList(ShownOrder):
    """A page of integrations, each with its status, which is computed for all of them at once."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page and compute the statuses."""
        super().get_results(request)
        found = statuses_of(self.result_list)
        for row in self.result_list:
            row.status = found[row.pk]
        note_connections(side for row in self.result_list for side in (row.left, row.right))


class StateFilter(DropdownFilter):
    """By state; without the uninstalled ones unless asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """Every state."""
        return [(str(value), str(label)) for value, label in State.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Those in it."""
        return queryset.filter(state=self.value()) if self.value() else queryset.exclude(state=State.UNINSTALLED)
