"""Sync log: what was done to each record and why. The operator's main table; Resync starts here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.text import capfirst

from integration.admin.core import fixes, html
from integration.admin.core.actions import Bulk, bulk, note, page
from integration.admin.core.base import BigTable, IntegrationFilter, ReasonFilter, SinceFilter, newest, object_action
from integration.admin.core.labels import changes, labels_of
from integration.admin.core.masking import mask_id, mask_key
from integration.admin.core.search import flow_labels, number_or_none, record_name
from integration.admin.core.unfold_compat import Button, DropdownFilter
from integration.admin.lists.call import asked, status_badge
from integration.engine.sync.bulk_runs import resync, start_resync
from integration.models import Integration, RecordLink, State, SyncLog
from integration.recipes.registry import get_recipe

RESYNC_SAYS = (
    "The source records are read afresh and brought up to date in their flow. Records that are already in sync are "
    "skipped without a write.",
    "Unsubscribed people stay unsubscribed, and nobody gets an opt-in mail twice.",
)
M = TypeVar("M", bound=Model)
RESYNC_DONE = "{count} records are being read afresh. The log shows the result."


class FlowFilter(DropdownFilter):
    """By flow, within the newest rows."""

    title = "flow (newest 100,000)"
    parameter_name = "flow"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """All flows by label."""
        return list(flow_labels().items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Rows of this flow."""
        return newest(queryset).filter(flow=self.value()) if self.value() else queryset


def resync_of(records: Callable[[Sequence[M]], Sequence[tuple[Integration, str, str]]]) -> Bulk[M]:
    """The action on rows that stand for records: a few at once, many as runs."""
    return Bulk(
        "Resync records", "Resync", RESYNC_SAYS, lambda rows: resync(records(rows)), RESYNC_DONE, eligible=installed,
        none="Their integrations are uninstalled; there is nothing to bring up to date.",
        as_runs=lambda rows, user: start_resync(records(rows), user),
    )  # fmt: skip


def link_of(row: SyncLog) -> RecordLink | None:
    """The record link this row is about."""
    recipe = get_recipe(row.integration.recipe)
    types = [flow.link_type for flow in recipe.flows if flow.key == row.flow]
    links = RecordLink.objects.filter(integration=row.integration, link_type__in=types, source_id=row.source_id)
    return links.first()


def installed(rows: QuerySet[M]) -> QuerySet[M]:
    """Only rows whose integration is still there."""
    return rows.exclude(integration__in=Integration.objects.filter(state=State.UNINSTALLED))


@admin.register(SyncLog)
class LogAdmin(BigTable):
    """One row per record and outcome."""

    list_display = ("record", "flow_name", "result", "what", "tenant", "took_place")
    list_filter = (SinceFilter, "outcome", IntegrationFilter, ReasonFilter, FlowFilter)
    list_select_related = ("integration__tenant",)
    linked = ("run",)
    actions = ("resync",)
    actions_detail = ("sync_again",)
    empty_text = "Nothing synced yet. Create a person with Newsletter = Yes; the row shows up here within seconds."
    fieldsets = (
        ("What happened", {"fields": ("record", "flow_name", "result", "why", "fields_changed", "took_place")}),
        ("How it came about", {"fields": ("integration_name", "event_door", "job_door", "run_door", "link_door")}),
        ("Vendor call that decided it", {"fields": ("call_door", "request_text", "response_text")}),
    )

    @admin.display(description="Record")
    def record(self, row: SyncLog) -> str:
        """Both ids."""
        return capfirst(record_name(row.flow, row.source_id, row.target_id))

    @admin.display(description="Flow")
    def flow_name(self, row: SyncLog) -> str:
        """In words."""
        return flow_labels().get(row.flow, row.flow)

    @admin.display(description="Tenant")
    def tenant(self, row: SyncLog) -> html.Html:
        """Whose, in a word."""
        return html.door(row.integration, row.integration.tenant.name)

    @admin.display(description="Outcome")
    def result(self, row: SyncLog) -> html.Badge:
        """In words."""
        return html.badge("outcome", row.outcome)

    @admin.display(description="What and why")
    def what(self, row: SyncLog) -> str:
        """Action, reason and the fields that changed, in a line."""
        names = [mask_key(name) for name in row.changes if len(name) < 30]
        fields = f"{len(row.changes)} fields" if len(names) < len(row.changes) else ", ".join(names[:4])
        more = ", …" if len(names) == len(row.changes) > 4 else ""
        parts = (row.action.replace("_", " "), html.reason_line(row.reason, row.integration.recipe), fields + more)
        return capfirst(" · ".join(part for part in parts if part)) or html.EMPTY

    @admin.display(description="What and why")
    def why(self, row: SyncLog) -> html.Html:
        """The reason with cause and fix, or the action."""
        return (
            format_html(
                "{}<div>{}</div>",
                html.reason(row.reason, row.detail, row.integration.recipe),
                fixes.doors(row.reason, row.integration),
            )
            if row.reason or row.detail
            else capfirst(row.action.replace("_", " "))
        )

    @admin.display(description="Fields")
    def fields_changed(self, row: SyncLog) -> html.Html:
        """Old and new values."""
        return changes(row.changes, labels_of([row.integration]))

    @admin.display(description="When")
    def took_place(self, row: SyncLog) -> html.Html:
        """When it was done."""
        return html.when(row.created_at)

    @admin.display(description="Integration")
    def integration_name(self, row: SyncLog) -> html.Html:
        """Whose."""
        return html.door(row.integration)

    @admin.display(description="Event")
    def event_door(self, row: SyncLog) -> html.Html:
        """The notification that asked for it."""
        return html.door(row.event, f"#{row.event.pk} {row.event}") if row.event else html.EMPTY

    @admin.display(description="Job")
    def job_door(self, row: SyncLog) -> html.Html:
        """The job that did it."""
        return html.door(row.job)

    @admin.display(description="Run")
    def run_door(self, row: SyncLog) -> html.Html:
        """The run that did it."""
        return html.door(row.run)

    @admin.display(description="Record link")
    def link_door(self, row: SyncLog) -> html.Html:
        """The pair of records."""
        return html.door(link_of(row))

    @admin.display(description="Call")
    def call_door(self, row: SyncLog) -> html.Html:
        """Method, path, status and time."""
        if row.call is None:
            return "None was needed, or it is older than calls are kept."
        return format_html(
            "{} {} {} ms", html.door(row.call, asked(row.call)), status_badge(row.call.status),
            row.call.ms,
        )  # fmt: skip

    @admin.display(description="Sent (redacted)")
    def request_text(self, row: SyncLog) -> html.Html:
        """What we sent."""
        return html.block(row.call.request if row.call else "")

    @admin.display(description="Received (redacted)")
    def response_text(self, row: SyncLog) -> html.Html:
        """What came back."""
        return html.block(row.call.response if row.call else "")

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Button]:
        """Only while there is something to sync with."""
        there = installed(SyncLog.objects.filter(pk=number_or_none(object_id) or 0)).exists()
        return super().get_actions_detail(request, object_id) if there else []

    @object_action("Sync again", icon="autorenew", variant="primary")
    def sync_again(self, request: HttpRequest, row: SyncLog) -> HttpResponse:
        """This record, read afresh."""
        if request.method != "POST":
            back = html.url_of(row)
            title = f"Sync {mask_id(row.source_id)} again"
            return page(self, request, title=title, says=RESYNC_SAYS, verb="Sync again", back=back)
        resync([(row.integration, row.flow, row.source_id)])
        note(request, SyncLog, "Synced again", row)
        self.message_user(request, "It is being read afresh; the newest row of the record shows the result.")
        return HttpResponseRedirect(f"{reverse('console-find')}?{urlencode({'q': row.source_id})}")

    @admin.action(description="Resync: read again and bring up to date", permissions=["operate"])
    def resync(self, request: HttpRequest, queryset: QuerySet[SyncLog]) -> HttpResponse | None:
        """Queue the rows' records."""

        def records(rows: Sequence[SyncLog]) -> list[tuple[Integration, str, str]]:
            integrations = Integration.objects.in_bulk({row.integration_id for row in rows})
            return [(integrations[row.integration_id], row.flow, row.source_id) for row in rows]

        return bulk(self, request, queryset, "resync", resync_of(records))
