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
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from integration.admin.core import fixes, html
from integration.admin.core.actions import Bulk, bulk, page
from integration.admin.core.base import BigTable, IntegrationFilter, ReasonFilter, SinceFilter, newest, object_action
from integration.admin.core.labels import changes, labels_of
from integration.admin.core.masking import mask_id, mask_key
from integration.admin.core.search import flow_labels, number_or_none, record_name
from integration.admin.core.unfold_compat import Button, DropdownFilter
from integration.admin.lists.call import asked, status_badge
from integration.engine.insight.code_words import words
from integration.engine.sync.bulk_runs import resync, start_resync
from integration.models import Drift, Integration, RecordLink, State, SyncLog
from integration.recipes.registry import get_recipe
from tenants import audit

RESYNC_SAYS = (
    _(
        "The source records are read again and brought up to date in their flow. Records that are already in sync are "
        "skipped without a write."
    ),
    _("Unsubscribed people stay unsubscribed, and nobody gets an opt-in email twice."),
)
M = TypeVar("M", bound=Model)
RESYNC_DONE = _("{count} records are being read again. The log shows the result.")


class FlowFilter(DropdownFilter):
    """By flow, within the newest rows."""

    title = _("flow (newest 100,000)")
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
        gettext("Resync records"),
        gettext("Resync"),
        RESYNC_SAYS,
        lambda rows: resync(records(rows)),
        RESYNC_DONE,
        eligible=installed,
        none=gettext("Their integrations are uninstalled; there is nothing to bring up to date."),
        as_runs=lambda rows, user: start_resync(records(rows), user),
    )


def link_of(row: SyncLog | Drift) -> RecordLink | None:
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
    empty_text = _("Nothing synced yet. Create a person with Newsletter = Yes; the row shows up here within seconds.")
    fieldsets = (
        (_("What happened"), {"fields": ("record", "flow_name", "result", "why", "fields_changed", "took_place")}),
        (_("Origin"), {"fields": ("integration_name", "event_door", "job_door", "run_door", "link_door")}),
        (_("Vendor call that decided it"), {"fields": ("call_door", "request_text", "response_text")}),
    )

    @admin.display(description=_("Record"))
    def record(self, row: SyncLog) -> str:
        """Both ids."""
        return capfirst(record_name(row.flow, row.source_id, row.target_id))

    @admin.display(description=_("Flow"))
    def flow_name(self, row: SyncLog) -> str:
        """In words."""
        return flow_labels().get(row.flow, row.flow)

    @admin.display(description=_("Tenant"))
    def tenant(self, row: SyncLog) -> html.Html:
        """Whose, in a word."""
        return html.door(row.integration, row.integration.tenant.name)

    @admin.display(description=_("Outcome"))
    def result(self, row: SyncLog) -> html.Badge:
        """In words."""
        return html.badge("outcome", row.outcome)

    @admin.display(description=_("What and why"))
    def what(self, row: SyncLog) -> str:
        """Action, reason and the fields that changed, in a line."""
        names = [mask_key(name) for name in row.changes if len(name) < 30]
        fields = ", ".join(names[:4])
        if len(names) < len(row.changes):
            text = ngettext("{count} field", "{count} fields", len(row.changes))
            fields = text.format(count=len(row.changes))
        more = ", …" if len(names) == len(row.changes) > 4 else ""
        parts = (words(row.action), html.reason_line(row.reason, row.integration.recipe), fields + more)
        return capfirst(" · ".join(part for part in parts if part)) or html.EMPTY

    @admin.display(description=_("What and why"))
    def why(self, row: SyncLog) -> html.Html:
        """The reason with cause and fix, or the action."""
        return (
            format_html(
                "{}<div>{}</div>",
                html.reason(row.reason, row.detail, row.integration.recipe),
                fixes.doors(row.reason, row.integration),
            )
            if row.reason or row.detail
            else words(row.action)
        )

    @admin.display(description=_("Fields"))
    def fields_changed(self, row: SyncLog) -> html.Html:
        """Old and new values."""
        return changes(row.changes, labels_of([row.integration]))

    @admin.display(description=_("When"))
    def took_place(self, row: SyncLog) -> html.Html:
        """When it was done."""
        return html.when(row.created_at)

    @admin.display(description=_("Integration"))
    def integration_name(self, row: SyncLog) -> html.Html:
        """Whose."""
        return html.door(row.integration)

    @admin.display(description=_("Event"))
    def event_door(self, row: SyncLog) -> html.Html:
        """The notification that asked for it."""
        return html.door(row.event, f"#{row.event.pk} {row.event}") if row.event else html.EMPTY

    @admin.display(description=_("Job"))
    def job_door(self, row: SyncLog) -> html.Html:
        """The job that did it."""
        return html.door(row.job)

    @admin.display(description=_("Run"))
    def run_door(self, row: SyncLog) -> html.Html:
        """The run that did it."""
        return html.door(row.run)

    @admin.display(description=_("Record link"))
    def link_door(self, row: SyncLog) -> html.Html:
        """The pair of records."""
        return html.door(link_of(row))

    @admin.display(description=_("Call"))
    def call_door(self, row: SyncLog) -> html.Html:
        """Method, path, status and time."""
        if row.call is None:
            return gettext("None was needed, or it is older than calls are kept.")
        return format_html(
            "{} {} {} ms", html.door(row.call, asked(row.call)), status_badge(row.call.status),
            row.call.ms,
        )  # fmt: skip

    @admin.display(description=_("Sent (redacted)"))
    def request_text(self, row: SyncLog) -> html.Html:
        """What we sent."""
        return html.block(row.call.request if row.call else "")

    @admin.display(description=_("Received (redacted)"))
    def response_text(self, row: SyncLog) -> html.Html:
        """What came back."""
        return html.block(row.call.response if row.call else "")

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Button]:
        """Only while there is something to sync with."""
        there = installed(SyncLog.objects.filter(pk=number_or_none(object_id) or 0)).exists()
        return super().get_actions_detail(request, object_id) if there else []

    @object_action(_("Sync again"), icon="autorenew", variant="primary")
    def sync_again(self, request: HttpRequest, row: SyncLog) -> HttpResponse:
        """This record, read afresh."""
        if request.method != "POST":
            back = html.url_of(row)
            title = gettext("Sync {source_id} again").format(source_id=mask_id(row.source_id))
            return page(self, request, title=title, says=RESYNC_SAYS, verb=gettext("Sync again"), back=back)
        resync([(row.integration, row.flow, row.source_id)])
        audit.record("Synced again", row)
        self.message_user(
            request, gettext("The record is being read again; the newest row of the record shows the result.")
        )
        return HttpResponseRedirect(f"{reverse('console-find')}?{urlencode({'q': row.source_id})}")

    @admin.action(description=_("Resync: read again and bring up to date"), permissions=["operate"])
    def resync(self, request: HttpRequest, queryset: QuerySet[SyncLog]) -> HttpResponse | None:
        """Queue the rows' records."""

        def records(rows: Sequence[SyncLog]) -> list[tuple[Integration, str, str]]:
            integrations = Integration.objects.in_bulk({row.integration_id for row in rows})
            return [(integrations[row.integration_id], row.flow, row.source_id) for row in rows]

        return bulk(self, request, queryset, "resync", resync_of(records))
