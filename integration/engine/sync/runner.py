"""Work on one integration: claim its due jobs, bring the records up to date, go on with its runs. Stage 6 of the walk.

One runner at a time per integration (a lease in its row), so records never race. It gives way after a slice of time
and rings again. Attempts are counted when a job is claimed, so that a killed worker still counts.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum

from django.db import transaction
from django.db.models import F, Q, QuerySet, Subquery
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from integration import retry
from integration.engine.clients import connection_health
from integration.engine.clients.session import OpenSession
from integration.engine.dispatch import account_lock, leases, wakeups
from integration.engine.dispatch.jobs import Key, lock_jobs, update_jobs
from integration.engine.dispatch.leases import Lease
from integration.engine.flow.base import Flow, Item, RecordOutcome, Result
from integration.engine.flow.recipe import Recipe, Recipes
from integration.engine.flow.session import SyncSession
from integration.engine.sync import composite, outcomes, runs
from integration.engine.sync.composite import Group
from integration.errors import IntegrationError, LeaseLost
from integration.models import Connection, Integration, JobState, Outcome, State, SyncJob, SyncLog
from integration.reasons import NoReason, Reason, ReasonCode, stored_reason

log = logging.getLogger(__name__)

SLICE = 20.0  # seconds before a runner gives way to other integrations
SHORT_WAIT = 60.0  # seconds; the sweeper rings for longer waits


class Pause(IntEnum):
    """What rests while a limit or a failure keeps us from calling an account."""

    NOTHING = 0
    ALL_BUT_URGENT = 1  # what is left is the customer's own; an opt-out may use it
    EVERYTHING = 2


def run(integration_id: str, recipes: Recipes, *, slice_seconds: float = SLICE) -> str:
    """Work for one slice. Returns a short word for the queue's record: busy, idle, waiting, unknown or more."""
    wakeups.acknowledge(integration_id)
    lease = _take_lease(integration_id)
    if lease is None:
        return "busy"
    try:
        outcome = _work(integration_id, recipes, lease.token, slice_seconds)
    except LeaseLost:
        return "lost"
    finally:
        leases.release(lease)
    _ring_again(integration_id, recipes)
    for waiting in account_lock.waiting(integration_id):
        _ring_again(waiting, recipes)
    return outcome


def _take_lease(integration_id: str) -> Lease | None:
    wanted = Q(state=State.ACTIVE, tenant__is_active=True)
    with account_lock.exclusive(integration_id) as alone:
        return leases.acquire(leases.SYNC, integration_id, wanted) if alone else None


def _work(integration_id: str, recipes: Recipes, token: str, slice_seconds: float) -> str:
    integration = Integration.objects.select_related("left", "right", "tenant").get(pk=integration_id)
    with bound_contextvars(tenant=str(integration.tenant_id), integration=integration_id):
        return _work_on(integration, recipes, token, slice_seconds)


def _work_on(integration: Integration, recipes: Recipes, token: str, slice_seconds: float) -> str:
    recipe = recipes(integration.recipe)
    if not recipe.is_known:
        log.error("This version of the code does not have the recipe %s.", integration.recipe)
        return "unknown"
    deadline = time.monotonic() + slice_seconds
    ctx = OpenSession(integration, recipe, token=token, deadline=deadline)
    flows = sorted((flow for flow in recipe.flows if flow.enabled(ctx.settings)), key=lambda flow: not flow.urgent)
    _recover_abandoned(integration)
    _hold_switched_off(ctx)
    runs.end_cancelled(integration)
    while True:  # at least one round, however short the slice
        outcome = _round(ctx, flows)
        if outcome != "more":
            return outcome
        if not ctx.time_left():
            return "more"


def _round(ctx: SyncSession, flows: Sequence[Flow]) -> str:
    """Work on one batch of each flow and one page of a run. Returns waiting, idle or more."""
    pause = _pause(ctx.integration)
    if pause is Pause.EVERYTHING:
        return "waiting"
    due = _flows_with_work(ctx.integration)
    open_now = [flow for flow in flows if flow.key in due and (flow.urgent or pause is Pause.NOTHING)]
    worked = [_job_batch(ctx, flow) for flow in open_now]
    if pause is Pause.ALL_BUT_URGENT:
        return "more" if any(worked) else "waiting"
    worked.append(runs.step(ctx))
    return "more" if any(worked) else "idle"


def _pause(integration: Integration) -> Pause:
    """What has to rest now. Holds the jobs when a person must act before a connection works again."""
    columns = ("health", "health_reason", "not_before", "pause_spares_urgent")
    both = Connection.objects.filter(pk__in=(integration.left_id, integration.right_id))
    state = Integration.objects.filter(pk=integration.pk).values("state")
    now = {row["pk"]: row for row in both.annotate(state_now=Subquery(state)).values("pk", "state_now", *columns)}
    if now[integration.left_id]["state_now"] != State.ACTIVE:
        return Pause.EVERYTHING
    found = Pause.NOTHING
    for connection in (integration.left, integration.right):
        for column in columns:
            setattr(connection, column, now[connection.pk][column])
        if not connection.usable:
            hold_jobs(integration, stored_reason(connection.health_reason))
            return Pause.EVERYTHING
        if connection.not_before and connection.not_before > timezone.now():
            found = max(found, Pause.ALL_BUT_URGENT if connection.pause_spares_urgent else Pause.EVERYTHING)
    return found


def _flows_with_work(integration: Integration) -> set[str]:
    """The flows that have a job to do now."""
    due = SyncJob.objects.filter(integration=integration, state=JobState.WAITING, next_attempt_at__lte=timezone.now())
    return set(due.order_by().values_list("flow", flat=True).distinct())


def hold_jobs(integration: Integration, reason: ReasonCode) -> int:
    """Put all waiting jobs on hold until the connection works again."""
    rows = SyncJob.objects.filter(integration=integration, state=JobState.WAITING)
    return update_jobs(rows, state=JobState.HELD, reason=reason, updated_at=timezone.now())


def _recover_abandoned(integration: Integration) -> None:
    """We hold the lease, so whatever is marked as running was left by a worker that died."""
    abandoned = SyncJob.objects.filter(integration=integration, state=JobState.RUNNING)
    if not abandoned.exists():
        return
    now = timezone.now()
    used_up = abandoned.filter(crashes__gte=retry.CRASHED_JOB.attempts - 1)
    update_jobs(used_up, state=JobState.DEAD, reason=Reason.CRASHED, crashes=F("crashes") + 1, updated_at=now)
    update_jobs(abandoned, state=JobState.WAITING, crashes=F("crashes") + 1, next_attempt_at=now, updated_at=now)


def _hold_switched_off(ctx: SyncSession) -> None:
    """Nobody claims the jobs of a flow that the settings exclude: put them aside, so that nothing rings for them.

    Those of a flow that this version of the code does not have wait where they are, for a version that has it.
    """
    off = [flow.key for flow in ctx.recipe.flows if not flow.enabled(ctx.settings)]
    if off:
        waiting = SyncJob.objects.filter(integration=ctx.integration, flow__in=off, state=JobState.WAITING)
        update_jobs(waiting, state=JobState.HELD, reason=Reason.FLOW_OFF, updated_at=timezone.now())


def _job_batch(ctx: SyncSession, flow: Flow) -> bool:
    """Claim and process one batch of a flow's due jobs. Returns whether there was any."""
    jobs = _claim(ctx, flow)
    if not jobs:
        return False
    items = [_item(job) for job in jobs]
    ctx.is_urgent = flow.urgent
    try:
        groups = composite.process(ctx, flow, items)
    except LeaseLost:
        raise
    except IntegrationError as exc:
        return _batch_failed(ctx, flow, jobs, exc)
    finally:
        ctx.is_urgent = False
    with transaction.atomic():
        ctx.keep_lease(now=True)
        lock_jobs([job.pk for job in jobs], _followed_up(ctx, groups))
        for group in groups:
            if group.own:
                outcomes.save(ctx, group.flow, group.done)
                _finish_jobs(ctx, group.done)
    connection_health.worked(ctx.integration)
    return True


def _followed_up(ctx: SyncSession, groups: Sequence[Group]) -> list[Key]:
    """The jobs that the outcomes of a batch wish for."""
    return [
        (ctx.integration.pk, wish.flow, wish.external_id)
        for group in groups
        for entry in group.done
        for wish in entry.result.follow_ups
    ]


def _item(job: SyncJob) -> Item:
    return Item(job.external_id, job.hint, job_id=job.pk, event_id=job.event_id, attempts=job.attempts)


def _claim(ctx: SyncSession, flow: Flow) -> list[SyncJob]:
    """Take the oldest due jobs. Those that were in a dying worker's hands go in small batches, later alone."""
    due = SyncJob.objects.filter(
        integration=ctx.integration, flow=flow.key, state=JobState.WAITING, next_attempt_at__lte=timezone.now()
    ).order_by("next_attempt_at", "id")
    for crashes, size in (
        (Q(crashes=0), flow.batch_size),
        (Q(crashes=1), max(flow.batch_size // 10, 1)),
        (Q(crashes__gte=2), 1),
    ):
        ids = list(due.filter(crashes).values_list("pk", flat=True)[:size])
        if ids:
            update_jobs(
                SyncJob.objects.filter(pk__in=ids, state=JobState.WAITING),
                state=JobState.RUNNING, attempts=F("attempts") + 1, claim_token=ctx.token, updated_at=timezone.now(),
            )  # fmt: skip
            return list(SyncJob.objects.filter(pk__in=ids, state=JobState.RUNNING, claim_token=ctx.token))
    return []


def _finish_jobs(ctx: SyncSession, done: Sequence[RecordOutcome]) -> None:
    """Set the jobs' states, grouped. A job that a newer event put back to waiting meanwhile stays waiting."""
    groups: dict[tuple[str, ReasonCode | NoReason, str], list[int]] = defaultdict(list)
    again: dict[tuple[ReasonCode | NoReason, str, float | None], list[RecordOutcome]] = defaultdict(list)
    for entry in done:
        result = entry.result
        if entry.item.job_id is None:
            continue
        if result.outcome == Outcome.RETRYING:
            again[result.reason, result.detail, result.retry_after].append(entry)
            continue
        state: str = {Outcome.FAILED: JobState.DEAD, Outcome.HELD: JobState.HELD}.get(result.outcome, JobState.DONE)
        detail = result.detail if state == JobState.DEAD else ""
        groups[state, result.reason, detail].append(entry.item.job_id)
    for entries in again.values():
        _retry_jobs(ctx, [entry.item for entry in entries], entries[0].result)
    for (state, reason, detail), ids in groups.items():
        update_jobs(
_claimed(ctx, ids),
            state=state, reason=reason, detail=detail, crashes=0, claim_token="", updated_at=timezone.now(),
            **({"hint": {}} if state == JobState.DONE else {}),
        )  # fmt: skip


def _claimed(ctx: SyncSession, ids: Sequence[int]) -> QuerySet[SyncJob]:
    return SyncJob.objects.filter(pk__in=ids, state=JobState.RUNNING, claim_token=ctx.token)


def _retry_jobs(ctx: SyncSession, items: Sequence[Item], result: Result) -> None:
    """Put jobs back to waiting, one statement per number of tries; a limit does not use up a try."""
    limited = result.reason in outcomes.UNCOUNTED
    tries: dict[int, list[int]] = defaultdict(list)
    for item in items:
        if item.job_id is not None:
            tries[item.attempts].append(item.job_id)
    now = timezone.now()
    for attempts, ids in tries.items():
        if retry.JOB.used_up(attempts) and not limited:
            update_jobs(
                _claimed(ctx, ids),
                state=JobState.DEAD,
                reason=Reason.ATTEMPTS_USED_UP,
                detail=result.detail,
                claim_token="",
                updated_at=now,
            )
            continue
        pause = retry.next_delay(retry.JOB, attempts, asked=result.retry_after)
        update_jobs(
            _claimed(ctx, ids),
            state=JobState.WAITING,
            reason=result.reason,
            detail=result.detail,
            crashes=0,
            claim_token="",
            attempts=F("attempts") - (1 if limited else 0),
            next_attempt_at=now + timedelta(seconds=pause),
            updated_at=now,
        )


def _batch_failed(ctx: SyncSession, flow: Flow, jobs: Sequence[SyncJob], exc: IntegrationError) -> bool:
    """One error concerned the whole batch: wait, or hold until a person has acted. Returns whether to go on at once."""
    outcome = connection_health.note_error(ctx.connection(ctx.last_side), exc)
    if outcome == "retry":
        ctx.reopen()
    with transaction.atomic():
        ctx.keep_lease(now=True)
        outcomes.save_calls(ctx)
        if outcome == "hold":
            update_jobs(
                _claimed(ctx, [job.pk for job in jobs]),
                state=JobState.HELD,
                reason=exc.reason,
                detail=exc.detail,
                claim_token="",
                updated_at=timezone.now(),
            )
        else:
            pause = 0.0 if outcome == "retry" else exc.retry_after
            result = Result(Outcome.RETRYING, reason=exc.reason, detail=exc.detail, retry_after=pause)
            _retry_jobs(ctx, [_item(job) for job in jobs], result)
        if exc.reason != Reason.GAVE_WAY:
            _log_first(ctx, flow, jobs, exc, held=outcome == "hold")
        if not ctx.connection(ctx.last_side).usable:
            hold_jobs(ctx.integration, exc.reason)
    return outcome == "retry"


def _log_first(ctx: SyncSession, flow: Flow, jobs: Sequence[SyncJob], exc: IntegrationError, *, held: bool) -> None:
    """Log the pause of each job once, not at every further try."""
    SyncLog.objects.bulk_create(
        SyncLog(
            integration=ctx.integration,
            flow=flow.key,
            source_id=job.external_id,
            outcome=Outcome.HELD if held else Outcome.RETRYING,
            reason=exc.reason,
            detail=f"{exc.public} {exc.detail}".strip(),
            event_id=job.event_id,
            job=job,
        )
        for job in jobs
        if job.attempts <= 1
    )


def _ring_again(integration_id: str, recipes: Recipes) -> None:
    """Look once more after the lease is free: what came in while we held it found us busy."""
    rows = Integration.objects.select_related("left", "right").defer("left__credentials", "right__credentials")
    integration = rows.get(pk=integration_id)
    if integration.state != State.ACTIVE or not (integration.left.usable and integration.right.usable):
        return
    moment = _next_moment(integration, recipes(integration.recipe))
    if moment is None:
        return
    wait = (moment - timezone.now()).total_seconds()
    if wait <= 0:
        wakeups.wake(integration_id)
    elif wait <= SHORT_WAIT:
        wakeups.wake_after(integration_id, wait)


def _next_moment(integration: Integration, recipe: Recipe) -> datetime | None:
    """When there is something to do that no pause keeps from being done; None when there is nothing."""
    due = next_due(integration, recipe)
    if due is None:
        return None
    now = timezone.now()
    pauses = {
        connection.not_before: connection.pause_spares_urgent
        for connection in (integration.left, integration.right)
        if connection.not_before is not None and connection.not_before > now
    }
    moment = max([due, *pauses])
    if pauses and all(pauses.values()):
        return min([moment, *_next_job([flow.key for flow in recipe.flows if flow.urgent], integration)])
    return moment


def next_due(integration: Integration, recipe: Recipe) -> datetime | None:
    """When the next job or run of this integration wants to be worked on.

    What this version of the code does not know wants nothing: the sweeper looks again, perhaps with another version.
    """
    moments = _next_job([flow.key for flow in recipe.flows], integration)
    run_at = runs.next_due(integration) if recipe.is_known else None
    if run_at is not None:
        moments.append(run_at)
    return min(moments, default=None)


def _next_job(flows: Sequence[str], integration: Integration) -> list[datetime]:
    """When the next waiting job of these flows is due, if there is one."""
    jobs = SyncJob.objects.filter(integration=integration, flow__in=flows, state=JobState.WAITING)
    return list(jobs.order_by("next_attempt_at").values_list("next_attempt_at", flat=True)[:1])
