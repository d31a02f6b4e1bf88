"""System and audit: the schedules that keep the hub moving, tasks that failed, and who did what in the console."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_q.models import Failure, OrmQ, Schedule, Success

from integration.admin.core import html
from integration.admin.core.base import BigTable

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


@admin.register(LogEntry)
class AuditAdmin(Record):
    """Who did what here."""

    list_display = ("user", "what", "on_what", "took_place")
    list_select_related = ("user", "content_type")
    ordering = ("-id",)
    personal = True
    empty_text = _("Nobody has changed anything in the console yet.")
    fields = ("user", "what", "on_what", "took_place")

    @admin.display(description=_("What"))
    def what(self, entry: LogEntry) -> str:
        """The message."""
        return entry.get_change_message() or str(entry.get_action_flag_display())

    @admin.display(description=_("On"))
    def on_what(self, entry: LogEntry) -> html.Html:
        """The row."""
        kind = entry.content_type.name if entry.content_type else ""
        address = entry.get_admin_url() if entry.object_id else None
        text = f"{kind}: {entry.object_repr}"
        return format_html('<a class="text-link" href="{}">{}</a>', address, text) if address else text

    @admin.display(description=_("When"))
    def took_place(self, entry: LogEntry) -> html.Html:
        """When."""
        return html.when(entry.action_time)
