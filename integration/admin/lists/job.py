"""Jobs: the wish to bring one record up to date. Dead and held ones can be released."""

from __future__ import annotations

from typing import TypeVar

from django.contrib import admin, messages
from django.db.models import F, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.admin.core import fixes, html
from integration.admin.core.actions import Bulk, bulk, page
from integration.admin.core.base import BigTable, IntegrationFilter, ReasonFilter, object_action, recent
from integration.admin.core.search import flow_labels, number_or_none, record_name
from integration.admin.core.unfold_compat import Button, DropdownFilter
from integration.engine.insight.code_words import words
from integration.engine.sync import replay
from integration.models import Integration, JobState, SyncJob, Unfinished
from tenants import audit

M = TypeVar("M", bound=Model)


def in_state(jobs: QuerySet[M], state: str) -> QuerySet[M]:
    """Jobs in an unfinished state, asked in the words of the partial indexes so that they are used."""
    jobs = jobs.filter(integration__in=Integration.objects.order_by().values("pk"), state=state)
    return jobs if state == JobState.WAITING else jobs.filter(Unfinished(F("state")))


class StateFilter(DropdownFilter):
    """By state."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """Every state, those that need somebody first."""
        return [(str(state), str(state.label)) for state in (JobState.DEAD, JobState.HELD, JobState.WAITING,
                JobState.RUNNING, JobState.DONE)]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Jobs in this state."""
        state = self.value() or ""
        if state == JobState.DONE:
            return queryset.filter(state=state)
        return in_state(queryset, state) if state else queryset


@admin.register(SyncJob)
class JobAdmin(BigTable):
    """One row per record and flow."""

    list_display = ("record", "flow_name", "tenant", "state_badge", "why", "attempts", "next_try", "updated")
    list_filter = (StateFilter, IntegrationFilter, ReasonFilter)
    list_select_related = ("integration__tenant",)
    actions = ("release",)
    actions_detail = ("try_again",)
    empty_text = _("No job here. Every change at a vendor becomes one; it is done within seconds.")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "record",
                    "flow_name",
                    "integration_name",
                    "state_badge",
                    "why_in_full",
                    "attempts_said",
                    "next_try",
                )
            },
        ),
        (_("Where it came from"), {"fields": ("event_door", "created", "updated", "hint_text")}),
        (_("What was done"), {"fields": ("log",)}),
    )

    @admin.display(description=_("Record"))
    def record(self, job: SyncJob) -> str:
        """Which record."""
        return capfirst(record_name(job.flow, job.external_id))

    @admin.display(description=_("Flow"))
    def flow_name(self, job: SyncJob) -> str:
        """In words."""
        return flow_labels().get(job.flow, job.flow)

    @admin.display(description=_("Tenant"))
    def tenant(self, job: SyncJob) -> html.Html:
        """Whose, in a word."""
        return html.door(job.integration, job.integration.tenant.name)

    @admin.display(description=_("Integration"))
    def integration_name(self, job: SyncJob) -> html.Html:
        """Whose."""
        return html.door(job.integration)

    @admin.display(description=_("State"))
    def state_badge(self, job: SyncJob) -> html.Badge:
        """In words."""
        return html.badge("job", job.state)

    @admin.display(description=_("Why"))
    def why(self, job: SyncJob) -> str:
        """The reason in a line."""
        return html.reason_line(job.reason, job.integration.recipe)

    @admin.display(description=_("Why"))
    def why_in_full(self, job: SyncJob) -> html.Html:
        """The reason with cause, fix and the button for it."""
        return format_html(
            "{}<div>{}</div>",
            html.reason(job.reason, job.detail, job.integration.recipe),
            fixes.doors(job.reason, job.integration),
        )

    @admin.display(description=_("Tries"))
    def attempts_said(self, job: SyncJob) -> str:
        """How often it was tried, and how often a worker died over it."""
        text = gettext("{attempts} tries, of which a stopped worker ended {crashes}")
        return text.format(attempts=job.attempts, crashes=job.crashes)

    @admin.display(description=_("Next try"))
    def next_try(self, job: SyncJob) -> html.Html:
        """When it is due, while it waits."""
        return html.when(job.next_attempt_at) if job.state == JobState.WAITING else html.EMPTY

    @admin.display(description=_("Changed"))
    def updated(self, job: SyncJob) -> html.Html:
        """Last change."""
        return html.when(job.updated_at)

    @admin.display(description=_("First seen"))
    def created(self, job: SyncJob) -> html.Html:
        """First wish for this record."""
        return html.when(job.created_at)

    @admin.display(description=_("Last event"))
    def event_door(self, job: SyncJob) -> html.Html:
        """The newest event collected into it."""
        return html.door(job.event)

    @admin.display(description=_("What events said"))
    def hint_text(self, job: SyncJob) -> html.Html:
        """What only the events knew."""
        return html.pretty(job.hint)

    @admin.display(description=_("Log"))
    def log(self, job: SyncJob) -> html.Html:
        """Its history."""
        rows = [
            (
                html.when(row.created_at),
                html.badge("outcome", row.outcome),
                html.door(row, words(row.action) if row.action else gettext("open")),
                html.reason_line(row.reason, job.integration.recipe),
            )
            for row in recent(job.log.all())
        ]
        return html.table(
            (gettext("When"), gettext("Outcome"), gettext("What"), gettext("Reason")), rows, gettext("Nothing yet.")
        )

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Button]:
        """Only for a job that stands still."""
        still = SyncJob.objects.filter(
            pk=number_or_none(object_id) or 0, state__in=(JobState.DEAD, JobState.HELD)
        ).exists()
        return super().get_actions_detail(request, object_id) if still else []

    @object_action(_("Try again"), icon="autorenew", variant="primary")
    def try_again(self, request: HttpRequest, job: SyncJob) -> HttpResponse:
        """Put this one back to waiting."""
        if request.method != "POST":
            says = (gettext("The record is read and synced at once, with all its tries."),)
            return page(
                self,
                request,
                title=gettext("Try {job} again").format(job=job),
                says=says,
                verb=gettext("Try again"),
                back=html.url_of(job),
            )
        replay.release([job])
        audit.record("Tried again", job)
        self.message_user(request, gettext("It is being synced; the log below shows the result."), messages.SUCCESS)
        return HttpResponseRedirect(html.url_of(job))

    @admin.action(description=_("Release: try again now"), permissions=["operate"])
    def release(self, request: HttpRequest, queryset: QuerySet[SyncJob]) -> HttpResponse | None:
        """Put dead and held ones back to waiting."""
        says = (
            gettext("Dead and held jobs go back to waiting with all their tries and are synced at once."),
            gettext("A job whose cause is still there will fail or be held again; nothing is lost by trying."),
        )
        what = Bulk(
            gettext("Release jobs"),
            gettext("Release"),
            says,
            replay.release,
            gettext("{count} jobs are waiting again."),
            eligible=lambda rows: rows.filter(state__in=(JobState.DEAD, JobState.HELD)),
            none=gettext("Only dead and held jobs can be released."),
        )
        return bulk(self, request, queryset, "release", what)
