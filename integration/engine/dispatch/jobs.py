"""Queue sync jobs: the one place that writes the wish "bring record X up to date in flow F" into its row.

Whoever wishes (router, follow-up, run, resync), what earlier and not yet finished wishes knew is kept: an opt-out or a
merge that waits is never overwritten by a newer wish that knows less.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeAlias

from django.db import connection as database
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable
from django.utils import timezone

from config.json_value import JSONObject
from integration.dry_run import is_dry
from integration.models import JobState, SyncJob, columnar

ColumnValue: TypeAlias = "str | int | datetime | JSONObject | Combinable"
Key = tuple[object, str, str]
UNIQUE = ("integration", "flow", "external_id")
PORTION = 10_000  # jobs asked for in one statement; SQLite takes at least three times as many values
# What a run or a resync says about itself; an event that comes later speaks for itself. That a person wants the record
# written again (`certain`) is not among them: an event, our own echo above all, must not talk them out of it.
RUN_HINTS = frozenset({"run", "resync", "allow_doi"})
COLUMNS = ["event", "hint", "state", "reason", "detail", "attempts", "claim_token", "next_attempt_at", "updated_at"]


def save_jobs(jobs: Sequence[SyncJob]) -> None:
    """Insert these jobs, or put the rows their records have back to waiting with all hints merged.

    A running job notices that its claim is gone and runs again. One that waits already never waits longer for it.
    """
    now = timezone.now()
    for job in jobs:
        job.state, job.updated_at = JobState.WAITING, now
        job.next_attempt_at = max(job.next_attempt_at, now)
    _write(jobs, COLUMNS)


def save_outcomes(jobs: Sequence[SyncJob]) -> None:
    """Insert jobs that are already held, dead or to be retried; a row that waits for work anyway is left alone."""
    with transaction.atomic():
        rows = _locked(jobs)
        busy = {key for key, row in rows.items() if row.state in (JobState.WAITING, JobState.RUNNING)}
        _write([job for job in jobs if _key(job) not in busy], [*COLUMNS, "crashes"])


def update_jobs(rows: QuerySet[SyncJob], **values: ColumnValue) -> int:
    """Set these columns of all rows. Returns how many.

    The rows are locked in the order of their keys, as everybody locks them: two who lock the same ones in different
    orders would wait for each other until the database ends one of them.
    """
    if not database.features.has_select_for_update:
        return rows.update(**values)
    with transaction.atomic():
        ids = list(_for_update(rows.order_by("pk")).values_list("pk", flat=True))
        return SyncJob.objects.filter(pk__in=ids).update(**values) if ids else 0


def lock_jobs(ids: Collection[int], keys: Collection[Key]) -> None:
    """Lock all jobs that a transaction is about to write, at once and in the order of their keys."""
    if not database.features.has_select_for_update:
        return
    wanted = Q(pk__in=ids)
    if keys:
        wanted |= Q(
            integration_id__in={key[0] for key in keys}, flow__in={key[1] for key in keys},
            external_id__in={key[2] for key in keys},
        )  # fmt: skip
    list(_for_update(SyncJob.objects.filter(wanted).order_by("pk")).values_list("pk"))


def _for_update(rows: QuerySet[SyncJob]) -> QuerySet[SyncJob]:
    if database.features.has_select_for_update_of:
        return rows.select_for_update(of=("self",))
    return rows.select_for_update()


def _write(jobs: Sequence[SyncJob], columns: Sequence[str]) -> None:
    """One order for everybody, so that two writers never wait for each other. A dry run wishes for nothing."""
    if is_dry():
        return
    ordered = sorted({_key(job): job for job in jobs}.values(), key=lambda job: str(_key(job)))
    if not ordered:
        return
    with transaction.atomic():
        columnar.insert(ordered, unique=UNIQUE)
        rows = _locked(ordered)
        for job in ordered:
            row = rows.get(_key(job))
            job.hint = merged(row, job)
            if row is not None and row.state == JobState.WAITING and job.state == JobState.WAITING:
                job.next_attempt_at = min(job.next_attempt_at, max(row.next_attempt_at, job.updated_at))
        columnar.insert(ordered, unique=UNIQUE, update=columns)


def merged(row: SyncJob | None, job: SyncJob) -> JSONObject:
    """What the row's unfinished wish knew, under what the new one knows."""
    if row is None or row.state == JobState.DONE:
        return dict(job.hint)
    known = {key: value for key, value in row.hint.items() if job.event_id is None or key not in RUN_HINTS}
    if row.event_id and job.event_id and row.event_id > job.event_id:  # a deferred event comes after a newer one
        return {**job.hint, **known}
    return {**known, **job.hint}


def _locked(jobs: Sequence[SyncJob]) -> dict[Key, SyncJob]:
    """The rows that these jobs have, locked in the order of their keys."""
    found: dict[Key, SyncJob] = {}
    for start in range(0, len(jobs), PORTION):
        portion = jobs[start : start + PORTION]
        rows = SyncJob.objects.filter(
            integration_id__in={job.integration_id for job in portion},
            flow__in={job.flow for job in portion},
            external_id__in={job.external_id for job in portion},
        ).order_by("pk")
        if database.features.has_select_for_update:
            rows = _for_update(rows)
        found.update((_key(row), row) for row in rows)
    return found


def _key(job: SyncJob) -> Key:
    return job.integration_id, job.flow, job.external_id
