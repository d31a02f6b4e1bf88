"""The front page: one sentence that says how it is, then numbers, each a door to the rows it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from config.pages import PageContext
from integration.admin.core import html
from integration.admin.core.base import since
from integration.admin.core.search import record_name
from integration.admin.lists.job import in_state
from integration.admin.lists.run import progress
from integration.admin.pages import dashboard_figures
from integration.admin.status import BADGES, COUNTED, connection_badge, issue_line, statuses_of, with_connections
from integration.engine.dispatch import heartbeat, sweeper
from integration.engine.insight import headline
from integration.engine.insight.code_words import words
from integration.engine.insight.issues import Mend, Status, SyncState
from integration.models import (
    Connection,
    Health,
    Integration,
    RunState,
    State,
    SyncJob,
    SyncLog,
    SyncRun,
    WebhookEvent,
)
from tenants.models import Tenant

CAP = 10_000  # where counting stops
DAY = timedelta(hours=24)
LATEST = 6


@dataclass(frozen=True)
class Number:
    """One number with its name, and the list behind it."""

    figure: str
    label: html.Badge | str
    address: str

    @property
    def name(self) -> html.Badge | str:
        """The label; a zero needs no colour."""
        grey = isinstance(self.label, html.Badge) and self.figure == "0"
        return replace(self.label, tone=html.GREY) if grey and isinstance(self.label, html.Badge) else self.label


@dataclass(frozen=True)
class Attention:
    """A connection or integration somebody must look at."""

    address: str
    title: str
    badge: html.Badge
    said: html.Html
    since: html.Html = ""


@dataclass(frozen=True)
class LogLine:
    """A row of the log in short."""

    address: str
    when: html.Html
    badge: html.Badge
    title: str
    tenant: Tenant
    what: str


@dataclass(frozen=True)
class RunLine:
    """A run under way."""

    address: str
    title: str
    progress: html.Html


def front(request: HttpRequest, context: PageContext) -> PageContext:
    """Everything the front page shows, to those who may see the log."""
    if not request.user.has_perm("integration.view_synclog"):
        return context
    rows = list(with_connections(Integration.objects.exclude(state=State.UNINSTALLED)))
    found = statuses_of(rows)
    counts = Counter(status.state for status in found.values())
    waiting = sweeper.oldest_waiting_seconds()
    said, worst = headline.of_hub([(row, found[row.pk]) for row in rows])
    tone, icon = SIGNS[worst]
    return {
        **context, "title": gettext("Today"), "lead": f"{said.sentence} {said.fix}".strip(), "tone": tone, "icon": icon,
        "attention": _attention(rows, found), "integrations": _integrations(counts), "last_day": _last_day(),
        "jobs": _jobs(waiting), "runs": _runs(), "latest": _latest(), "charts": dashboard_figures.charts(),
        "vendors": dashboard_figures.vendors(), "workers": dashboard_figures.workers(), "heartbeat": _heartbeat(),
    }  # fmt: skip


# Tone and sign of the hub's sentence. Only here nothing at all may be installed, and a missing worker is everybody's.
SIGNS: Mapping[SyncState | None, tuple[str, str]] = {
    None: (html.GREY, "flag"),
    **{state: (badge.tone, badge.icon) for state, badge in BADGES.items()},
}


def _heartbeat() -> str:
    last = heartbeat.heard().last
    return html.ago(last) if last else ""


def capped(rows: QuerySet[Model]) -> str:
    """How many there are, up to a limit; the table behind may be large."""
    return html.number(len(rows.order_by().values_list("pk", flat=True)[: CAP + 1]), cap=CAP)


def _integrations(counts: Counter[SyncState]) -> list[Number]:
    return [
        Number(str(counts[state]), BADGES[state], html.url_of_list(Integration, status=state))
        for state in COUNTED
        if counts[state]
    ]


def _last_day() -> list[Number]:
    numbers = [
        Number(
            capped(since(WebhookEvent.objects.all(), "received_at", DAY)), gettext("Events"),
            html.url_of_list(WebhookEvent, since="24h"),
        )
    ]  # fmt: skip
    rows = since(SyncLog.objects.all(), "created_at", DAY)
    for outcome in ("synced", "skipped", "failed"):
        address = html.url_of_list(SyncLog, since="24h", outcome__exact=outcome)
        numbers.append(Number(capped(rows.filter(outcome=outcome)), html.badge("outcome", outcome), address))
    return numbers


def _jobs(waiting: float) -> list[Number]:
    numbers = [
        Number(
            capped(in_state(SyncJob.objects.all(), state)), html.badge("job", state),
            html.url_of_list(SyncJob, state=state),
        )
        for state in ("waiting", "held", "dead")
    ]  # fmt: skip
    oldest = html.duration(waiting) if waiting >= 1 else gettext("none")
    return [*numbers, Number(oldest, gettext("Oldest waiting"), html.url_of_list(SyncJob, state="waiting"))]


def _attention(rows: list[Integration], statuses: Mapping[UUID, Status]) -> list[Attention]:
    """Connections and integrations a person must look at, with cause and fix."""
    broken = Connection.objects.select_related("tenant").defer("credentials").filter(health=Health.NEEDS_YOU)
    found = [
        Attention(
            html.url_of(row), f"{row.tenant}, {row}", connection_badge(row),
            html.reason(row.health_reason, row.health_detail), html.when(row.health_changed_at),
        )
        for row in broken[:20]
    ]  # fmt: skip
    for row in rows:
        status = statuses[row.pk]
        issues = [issue for issue in status.wrong if issue.mend != Mend.ACCOUNT]  # the connection says that itself
        if status.state in (SyncState.NEEDS_ATTENTION, SyncState.DELAYED) and issues:
            said = issue_line(row, issues[0])
            found.append(Attention(html.url_of(row), str(row), BADGES[status.state], said))
    return found[:20]


def _latest() -> list[LogLine]:
    """The newest rows of the log, to see that it lives."""
    rows = SyncLog.objects.select_related("integration__tenant").order_by("-id")[:LATEST]
    return [
        LogLine(
            address=html.url_of(row), when=html.when(row.created_at), badge=html.badge("outcome", row.outcome),
            title=record_name(row.flow, row.source_id, row.target_id), tenant=row.integration.tenant,
            what=html.reason_line(row.reason, row.integration.recipe) or words(row.action),
        )
        for row in rows
    ]  # fmt: skip


def _runs() -> list[RunLine]:
    rows = SyncRun.objects.select_related("integration__tenant").filter(
        state__in=(RunState.WAITING, RunState.RUNNING), created_at__gt=timezone.now() - timedelta(days=30)
    )
    return [RunLine(html.url_of(run), f"{run} · {run.integration}", progress(run)) for run in rows.order_by("-id")[:10]]
