"""How an integration is doing, as one sentence a person would say, and the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, QuerySet
from django.utils import timezone

from integration.engine.clients import connection_health
from integration.engine.mapping.labels import labels_of, read_as
from integration.models import (
    FieldMapping,
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
from integration.reasons import REASONS
from integration.templatetags.portal_words import ago
from integration.ui import hourly_chart

LATE = timedelta(minutes=1)
DAY = timedelta(hours=24)
CHARTED = (Outcome.SYNCED, Outcome.SKIPPED, Outcome.FAILED)


@dataclass(frozen=True)
class Standing:
    """One word with its sign, one sentence, and what to do (empty when nothing is)."""

    word: str
    sign: str
    tone: str  # green, blue, amber, red, grey: never shown without word and sign
    sentence: str
    fix: str = ""


def standing(integration: Integration, waiting: list[Need] | None = None) -> Standing:
    """The answer first: is everything in step? `waiting` is what `needs` said, where it was asked already."""
    if integration.state == State.UNINSTALLED:
        return Standing(
            "Uninstalled", "○", "grey", "This integration was uninstalled. Its log is kept without personal data."
        )
    if integration.state == State.PAUSED:
        return _paused(integration)
    for connection in (integration.left, integration.right):
        if not connection.usable:
            return _needs_you(integration, connection.connector.label, connection.health_reason)
    if integration.state == State.DRAFT:
        return Standing("Being set up", "○", "grey", "Save the settings to switch it on.")
    late = SyncJob.objects.filter(
        integration=integration, state=JobState.WAITING, next_attempt_at__lt=timezone.now() - LATE
    ).count()
    if late:
        said = "1 change is" if late == 1 else f"{late} changes are"
        return Standing("Catching up", "↻", "blue", f"{said} being worked off.")
    if waiting := needs(integration) if waiting is None else waiting:
        return Standing("Needs you", "!", "amber", waiting[0].said, waiting[0].fix)
    return Standing("In step", "✓", "green", f"Everything is in step. {last_event(integration)}")


def _paused(integration: Integration) -> Standing:
    """Who paused it and when, in the tenant's zone."""
    who = f" by {integration.paused_by.get_full_name() or integration.paused_by}" if integration.paused_by else ""
    when = integration.paused_at
    day = f", {when.astimezone(integration.tenant.zone):%-d %b}" if when else ""
    said = f"Paused{who}{day}. Changes are collected and wait; nothing is lost."
    return Standing("Paused", "‖", "grey", said, "Press Resume to go on.")


def last_event(integration: Integration) -> str:
    """When a vendor last called, in words; of a source that calls nobody, when it was last asked."""
    if integration.left.connector.webhooks is None:
        polls = SyncRun.objects.filter(integration=integration, kind="poll", state=RunState.DONE)
        label, last = integration.left.connector.label, polls.order_by("-id").first()
        asked = last and last.finished_at
        return f"{label} was asked {ago(asked)}." if asked else f"{label} is asked at the next full interval."
    endpoints = WebhookEndpoint.objects.filter(connection__in=(integration.left_id, integration.right_id))
    moments = [moment for moment in endpoints.values_list("last_received_at", flat=True) if moment]
    return f"Last event {ago(max(moments))}." if moments else "No event yet."


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
    link: str
    page: str  # the portal page that helps
    query: str = ""


def needs(integration: Integration) -> list[Need]:
    """What waits for a person, worst first. Empty when nothing does."""
    if integration.state == State.UNINSTALLED:
        return []
    found = []
    for connection in (integration.left, integration.right):
        if not connection.usable:
            reason = REASONS.get(connection.health_reason)
            said = f"{connection.connector.label}: {reason.what if reason else connection.health_said}"
            found.append(Need(said, reason.fix if reason else "", "Go to the account", "settings"))
    for step in integration.provisioning:
        if not step.get("ok"):
            reason = REASONS.get(step.get("reason", ""))
            found.append(
                Need(f"{step['label']}: {step['detail']}", reason.fix if reason else "", "Settings", "settings")
            )
    broken = FieldMapping.objects.filter(integration=integration).exclude(problem="")
    labels = labels_of([integration]) if broken else {}
    for row in broken:
        source = read_as(row.source, "", labels)[0] if row.source else "Constant"
        found.append(Need(f"{source} → {row.target}: {row.problem}", "", "Fields", "fields"))
    return found + _stuck(integration)


def _stuck(integration: Integration) -> list[Need]:
    """Jobs that will not move without somebody: held ones by reason, and those that failed for good."""
    rows = SyncJob.objects.filter(integration=integration, state__in=(JobState.HELD, JobState.DEAD))
    found = []
    for row in rows.exclude(reason="flow_off").values("state", "reason").annotate(n=Count("id")).order_by("-n")[:5]:
        reason = REASONS.get(row["reason"])
        records = f"{row['n']} record{'' if row['n'] == 1 else 's'}"
        held = row["state"] == JobState.HELD
        verb = ("waits" if row["n"] == 1 else "wait") if held else "failed"
        said = f"{records} {verb}: {reason.what if reason else row['reason']}"
        if held and row["reason"] in connection_health.DECIDED_BY_A_PERSON:
            found.append(Need(said, reason.fix if reason else "", "Decide", "brakes"))
            continue
        query = f"?state={row['state']}&reason={row['reason']}"
        found.append(Need(said, reason.fix if reason else "", "See which", "waiting", query))
    return found


def _needs_you(integration: Integration, vendor: str, code: str) -> Standing:
    reason = REASONS.get(code)
    waiting = SyncJob.objects.filter(integration=integration, state__in=(JobState.WAITING, JobState.HELD)).count()
    what = reason.what if reason else "It does not work at the moment."
    waits = "1 change is waiting" if waiting == 1 else f"{waiting} changes are waiting"
    sentence = f"{vendor}: {what} {waits}; nothing is lost."
    return Standing("Needs you", "!", "amber", sentence, reason.fix if reason else "")
