"""Alerts: what is wrong now and what was, with its subject, its fix and the notices sent about it. Only to look at."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.admin.core import html
from integration.admin.core.base import BigTable
from integration.admin.core.masking import mask_words
from integration.admin.core.unfold_compat import DropdownFilter
from integration.engine.alerts import words
from integration.models import Alert, AlertKind, AlertNotice, Integration, NoticeState, State
from integration.recipes.registry import get_recipe

OPEN = html.Badge(html.RED, "notifications_active", _("Open"))
CLOSED = html.Badge(html.GREEN, "check_circle", _("Over"))
NOTICES = {
    NoticeState.WAITING: html.Badge(html.BLUE, "schedule", _("Waiting")),
    NoticeState.SENT: html.Badge(html.GREEN, "check_circle", _("Sent")),
    NoticeState.GIVEN_UP: html.Badge(html.GREY, "block", _("Given up")),
}


class OpenFilter(DropdownFilter):
    """Open ones or those that are over."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """Both."""
        return [("open", gettext("Open")), ("over", gettext("Over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Those."""
        return queryset.filter(resolved_at__isnull=self.value() == "open") if self.value() else queryset


class KindFilter(DropdownFilter):
    """By what is watched."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Model]) -> list[tuple[str, str]]:
        """All kinds."""
        return [(str(value), str(label)) for value, label in AlertKind.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Of this kind."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Alert)
class AlertAdmin(BigTable):
    """The engine opens and closes them."""

    list_display = ("what_said", "state_badge", "kind", "tenant", "opened", "lasted")
    list_filter = (OpenFilter, KindFilter)
    list_select_related = ("tenant",)
    search_fields = ()
    empty_text = _(
        "No alert. Every minute Lockstep looks at connections, waiting changes, failures, workers and silence."
    )
    fieldsets = (
        (None, {"fields": ("what_said", "state_badge", "kind", "opened", "until", "lasted")}),
        (_("What to do"), {"fields": ("why", "subject_door", "diagnosis")}),
        (_("Notices"), {"fields": ("notices_table",)}),
    )

    @admin.display(description=_("What"))
    def what_said(self, row: Alert) -> str:
        """In one line."""
        return str(row)

    @admin.display(description=_("State"))
    def state_badge(self, row: Alert) -> html.Badge:
        """Open or over."""
        return CLOSED if row.resolved_at else OPEN

    @admin.display(description=_("Opened"))
    def opened(self, row: Alert) -> html.Html:
        """When it was noticed."""
        return html.when(row.opened_at)

    @admin.display(description=_("Over since"))
    def until(self, row: Alert) -> html.Html:
        """When it ended."""
        return html.when(row.resolved_at)

    @admin.display(description=_("For how long"))
    def lasted(self, row: Alert) -> str:
        """How long, until now if it is open."""
        return html.duration(((row.resolved_at or timezone.now()) - row.opened_at).total_seconds())

    @admin.display(description=_("Cause and fix"))
    def why(self, row: Alert) -> html.Html:
        """Likely cause and fix."""
        cause, fix = words.why(row, get_recipe, to_owners=False)
        return html.facts([(gettext("Likely cause"), cause), (gettext("What to do"), fix)]) if fix else html.EMPTY

    @admin.display(description=_("Concerns"))
    def subject_door(self, row: Alert) -> html.Html:
        """The row it is about."""
        subject = row.connection or row.integration
        if subject is None:
            return gettext("The hub as a whole.")
        return html.doors([(html.url_of(part), str(part)) for part in (row.tenant, row.connection, row.integration)
                           if part is not None])  # fmt: skip

    @admin.display(description=_("Look closer"))
    def diagnosis(self, row: Alert) -> html.Html:
        """The diagnosis of its integration."""
        if row.integration is None or row.integration.state == State.UNINSTALLED:
            return html.EMPTY
        name = f"admin:{Integration._meta.app_label}_{Integration._meta.model_name}_diagnose"
        return html.doors([(reverse(name, args=[row.integration_id]), gettext("Diagnose"))])

    @admin.display(description=_("Sent"))
    def notices_table(self, row: Alert) -> html.Html:
        """Each notice and what came of it."""
        rows = AlertNotice.objects.filter(alert=row).order_by("-id")[:50]
        cells = [
            (html.when(notice.created_at), f"{notice.get_channel_display()}: {notice.get_moment_display().lower()}",
             _state(notice))
            for notice in rows
        ]  # fmt: skip
        nobody = gettext("Nobody was told: neither EMAIL_URL with ALERT_EMAILS nor ALERT_WEBHOOK_URL is set.")
        return html.table((gettext("When"), gettext("Notice"), gettext("State")), cells, nobody)


def _state(notice: AlertNotice) -> html.Html:
    tries = gettext("{count} tries.").format(count=notice.attempts) if notice.attempts > 1 else ""
    return format_html("{} {} {}", NOTICES[NoticeState(notice.state)], tries, mask_words(notice.problem))
