"""How the portal shows a status: one sentence a person would say, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from integration.engine.insight import headline
from integration.engine.insight.issues import Issue, Mend, Status, SyncState
from integration.engine.insight.status import connection_statuses
from integration.models import Connection, Integration, JobState, Outcome, SyncJob, SyncLog
from integration.ui import hourly_chart

DAY = timedelta(hours=24)
CHARTED = (Outcome.SYNCED, Outcome.SKIPPED, Outcome.FAILED)
# The sign and the tone of each state; a tone is never shown without the sign and the word.
SIGNS: Mapping[SyncState, tuple[str, str]] = {
    SyncState.IN_SYNC: ("✓", "green"),
    SyncState.CATCHING_UP: ("↻", "blue"),
    SyncState.DELAYED: ("◷", "amber"),
    SyncState.NEEDS_ATTENTION: ("!", "amber"),
    SyncState.READY: ("○", "grey"),
    SyncState.PAUSED: ("‖", "grey"),
    SyncState.SETTING_UP: ("○", "grey"),
    SyncState.REMOVED: ("○", "grey"),
}
# Which page of the portal mends an issue, and what its link is called.
PAGES: Mapping[Mend, tuple[str, StrOrPromise]] = {
    Mend.ACCOUNT: ("settings", _("Go to the account")),
    Mend.SETTINGS: ("settings", _("Settings")),
    Mend.MAPPING: ("fields", _("Fields")),
    Mend.DECIDE: ("brakes", _("Decide")),
    Mend.JOBS: ("waiting", _("See which")),
    Mend.DRIFT: ("drift", _("See the differences")),
    Mend.VENDOR: ("activity", _("Activity")),
    Mend.OPERATOR: ("waiting", _("See what waits")),
    Mend.TIME: ("waiting", _("See what waits")),
}


@dataclass(frozen=True)
class Shown:
    """A status as a page shows it: one word with its sign, one sentence, and what to do (empty when nothing is)."""

    word: str
    sign: str
    tone: str
    sentence: str
    fix: str = ""


def shown(integration: Integration, status: Status) -> Shown:
    """Put a status into one sentence, the worst news first."""
    sign, tone = SIGNS[status.state]
    said = headline.sentence(integration, status)
    return Shown(str(status.state.label), sign, tone, said.sentence, said.fix)


def numbers(integration: Integration) -> dict[str, int]:
    """Synced, skipped, failed of the last 24 hours, and what waits now."""
    since = timezone.now() - DAY
    rows = SyncLog.objects.filter(integration=integration, created_at__gte=since)
    counts = {row["outcome"]: row["n"] for row in rows.values("outcome").annotate(n=Count("id"))}
    return {**{str(outcome): counts.get(outcome, 0) for outcome in CHARTED}, "waiting": unfinished(integration).count()}


def unfinished(integration: Integration) -> QuerySet[SyncJob]:
    """Jobs that still have to be worked off, now or once somebody has acted."""
    states = (JobState.WAITING, JobState.RUNNING, JobState.HELD)
    return SyncJob.objects.filter(integration=integration, state__in=states)


def chart(integration: Integration) -> list[hourly_chart.Bar]:
    """The last 24 hours in the tenant's zone. Empty when nothing happened."""
    rows = SyncLog.objects.filter(integration=integration)
    return hourly_chart.bars(rows, "created_at", integration.tenant.zone, "outcome", CHARTED)


@dataclass(frozen=True)
class Account:
    """One of the two connections: its state in a word, and what slows its calls."""

    connection: Connection
    word: str
    slow: str


def accounts(integration: Integration) -> list[Account]:
    """Both connections, left one first."""
    sides = (integration.left, integration.right)
    found = connection_statuses(sides)
    return [
        Account(side, str(found[side.pk].state.label), " ".join(issue.what for issue in found[side.pk].delays))
        for side in sides
    ]


@dataclass(frozen=True)
class Need:
    """Something a person must do: what is the matter, what to do, and where."""

    said: str
    fix: str
    link: str = ""
    page: str = ""  # the portal page that helps; empty where none does
    query: str = ""


def needs(status: Status) -> list[Need]:
    """List what waits for a person, worst first, with the page that helps."""
    return [_need(issue) for issue in status.issues]


def delays(status: Status) -> list[Need]:
    """List what delays the work although nobody has to act, with the page that shows what waits."""
    return [_need(issue) for issue in status.delays]


def _need(issue: Issue) -> Need:
    page, link = PAGES[issue.mend]
    query = ""
    if issue.job_state and issue.mend == Mend.JOBS:
        reason = {"reason": issue.code} if issue.job_state != JobState.WAITING else {}
        query = f"?{urlencode({'state': issue.job_state, **reason})}"
    return Need(issue.sentence, issue.fix, str(link), page, query)
