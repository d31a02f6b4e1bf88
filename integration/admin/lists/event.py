"""Events: every verified notification as it came in, what became of it, and Replay."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.admin.core import html
from integration.admin.core.actions import Bulk, bulk
from integration.admin.core.base import BigTable, ReasonFilter, SinceFilter, recent
from integration.admin.core.masking import mask_id
from integration.admin.core.unfold_compat import DropdownFilter
from integration.engine.insight.code_words import noun, words
from integration.engine.sync import replay
from integration.engine.sync.bulk_runs import start_replay
from integration.models import Connection, WebhookEvent
from integration.recipes.registry import get_recipe


class ReceivedFilter(SinceFilter):
    """By the time of receipt."""

    field = "received_at"


class ConnectionFilter(DropdownFilter):
    """By connection, named with its tenant."""

    title = "connection"
    parameter_name = "connection"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """All connections in one query, without their credentials."""
        rows = Connection.objects.select_related("tenant").defer("credentials").order_by("tenant__name", "vendor")
        return [(str(row.pk), f"{row.tenant}, {row}") for row in rows[:500]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Rows of this connection."""
        return queryset.filter(connection_id=self.value()) if self.value() else queryset


@admin.register(WebhookEvent)
class EventAdmin(BigTable):
    """The inbox."""

    list_display = ("number", "vendor_event", "record", "tenant", "result", "received")
    list_filter = (ReceivedFilter, "state", ConnectionFilter, ReasonFilter)
    list_select_related = ("connection__tenant",)
    actions = ("replay",)
    empty_text = _("No event yet. Change a person in a connected CRM; the notification shows up here within seconds.")
    fieldsets = (
        (None, {"fields": ("what", "record", "tenant", "result", "received", "occurred", "routed")}),
        (_("Where it went"), {"fields": ("jobs", "log")}),
        (_("As the vendor sent it"), {"fields": ("payload_text", "key")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Without the connections' credentials."""
        return super().get_queryset(request).select_related("connection__tenant").defer("connection__credentials")

    @admin.display(description=_("Event"))
    def number(self, event: WebhookEvent) -> str:
        """Our number of the event."""
        return f"#{event.pk}"

    @admin.display(description=_("Kind"))
    def what(self, event: WebhookEvent) -> str:
        """The vendor's word for it."""
        return gettext("{event} from {account}").format(event=event.vendor_event, account=event.connection)

    @admin.display(description=_("Record"))
    def record(self, event: WebhookEvent) -> str:
        """Which record it speaks of."""
        return f"{noun(event.object_type)} {mask_id(event.external_id)}".strip()

    @admin.display(description=_("Tenant"))
    def tenant(self, event: WebhookEvent) -> html.Html:
        """Whose account."""
        return html.door(event.connection, str(event.connection.tenant))

    @admin.display(description=_("Result"))
    def result(self, event: WebhookEvent) -> html.Html:
        """What became of it, and why when nothing did."""
        reason = html.reason_line(event.reason)
        return format_html("{} {}", html.badge("event", event.state), reason)

    @admin.display(description=_("Received"))
    def received(self, event: WebhookEvent) -> html.Html:
        """When it came in."""
        return html.when(event.received_at)

    @admin.display(description=_("Happened at the vendor"))
    def occurred(self, event: WebhookEvent) -> html.Html:
        """The vendor's own time."""
        return html.when(event.occurred_at)

    @admin.display(description=_("Routed"))
    def routed(self, event: WebhookEvent) -> html.Html:
        """When it became jobs."""
        return html.when(event.routed_at)

    @admin.display(description=_("Jobs"))
    def jobs(self, event: WebhookEvent) -> html.Html:
        """The jobs it was collected into; a newer event of the same record takes a job over."""
        rows = [(html.door(job), html.badge("job", job.state)) for job in recent(event.jobs.all())]
        return html.table(
            (gettext("Job"), gettext("State")),
            rows,
            gettext("None, or a newer event of the same record took the job over."),
        )

    @admin.display(description=_("Log"))
    def log(self, event: WebhookEvent) -> html.Html:
        """What was done because of it."""
        rows = [
            (html.door(row), html.badge("outcome", row.outcome),
             words(row.action) if row.action else html.reason_line(row.reason, row.integration.recipe))
            for row in recent(event.log.select_related("integration"))
        ]  # fmt: skip
        return html.table((gettext("Record"), gettext("Outcome"), gettext("What")), rows, gettext("Nothing yet."))

    @admin.display(description=_("Payload"))
    def payload_text(self, event: WebhookEvent) -> html.Html:
        """The body."""
        return html.pretty(event.payload)

    @admin.display(description=_("Dedupe key"))
    def key(self, event: WebhookEvent) -> str:
        """What makes two deliveries the same event."""
        return mask_id(event.dedupe_key)

    @admin.action(description=_("Replay: process again"), permissions=["operate"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> HttpResponse | None:
        """Route them again."""
        says = (
            gettext(
                "These events are routed once more. Their records are read again from the vendor, so an old event"
                " cannot overwrite a newer change."
            ),
            gettext("Records that are already in sync are skipped without a write. No opt-in email is sent twice."),
        )
        what = Bulk(
            gettext("Replay events"),
            gettext("Replay"),
            says,
            replay.replay,
            gettext("{count} events are processed again."),
            none=gettext("No integration listens to these events."),
            as_runs=lambda events, user: start_replay(events, get_recipe, user),
        )
        return bulk(self, request, queryset, "replay", what)
