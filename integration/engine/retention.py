"""Purge what is older than we keep it, in small portions so that live traffic never waits."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils import timezone

from integration.models import Alert, EventState, JobState, SyncJob, SyncLog, SyncRun, VendorCall, WebhookEvent

PORTION = 2000


def purge() -> dict[str, int]:
    """Delete old events (unless still new), calls, log rows, done jobs and finished runs. Returns how many of each."""
    days = settings.RETENTION_DAYS
    finished = SyncRun.objects.filter(finished_at__isnull=False)
    return {
        "calls": _delete(VendorCall.objects.filter(at__lt=_before(days["calls"]))),
        "events": _delete(
            WebhookEvent.objects.filter(received_at__lt=_before(days["events"])).exclude(state=EventState.NEW)
        ),
        "log": _delete(SyncLog.objects.filter(created_at__lt=_before(days["log"]))),
        "alerts": _delete(Alert.objects.filter(resolved_at__lt=_before(days["log"]))),
        "jobs": _delete(SyncJob.objects.filter(state=JobState.DONE, updated_at__lt=_before(days["log"]))),
        "runs": _delete(finished.filter(finished_at__lt=_before(days["log"]))),
    }


def _before(days: int) -> object:
    return timezone.now() - timedelta(days=days)


def _delete(rows: QuerySet[Model]) -> int:
    total = 0
    while ids := list(rows.values_list("pk", flat=True)[:PORTION]):
        rows.model._default_manager.filter(pk__in=ids).delete()
        total += len(ids)
    return total
