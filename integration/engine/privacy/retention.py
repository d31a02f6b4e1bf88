"""Purge what is older than we keep it, in small portions so that live traffic never waits, and for a while only."""

from __future__ import annotations

import time
from datetime import timedelta

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils import timezone

from integration.models import (
    UNROUTED,
    Alert,
    BreakGlassUse,
    ComparedRecord,
    JobState,
    SyncJob,
    SyncLog,
    SyncRun,
    VendorCall,
    WebhookEvent,
)
from tenants import guessing, sessions
from tenants.audit import AuditEntry

PORTION = 2000
AUDIT_KEPT_DAYS = 366  # at least: the database refuses to delete younger lines
LONGEST = 120.0  # seconds of one purge; the next one goes on


def purge(seconds: float = LONGEST) -> dict[str, int]:
    """Delete what is older than it is kept; events that are still new stay. Returns how many of each."""
    until = time.monotonic() + seconds
    days = settings.RETENTION_DAYS
    finished = SyncRun.objects.filter(finished_at__isnull=False)
    old: dict[str, QuerySet[Model]] = {
        "calls": VendorCall.objects.filter(at__lt=_before(days["calls"])),
        "events": WebhookEvent.objects.filter(received_at__lt=_before(days["events"])).exclude(state__in=UNROUTED),
        "log": SyncLog.objects.filter(created_at__lt=_before(days["log"])),
        "alerts": Alert.objects.filter(resolved_at__lt=_before(days["log"])),
        "jobs": SyncJob.objects.filter(state=JobState.DONE, updated_at__lt=_before(days["log"])),
        "break_glass": BreakGlassUse.objects.filter(at__lt=_before(days["log"])),
        "misses": guessing.outdated(),
        "audit": AuditEntry.objects.filter(at__lt=_before(max(days["audit"], AUDIT_KEPT_DAYS))),
        "sessions": sessions.outdated(),
        "compared": ComparedRecord.objects.filter(run__finished_at__isnull=False),  # of runs that were broken off
        "runs": finished.filter(finished_at__lt=_before(days["log"])),
    }
    return {name: _delete(rows, until) for name, rows in old.items()}


def _before(days: int) -> object:
    return timezone.now() - timedelta(days=days)


def _delete(rows: QuerySet[Model], until: float) -> int:
    total = 0
    while time.monotonic() < until and (ids := list(rows.values_list("pk", flat=True)[:PORTION])):
        rows.model._default_manager.filter(pk__in=ids).delete()
        total += len(ids)
    return total
