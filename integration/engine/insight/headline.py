"""A status in one sentence, the same wherever it is read: of one integration, and of the whole hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from integration.engine.dispatch import heartbeat, sweeper
from integration.engine.insight.delays import nothing_lost, of_workers
from integration.engine.insight.evidence import last_comparison
from integration.engine.insight.issues import WORST_FIRST, Issue, Mend, Status, SyncState
from integration.engine.insight.moments import ago, span
from integration.models import Integration, RunState, State, SyncLog, SyncRun


@dataclass(frozen=True)
class Headline:
    """One sentence, and what to do (empty when nothing is)."""

    sentence: str
    fix: str = ""


def sentence(integration: Integration, status: Status) -> Headline:
    """Say how an integration is, the worst first. What delays it is said, too, when somebody has to act as well."""
    if status.state == SyncState.REMOVED:
        return Headline(gettext("This integration was uninstalled. Its log is kept without personal data."))
    if status.state == SyncState.PAUSED and integration.state == State.PAUSED:
        return Headline(_paused(integration), gettext("Press Resume to continue."))
    if status.wrong:
        return Headline(" ".join(_said(issue) for issue in _leading(status)), status.wrong[0].fix)
    if status.state == SyncState.SETTING_UP:
        return Headline(gettext("Save the settings to switch it on."))
    if status.progress:
        return Headline(" ".join(issue.sentence for issue in status.progress))
    if status.state == SyncState.READY:
        return _ready(integration)
    return Headline(_proof(integration))


def of_hub(found: Iterable[tuple[Integration, Status]]) -> tuple[Headline, SyncState | None]:
    """Say how the whole hub is, and the state that decides its colour; None while nothing is installed."""
    pairs = list(found)
    worst = next((state for state in WORST_FIRST if any(status.state == state for _, status in pairs)), None)
    if worst is None:
        text = gettext("Nothing is installed yet. Add a tenant, connect its two apps, then add an integration.")
        return Headline(text), None
    zone = ZoneInfo(settings.TIME_ZONE)
    for issue in of_workers(heartbeat.heard(), sweeper.last_sweep(), timezone.now(), zone):
        return Headline(issue.what, issue.fix), SyncState.DELAYED
    return Headline(_hub_words(worst, [(row, status) for row, status in pairs if status.state == worst])), worst


def _hub_words(worst: SyncState, of_these: Sequence[tuple[Integration, Status]]) -> str:
    count = len(of_these)
    if worst == SyncState.NEEDS_ATTENTION:
        text = ngettext(
            "{count} integration needs attention. Nothing is lost; changes wait.",
            "{count} integrations need attention. Nothing is lost; changes wait.",
            count,
        )
        return text.format(count=count)
    if worst == SyncState.DELAYED:
        text = ngettext("{count} integration is delayed.", "{count} integrations are delayed.", count)
        return f"{text.format(count=count)} {of_these[0][1].delays[0].what}"
    if worst == SyncState.CATCHING_UP:
        waiting = sweeper.oldest_waiting_seconds()
        oldest = timezone.now() - timedelta(seconds=waiting)
        text = gettext("Catching up. The oldest change has waited {time}.") if waiting >= 1 else gettext("Catching up.")
        return text.format(time=span(oldest))
    if worst == SyncState.IN_SYNC:
        return _hub_proof([row for row, _ in of_these])
    if worst == SyncState.READY:
        return gettext("Connected. No record has travelled yet.")
    return gettext("Nothing is switched on.")


def _hub_proof(rows: Sequence[Integration]) -> str:
    compared, last = last_comparison(rows), _last_change(SyncLog.objects.all())
    if len(compared) == len(rows):
        return _compared(last, min(compared.values()))
    text = ngettext(
        "In sync as far as changes tell: {count} integration has not been compared yet.",
        "In sync as far as changes tell: {count} integrations have not been compared yet.",
        len(rows) - len(compared),
    )
    return f"{text.format(count=len(rows) - len(compared))} {_changed(last)}".strip()


def _proof(row: Integration) -> str:
    """What shows that everything is in sync: the last change and the last comparison."""
    compared, last = last_comparison([row]).get(row.pk), _last_change(row.log.all())
    if compared:
        said = _compared(last, compared)
    else:
        text = gettext("In sync as far as changes tell: {left} and {right} have not been compared yet.")
        said = text.format(left=row.left.connector.label, right=row.right.connector.label)
        said = f"{said} {_changed(last)}".strip()
    return f"{said} {_asked(row)}".strip()


def _compared(last: datetime | None, compared: datetime) -> str:
    if last is None:
        return gettext("Everything is in sync. Last comparison {compared}.").format(compared=ago(compared))
    text = gettext("Everything is in sync. Last change {changed}, last comparison {compared}.")
    return text.format(changed=ago(last), compared=ago(compared))


def _changed(last: datetime | None) -> str:
    return gettext("Last change {when}.").format(when=ago(last)) if last else ""


def _last_change(rows: QuerySet[SyncLog]) -> datetime | None:
    """When a record was looked at last because of a change, whatever came of it."""
    return rows.order_by("-id").values_list("created_at", flat=True).first()


def _ready(row: Integration) -> Headline:
    """Connected, and no record has travelled: what is left to do."""
    what = gettext("Connected. No record has travelled yet.")
    fix = gettext("Change a record in {vendor}, or sync existing people with Fetch All.")
    return Headline(f"{what} {_asked(row)}".strip(), fix.format(vendor=row.left.connector.label))


def _asked(row: Integration) -> str:
    """When a source that calls nobody was last asked."""
    if row.left.connector.webhooks is not None:
        return ""
    polls = SyncRun.objects.filter(integration=row, kind="poll", state=RunState.DONE)
    label, last = row.left.connector.label, polls.order_by("-id").first()
    if last and last.finished_at:
        return gettext("Last check of {vendor}: {when}.").format(vendor=label, when=ago(last.finished_at))
    return gettext("The first check of {vendor} follows at the next full interval.").format(vendor=label)


def _leading(status: Status) -> Iterator[Issue]:
    """The worst issue and the worst delay."""
    yield from status.issues[:1]
    yield from status.delays[:1]


def _said(issue: Issue) -> str:
    """An issue, and how much waits for an account."""
    return f"{issue.sentence} {nothing_lost(issue.count)}" if issue.mend == Mend.ACCOUNT else issue.sentence


def _paused(row: Integration) -> str:
    """Who paused it and when, in the tenant's zone."""
    said, when = gettext("Changes are collected and wait; nothing is lost."), row.paused_at
    day = date_format(when.astimezone(row.tenant.zone), "j M") if when else ""
    if row.paused_by and day:
        who = row.paused_by.get_full_name() or str(row.paused_by)
        return gettext("Paused by {person}, {day}.").format(person=who, day=day) + f" {said}"
    if day:
        return gettext("Paused, {day}.").format(day=day) + f" {said}"
    return gettext("Paused.") + f" {said}"
