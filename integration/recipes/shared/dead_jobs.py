"""Jobs that used up their attempts and are tried again all the same, for what must never be given up."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from integration.engine.api import SyncSession, save_jobs
from integration.models import JobState, SyncJob


def dead_jobs(ctx: SyncSession, flow: str) -> QuerySet[SyncJob]:
    """The dead jobs of a flow."""
    return SyncJob.objects.filter(integration=ctx.integration, flow=flow, state=JobState.DEAD)


def retry(ctx: SyncSession, jobs: Iterable[SyncJob]) -> None:
    """Try these jobs again. What they know of their records stays with them."""
    save_jobs([SyncJob(integration=ctx.integration, flow=job.flow, external_id=job.external_id) for job in jobs])
