"""How an integration is doing, as one sentence a person would say, and the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from integration.models import Integration, JobState, Outcome, State, SyncJob, SyncLog, WebhookEndpoint
from integration.reasons import REASONS
from integration.templatetags.portal_words import ago

LATE = timedelta(minutes=1)


@dataclass(frozen=True)
class Standing:
    """One word with its sign, one sentence, and what to do (empty when nothing is)."""

    word: str
    sign: str
    tone: str  # green, blue, amber, red, grey: never shown without word and sign
    sentence: str
    fix: str = ""


def standing(integration: Integration) -> Standing:
    """The answer first: is everything in step?"""
    if integration.state == State.UNINSTALLED:
        return Standing(
            "Uninstalled", "○", "grey", "This integration was uninstalled. Its log is kept without personal data."
        )
    if integration.state == State.PAUSED:
        return Standing("Paused", "‖", "grey", "Paused on purpose. Changes are collected and wait.")
    for connection in (integration.left, integration.right):
        if not connection.usable:
            return _needs_you(integration, connection.connector.label, connection.health_reason)
    if integration.state == State.DRAFT:
        return Standing("Being set up", "○", "grey", "Save the settings to switch it on.")
    late = SyncJob.objects.filter(
        integration=integration, state=JobState.WAITING, next_attempt_at__lt=timezone.now() - LATE
    ).count()
    if late:
        return Standing("Catching up", "↻", "blue", f"{late} changes are being worked off.")
    return Standing("In step", "✓", "green", f"Everything is in step. {last_event(integration)}")


def last_event(integration: Integration) -> str:
    """When a vendor last called, in words."""
    endpoints = WebhookEndpoint.objects.filter(connection__in=(integration.left_id, integration.right_id))
    moments = [moment for moment in endpoints.values_list("last_received_at", flat=True) if moment]
    return f"Last event {ago(max(moments))}." if moments else "No event yet."


def numbers(integration: Integration) -> dict[str, int]:
    """Synced, skipped, failed of the last 24 hours, and what waits now."""
    since = timezone.now() - timedelta(hours=24)
    rows = (
        SyncLog.objects.filter(integration=integration, created_at__gte=since).values("outcome").annotate(n=Count("id"))
    )
    counts = {row["outcome"]: row["n"] for row in rows}
    unfinished = (JobState.WAITING, JobState.RUNNING, JobState.HELD)
    waiting = SyncJob.objects.filter(integration=integration, state__in=unfinished).count()
    return {
        "synced": counts.get(Outcome.SYNCED, 0),
        "skipped": counts.get(Outcome.SKIPPED, 0),
        "failed": counts.get(Outcome.FAILED, 0),
        "waiting": waiting,
    }


def _needs_you(integration: Integration, vendor: str, code: str) -> Standing:
    reason = REASONS.get(code)
    waiting = SyncJob.objects.filter(integration=integration, state__in=(JobState.WAITING, JobState.HELD)).count()
    what = reason.what if reason else "It does not work at the moment."
    waits = "1 change is waiting" if waiting == 1 else f"{waiting} changes are waiting"
    sentence = f"{vendor}: {what} {waits}; nothing is lost."
    return Standing("Needs you", "!", "amber", sentence, reason.fix if reason else "")
