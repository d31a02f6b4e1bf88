"""Once a minute: ring for what waits without anybody coming. The safety net under every lost queue message."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from integration.engine.dispatch import heartbeat, leases, wakeups
from integration.models import (
    Doorbell,
    EventState,
    Health,
    Integration,
    JobState,
    RunState,
    State,
    SyncJob,
    SyncRun,
    WebhookEvent,
)

SILENT = timedelta(minutes=5)  # the schedule runs a sweep each minute; after so long without one it is broken


def sweep() -> int:
    """Ring for the router and for each integration with due work and no worker. Returns how many rings."""
    now = timezone.now()
    rings = 0
    if WebhookEvent.objects.filter(state=EventState.NEW).exists():
        wakeups.wake(wakeups.ROUTER)
        rings += 1
    neglected = [str(pk) for pk in _neglected().values_list("pk", flat=True)]
    wakeups.wake_many(neglected)
    rings += len(neglected)
    Doorbell.objects.update_or_create(key="sweeper", defaults={"rung_at": now})  # the proof that the schedule runs
    heartbeat.beat()  # and that this process works off what the queue brings
    heartbeat.forget_ended()
    return rings


def oldest_waiting_seconds() -> float:
    """Age of the oldest event or due job that nobody has taken yet, in seconds; 0 when there is none."""
    now = timezone.now()
    event = WebhookEvent.objects.filter(state=EventState.NEW).order_by("deferred", "id").first()
    due = SyncJob.objects.filter(_workable(now), state=JobState.WAITING, next_attempt_at__lte=now)
    job = due.order_by("next_attempt_at").first()
    moments = [event.received_at] if event else []
    moments += [job.next_attempt_at] if job else []
    return max(((now - moment).total_seconds() for moment in moments), default=0.0)


def _workable(now: datetime) -> Q:
    """Jobs that a worker could take now: a switched-off tenant or a resting vendor is no reason for an alarm."""
    workable = Q(integration__state=State.ACTIVE, integration__tenant__is_active=True)
    for side in ("left", "right"):
        workable &= Q(**{f"integration__{side}__health__in": (Health.OK, Health.UNCHECKED)})
        resting = f"integration__{side}__not_before"
        workable &= Q(**{f"{resting}__isnull": True}) | Q(**{f"{resting}__lte": now})
    return workable


def last_sweep() -> datetime | None:
    """When the sweeper last ran; None if never."""
    row = Doorbell.objects.filter(key="sweeper").first()
    return row.rung_at if row else None


def sweeper_age() -> timedelta | None:
    """How long ago the sweeper last ran; None if never."""
    last = last_sweep()
    return timezone.now() - last if last else None


def _neglected() -> QuerySet[Integration]:
    """Active integrations with due jobs, abandoned jobs or due runs whose lease is free or has run out."""
    now = timezone.now()
    jobs = SyncJob.objects.filter(
        Q(state=JobState.WAITING, next_attempt_at__lte=now) | Q(state=JobState.RUNNING), integration=OuterRef("pk")
    )
    runs = SyncRun.objects.filter(
        integration=OuterRef("pk"), state__in=(RunState.WAITING, RunState.RUNNING), next_attempt_at__lte=now
    )
    free = leases.free(leases.SYNC, now)
    return Integration.objects.filter(free, Exists(jobs) | Exists(runs), state=State.ACTIVE, tenant__is_active=True)
