"""System and audit: the schedules that keep the hub moving, tasks that failed, and who did what in the console."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.decorators import action

from integration.admin.core import html
from integration.admin.core.base import BigTable
from integration.ui.signed_lines import signed_lines
from tenants.audit import AuditEntry, record

for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class Record(BigTable):
    """A table somebody else writes, to look at."""

    search_fields = ()


@admin.register(Schedule)
class ScheduleAdmin(Record):
    """What runs by the clock. `manage.py setup` makes them."""

    list_display = ("name", "func", "every", "due")
    ordering = ("name",)
    empty_text = _("No schedule: run `manage.py setup`. Without schedules nothing lost is found again.")
    fields = ("name", "func", "every", "due")

    @admin.display(description=_("How often"))
    def every(self, row: Schedule) -> str:
        """In words."""
        return (
            gettext("every {time}").format(time=html.duration(row.minutes * 60))
            if row.minutes
            else row.get_schedule_type_display()
        )

    @admin.display(description=_("Next"))
    def due(self, row: Schedule) -> html.Html:
        """The next time."""
        return html.when(row.next_run)


@admin.register(Failure)
class FailureAdmin(Record):
    """Tasks that ended with an error of ours. The rows they worked on are tried again by themselves."""

    list_display = ("name", "func", "ended")
    ordering = ("-stopped",)
    personal = True
    empty_text = _("No task has failed.")
    fields = ("name", "func", "ended", "error")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Failed ones only."""
        return super().get_queryset(request).filter(success=False)

    @admin.display(description=_("Ended"))
    def ended(self, row: Failure) -> html.Html:
        """When."""
        return html.when(row.stopped)

    @admin.display(description=_("Error"))
    def error(self, row: Failure) -> html.Html:
        """As the worker wrote it."""
        return html.block(str(row.result or ""))


@admin.register(AuditEntry)
class AuditAdmin(Record):
    """Who did what, from where, with the values before and after."""

    list_display = ("who", "doing", "on_what", "address", "took_place")
    personal = True
    actions_list = ("export_lines",)
    empty_text = _("Nobody has changed anything yet.")
    fields = ("who", "address", "doing", "on_what", "before_and_after", "took_place")

    @admin.display(description=_("What"))
    def doing(self, entry: AuditEntry) -> str:
        """The sentence."""
        return entry.what

    @admin.display(description=_("On"))
    def on_what(self, entry: AuditEntry) -> html.Html:
        """The row, with its page where it still has one."""
        kind = apps.get_model(entry.model)._meta.verbose_name if entry.model else ""
        text = f"{kind}: {entry.row_name}" if kind else entry.row_name
        address = _address_of(entry)
        return format_html('<a class="text-link" href="{}">{}</a>', address, text) if address else text

    @admin.display(description=_("Before and after"))
    def before_and_after(self, entry: AuditEntry) -> html.Html:
        """Field by field."""
        return html.block("\n".join(f"{key}: {old} → {new}" for key, (old, new) in entry.changes.items()))

    @admin.display(description=_("When"))
    def took_place(self, entry: AuditEntry) -> html.Html:
        """When."""
        return html.when(entry.at)

    @action(  # type: ignore[untyped-decorator]  # Unfold brings no types
        description=_("Download as signed lines"), url_path="signed-lines", icon="download"
    )
    def export_lines(self, request: HttpRequest) -> HttpResponseBase:
        """Everything, oldest first; each line is signed and names the one before it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        record("Exported the audit", model=AuditEntry)
        return signed_lines(AuditEntry.objects.order_by("pk"))


def _address_of(entry: AuditEntry) -> str:
    if not entry.row or not entry.model or not admin.site.is_registered(apps.get_model(entry.model)):
        return ""
    return reverse(f"admin:{entry.model.replace('.', '_')}_change", args=[quote(entry.row)])
