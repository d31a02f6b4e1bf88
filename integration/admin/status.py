"""How the console shows a status: a badge with colour and sign, its reasons, and the filter's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from integration.admin.core import html
from integration.admin.core.html import Badge
from integration.admin.core.masking import mask, mask_words
from integration.engine.insight import headline
from integration.engine.insight.issues import Issue, Mend, Status, SyncState
from integration.engine.insight.status import connection_status, connection_statuses, statuses
from integration.engine.setup.provisioning import StepResult
from integration.models import Connection, Drift, DriftState, Integration, JobState, State, SyncJob
from integration.recipes.registry import get_recipe

BADGES: Mapping[SyncState, Badge] = {
    SyncState.NEEDS_ATTENTION: Badge(html.AMBER, "error", SyncState.NEEDS_ATTENTION.label),
    SyncState.DELAYED: Badge(html.AMBER, "schedule", SyncState.DELAYED.label),
    SyncState.CATCHING_UP: Badge(html.BLUE, "autorenew", SyncState.CATCHING_UP.label),
    SyncState.IN_SYNC: Badge(html.GREEN, "check_circle", SyncState.IN_SYNC.label),
    SyncState.READY: Badge(html.GREY, "flag", SyncState.READY.label),
    SyncState.PAUSED: Badge(html.GREY, "pause_circle", SyncState.PAUSED.label),
    SyncState.SETTING_UP: Badge(html.GREY, "construction", SyncState.SETTING_UP.label),
    SyncState.REMOVED: Badge(html.GREY, "delete", SyncState.REMOVED.label),
    SyncState.CONNECTED: Badge(html.GREEN, "check_circle", SyncState.CONNECTED.label),
    SyncState.UNCHECKED: Badge(html.GREY, "help", SyncState.UNCHECKED.label),
    SyncState.DISCONNECTED: Badge(html.GREY, "link_off", SyncState.DISCONNECTED.label),
}
COUNTED = tuple(BADGES)[:7]  # those of an integration that is not uninstalled


def with_connections(rows: QuerySet[Integration]) -> QuerySet[Integration]:
    """Load what a status needs in the same query; never the connections' credentials."""
    rows = rows.select_related("tenant", "left__tenant", "right__tenant", "paused_by")
    return rows.defer("left__credentials", "right__credentials")


def statuses_of(rows: Iterable[Integration]) -> dict[UUID, Status]:
    """Compute the status of each of these integrations, by primary key."""
    return statuses(rows, get_recipe)


def badge(row: Integration, status: Status) -> Badge:
    """Name the state; of a paused integration also who paused it and when."""
    found = BADGES[status.state]
    if row.state != State.PAUSED:
        return found
    day = date_format(row.paused_at, "j M") if row.paused_at else ""
    parts = (found.word, mask(str(row.paused_by)) if row.paused_by else "", day)
    return Badge(found.tone, found.icon, ", ".join(str(part) for part in parts if part))


def connection_badge(connection: Connection) -> Badge:
    """Name the state of a connection; a list has computed it for all its rows at once."""
    status = getattr(connection, "status", None) or connection_status(connection)
    return BADGES[status.state]


def note_connections(connections: Iterable[Connection]) -> None:
    """Compute the statuses of these connections at once, for `connection_badge`."""
    listed = list(connections)
    found = connection_statuses(listed)
    for connection in listed:
        connection.status = found[connection.pk]  # type: ignore[attr-defined]  # read by connection_badge


def connection_said(connection: Connection) -> html.Html:
    """Why a connection is not simply connected: what delays it, or cause and fix."""
    slow = connection_status(connection).delays
    if slow:
        return format_html_join(" ", '{} <span class="ls-quiet">{}</span>', ((row.what, row.fix) for row in slow))
    return html.reason(connection.health_reason, connection.health_detail) if connection.health_reason else ""


def keys_in(state: SyncState) -> list[UUID]:
    """The keys of the integrations in this state; there are few enough to look at each."""
    found = statuses_of(with_connections(Integration.objects.exclude(state=State.UNINSTALLED)))
    return [pk for pk, status in found.items() if status.state == state]


def issue_line(row: Integration, issue: Issue) -> html.Html:
    """One reason with its fix, as a link to where one sees or fixes it; the vendor's own words are masked."""
    what = format_html("{} {}", issue.what, mask_words(issue.detail)) if issue.detail else issue.what
    what = format_html('<a class="text-link" href="{}">{}</a>', _door(row, issue), what)
    return format_html('{} <span class="ls-quiet">{}</span>', what, issue.fix)


def _door(row: Integration, issue: Issue) -> str:
    """The address of the page that helps with an issue."""
    if issue.job_state:
        reason = {} if issue.job_state == JobState.WAITING else {"reason": issue.code}
        return html.url_of_list(SyncJob, integration=row.pk, state=issue.job_state, **reason)
    if issue.mend == Mend.SETTINGS:
        return reverse("admin:integration_integration_settings", args=[row.pk])
    if issue.mend == Mend.MAPPING:
        return f"{html.url_of(row)}#mappings"
    if issue.mend == Mend.DRIFT:
        return html.url_of_list(Drift, integration=row.pk, state=DriftState.OPEN)
    if issue.side:
        connection: Connection = getattr(row, issue.side)
        return html.url_of(connection)
    return html.url_of_list(SyncJob, integration=row.pk, state=JobState.WAITING)


def issue_list(row: Integration, status: Status) -> html.Html:
    """All reasons, worst first, and what goes on by itself; the sentence where there are none."""
    lines = ((issue_line(row, issue),) for issue in (*status.wrong, *status.progress))
    items = format_html_join("", "<li>{}</li>", lines)
    return format_html('<ul class="ls-reasons">{}</ul>', items) if items else headline.sentence(row, status).sentence


def steps(results: Sequence[StepResult], recipe: str) -> html.Html:
    """The visible steps of the last save, each with its result and, where it failed, the cause and the fix."""
    if not results:
        return gettext("Not saved yet. Saving creates fields and webhooks in both apps.")
    rows = (
        (
            "ls-ok" if step.ok else "ls-no", "check_circle" if step.ok else "cancel",
            gettext("Done") if step.ok else gettext("Failed"), step.label,
            mask_words(step.detail) if step.ok else html.reason(step.reason, step.detail, recipe),
        )
        for step in results
    )  # fmt: skip
    items = format_html_join(
        "",
        '<li class="{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span><div>'
        '<span class="ls-hidden">{}: </span><strong>{}</strong><div class="ls-quiet">{}</div></div></li>',
        rows,
    )
    return format_html('<ol class="ls-steps">{}</ol>', items)
