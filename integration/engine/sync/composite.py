"""Records that go together: a flow may bring records of other flows along, before and after its own.

Called by the runner and by runs in place of `batch.process_with_bisect`. Where order matters to the target (a company
before its people) a composite flow has `stages`: a generator that yields one `Stage` after the other and is sent what
became of each. Records of other flows are stored at once; the flow's own are left to the caller, with their jobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from integration import retry
from integration.dry_run import is_dry
from integration.engine.dispatch.jobs import save_jobs, save_outcomes
from integration.engine.flow.base import Course, Flow, Item, Record, RecordOutcome, Stage
from integration.engine.sync import batch, dry, id_runs, outcomes
from integration.errors import TenantActionError, TransientError
from integration.models import JobState, Outcome, SyncJob
from integration.reasons import Reason

if TYPE_CHECKING:
    from integration.engine.flow.session import SyncSession


@dataclass(frozen=True)
class Group:
    """What became of one flow's records. `own`: still to be stored, together with the jobs they belong to."""

    flow: Flow
    done: Sequence[RecordOutcome]
    own: bool = True


def process(
    ctx: SyncSession, flow: Flow, items: Sequence[Item], records: Mapping[str, Record] | None = None
) -> list[Group]:
    """Bring these records up to date and those that go with them. Raises IntegrationErrors that concern them all."""
    with dry.guarded(ctx.run):
        if not flow.is_composite:
            return [Group(flow, batch.process_with_bisect(ctx, flow, items, records))]
        return _whole(ctx, flow, items, records)


def _whole(ctx: SyncSession, flow: Flow, items: Sequence[Item], records: Mapping[str, Record] | None) -> list[Group]:
    """The parts of a composite flow; items that are refused together are halved until the culprit stands alone."""
    try:
        return _in_parts(ctx, flow, items, records)
    except (TransientError, TenantActionError):
        raise
    except Exception as exc:
        problem = exc
    if len(items) == 1:
        return [Group(flow, [batch.fail_single(items[0], records, problem)])]
    middle = len(items) // 2
    return _whole(ctx, flow, items[:middle], records) + _whole(ctx, flow, items[middle:], records)


def _in_parts(ctx: SyncSession, flow: Flow, items: Sequence[Item], records: Mapping[str, Record] | None) -> list[Group]:
    course, groups = flow.stages(ctx, items, records), []
    part = next(course, None)
    while part is not None:
        target = ctx.recipe.flow(part.flow)
        if part.later:
            _leave(ctx, part)
            part = _following(course, [])
            continue
        done = batch.process_with_bisect(ctx, target, part.items, part.records) if part.items else []
        if done and not is_dry():
            if not part.own:
                _save(ctx, target, done)
            if target is not flow and not target.events:  # no event told its stopped jobs what a part does not know
                id_runs.settle(ctx, target, done)
        groups.append(Group(target, done, part.own))
        part = _following(course, done)
    return groups


def _following(course: Course, done: Sequence[RecordOutcome]) -> Stage | None:
    try:
        return course.send(done)
    except StopIteration:
        return None


def _leave(ctx: SyncSession, part: Stage) -> None:
    """Wishes for another batch."""
    save_jobs(
        [
            SyncJob(integration=ctx.integration, flow=part.flow, external_id=item.external_id, hint=dict(item.hint))
            for item in part.items
        ]
    )


def _save(ctx: SyncSession, flow: Flow, done: Sequence[RecordOutcome]) -> None:
    """Store links, log rows, and as jobs of their own what did not go through."""
    with transaction.atomic():
        ctx.keep_lease(now=True)
        outcomes.save(ctx, flow, done, quiet=frozenset({Reason.UNCHANGED, Reason.ECHO}))
        keep_unfinished(ctx, flow, done)


def keep_unfinished(ctx: SyncSession, flow: Flow, done: Sequence[RecordOutcome]) -> None:
    """What did not go through becomes a job of its own: retried, held or dead, and visible there."""
    now = timezone.now()
    states = {Outcome.RETRYING: JobState.WAITING, Outcome.HELD: JobState.HELD, Outcome.FAILED: JobState.DEAD}
    jobs = [
        SyncJob(
            integration=ctx.integration,
            flow=flow.key,
            external_id=entry.item.external_id,
            hint=dict(entry.item.hint),
            state=states[Outcome(entry.result.outcome)],
            reason=entry.result.reason,
            detail=entry.result.detail,
            next_attempt_at=now + _pause(entry),
            updated_at=now,
        )
        for entry in done
        if entry.result.outcome in states
    ]
    save_outcomes(jobs)


def _pause(entry: RecordOutcome) -> timedelta:
    return timedelta(seconds=retry.next_delay(retry.LEFT_BY_RUN, asked=entry.result.retry_after))
