"""Do it again: replay an event, resync a record, release what is dead or held. All of it is safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from integration.engine.dispatch import wakeups
from integration.engine.dispatch.jobs import save_jobs, update_jobs
from integration.models import EventState, Integration, JobState, SyncJob, WebhookEvent


def replay(events: Iterable[WebhookEvent]) -> int:
    """Route stored events again. The records are read afresh, so an old event cannot overwrite a newer write."""
    ids = [event.pk for event in events]
    with transaction.atomic():
        count = WebhookEvent.objects.filter(pk__in=ids).update(
            state=EventState.NEW, deferred=True, reason="", routed_at=None
        )
    wakeups.wake(wakeups.ROUTER)
    return count


def resync(integration: Integration, flow: str, external_ids: Iterable[str]) -> int:
    """Read these source records afresh and bring them up to date. Returns how many were queued.

    One that waits anyway, is dead or held goes on with what its events knew. Each is written whatever is remembered.
    """
    ids = list(dict.fromkeys(external_ids))
    rows = SyncJob.objects.filter(integration=integration, flow=flow, external_id__in=ids)
    unfinished = dict(rows.exclude(state=JobState.DONE).values_list("external_id", "state"))
    stopped = [key for key, state in unfinished.items() if state in (JobState.DEAD, JobState.HELD)]
    release(rows.filter(external_id__in=stopped))
    new, known = {"resync": True, "certain": True}, {"certain": True}
    save_jobs(
        [
            SyncJob(integration=integration, flow=flow, external_id=key, hint=known if key in unfinished else new)
            for key in ids
        ]
    )
    wakeups.wake(str(integration.pk))
    return len(ids)


def release(jobs: Iterable[SyncJob]) -> int:
    """Put dead or held jobs back to waiting with all their attempts. Returns how many."""
    rows = list(jobs)
    now = timezone.now()
    stopped = SyncJob.objects.filter(pk__in=[job.pk for job in rows], state__in=(JobState.DEAD, JobState.HELD))
    count = update_jobs(
        stopped,
        state=JobState.WAITING,
        reason="",
        detail="",
        attempts=0,
        crashes=0,
        next_attempt_at=now,
        updated_at=now,
    )
    for integration_id in {job.integration_id for job in rows}:
        wakeups.wake(str(integration_id))
    return count
