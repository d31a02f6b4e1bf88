"""How the portal shows a status: one sentence a person would say, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from integration.engine.insight.status import Issue, Mend, Status, SyncState
from integration.models import (
    Integration,
    JobState,
    Outcome,
    RunState,
    State,
    SyncJob,
    SyncLog,
    SyncRun,
    WebhookEndpoint,
)
from integration.templatetags.portal_words import ago
from integration.ui import hourly_chart

DAY = timedelta(hours=24)
CHARTED = (Outcome.SYNCED, Outcome.SKIPPED, Outcome.FAILED)
# The sign and the tone of each state; a tone is never shown without the sign and the word.
SIGNS: Mapping[SyncState, tuple[str, str]] = {
    SyncState.IN_SYNC: ("✓", "green"),
    SyncState.CATCHING_UP: ("↻", "blue"),
    SyncState.NEEDS_ATTENTION: ("!", "amber"),
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
    sentence, fix = _sentence(integration, status)
    return Shown(str(status.state.label), sign, tone, sentence, fix)


def _sentence(integration: Integration, status: Status) -> tuple[str, str]:
    """The sentence and what to do."""
    if status.state == SyncState.REMOVED:
        return gettext("This integration was uninstalled. Its log is kept without personal data."), ""
    if status.state == SyncState.PAUSED and integration.state == State.PAUSED:
        return _paused(integration), gettext("Press Resume to continue.")
    if status.issues:
        worst = status.issues[0]
        return f"{worst.sentence} {_waiting(worst)}".strip(), worst.fix
    if status.state == SyncState.SETTING_UP:
        return gettext("Save the settings to switch it on."), ""
    if status.progress:
        return status.progress[0].sentence, ""
    return gettext("Everything is in sync. {last_event}").format(last_event=last_event(integration)), ""


def _waiting(issue: Issue) -> str:
    """How much waits for an account."""
    if issue.mend != Mend.ACCOUNT:
        return ""
    text = ngettext(
        "{count} change is waiting; nothing is lost.", "{count} changes are waiting; nothing is lost.", issue.count
    )
    return text.format(count=issue.count)


def _paused(integration: Integration) -> str:
    """Who paused it and when, in the tenant's zone."""
    said, when = gettext("Changes are collected and wait; nothing is lost."), integration.paused_at
    day = date_format(when.astimezone(integration.tenant.zone), "j M") if when else ""
    if integration.paused_by and day:
        who = integration.paused_by.get_full_name() or str(integration.paused_by)
        return gettext("Paused by {person}, {day}.").format(person=who, day=day) + f" {said}"
    if day:
        return gettext("Paused, {day}.").format(day=day) + f" {said}"
    return gettext("Paused.") + f" {said}"


def last_event(integration: Integration) -> str:
    """When a vendor last called, in words; of a source that calls nobody, when it was last asked."""
    if integration.left.connector.webhooks is None:
        polls = SyncRun.objects.filter(integration=integration, kind="poll", state=RunState.DONE)
        label, last = integration.left.connector.label, polls.order_by("-id").first()
        asked = last and last.finished_at
        if asked:
            return gettext("Last check of {vendor}: {when}.").format(vendor=label, when=ago(asked))
        return gettext("The first check of {vendor} follows at the next full interval.").format(vendor=label)
    endpoints = WebhookEndpoint.objects.filter(connection__in=(integration.left_id, integration.right_id))
    moments = [moment for moment in endpoints.values_list("last_received_at", flat=True) if moment]
    return gettext("Last event {when}.").format(when=ago(max(moments))) if moments else gettext("No changes yet.")


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


def _need(issue: Issue) -> Need:
    if issue.mend not in PAGES:
        return Need(issue.sentence, issue.fix)
    page, link = PAGES[issue.mend]
    query = f"?{urlencode({'state': issue.job_state, 'reason': issue.code})}" if issue.mend == Mend.JOBS else ""
    return Need(issue.sentence, issue.fix, str(link), page, query)
