"""How the console shows a status: a badge with colour and sign, its reasons, and the filter's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from integration.admin.core import html
from integration.admin.core.html import Badge
from integration.admin.core.masking import mask, mask_words
from integration.engine.insight.status import Issue, Mend, Status, SyncState, connection_status, statuses
from integration.engine.setup.provisioning import StepResult
from integration.models import Connection, Integration, State, SyncJob
from integration.recipes.registry import get_recipe

BADGES: Mapping[SyncState, Badge] = {
    SyncState.NEEDS_ATTENTION: Badge(html.AMBER, "error", SyncState.NEEDS_ATTENTION.label),
    SyncState.CATCHING_UP: Badge(html.BLUE, "autorenew", SyncState.CATCHING_UP.label),
    SyncState.IN_SYNC: Badge(html.GREEN, "check_circle", SyncState.IN_SYNC.label),
    SyncState.PAUSED: Badge(html.GREY, "pause_circle", SyncState.PAUSED.label),
    SyncState.SETTING_UP: Badge(html.GREY, "construction", SyncState.SETTING_UP.label),
    SyncState.REMOVED: Badge(html.GREY, "delete", SyncState.REMOVED.label),
    SyncState.UNCHECKED: Badge(html.GREY, "help", SyncState.UNCHECKED.label),
    SyncState.DISCONNECTED: Badge(html.GREY, "link_off", SyncState.DISCONNECTED.label),
}
COUNTED = tuple(BADGES)[:5]  # those of an integration that is not uninstalled


def with_connections(rows: QuerySet[Integration]) -> QuerySet[Integration]:
    """Load what a status needs in the same query; never the connections' credentials."""
    rows = rows.select_related("tenant", "left", "right", "paused_by")
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
    """Name the state of a connection."""
    return BADGES[connection_status(connection).state]


def keys_in(state: SyncState) -> list[UUID]:
    """The keys of the integrations in this state; there are few enough to look at each."""
    found = statuses_of(with_connections(Integration.objects.exclude(state=State.UNINSTALLED)))
    return [pk for pk, status in found.items() if status.state == state]


def issue_line(row: Integration, issue: Issue) -> html.Html:
    """One reason with its fix; the vendor's own words are masked, jobs are a link."""
    what = format_html("{} {}", issue.what, mask_words(issue.detail)) if issue.detail else issue.what
    if issue.mend in (Mend.JOBS, Mend.DECIDE):
        address = html.url_of_list(SyncJob, integration=row.pk, state=issue.job_state, reason=issue.code)
        what = format_html('<a class="text-link" href="{}">{}</a>', address, what)
    return format_html('{} <span class="ls-quiet">{}</span>', what, issue.fix)


def issue_list(row: Integration, status: Status) -> html.Html:
    """All reasons, worst first, and what goes on by itself."""
    lines = ((issue_line(row, issue),) for issue in (*status.issues, *status.progress))
    items = format_html_join("", "<li>{}</li>", lines)
    return format_html('<ul class="ls-reasons">{}</ul>', items) if items else gettext("Nothing.")


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
