"""Runs: one pass over many records, page by page. Fetch All, poll, reconcile and resync enter the runner here.

A page is worked on in parts (`page_parts`). What is done of it is stored in the same transaction as the part, and the
cursor with the last one, so a killed run resumes where it stopped and counts nobody twice.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from config.json_value import JSONObject, JSONValue
from integration import retry
from integration.dry_run import nothing_written
from integration.engine.clients import connection_health
from integration.engine.dispatch import leases, wakeups
from integration.engine.flow.base import Flow
from integration.engine.flow.session import SyncSession, Usage
from integration.engine.sync import (
    batch,
    compare,
    compare_budget,
    compared,
    composite,
    cursors,
    drifts,
    dry,
    id_runs,
    outcomes,
    page_parts,
    repair,
    run_counts,
)
from integration.engine.sync.composite import Group
from integration.engine.sync.page_parts import OpenPage, Part
from integration.errors import ContractError, IntegrationError, LeaseLost, RecordError, UnreadableRecord
from integration.models import Integration, RunState, State, SyncRun
from integration.reasons import Reason

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

log = logging.getLogger(__name__)

CRASHES = "A page of this run stopped its worker again and again. Start it anew; if it stops again, tell the operator."
GONE_FLOW = "This version of Lockstep does not have this part of the integration."
BEGUN_ANEW = "begun_anew"  # how often a run lost its place
MOST_ANEW = 3
CONTINUES, DONE_BEFORE = "continues", "done_before"  # the cancelled run it goes on from, and how many were done by then
RESUMED = frozenset({"fetch_all", *id_runs.KINDS})
# Options that concern the run, not its records.
NO_HINTS = frozenset(
    {"since", "ids", BEGUN_ANEW, CONTINUES, DONE_BEFORE, repair.FORWARD, repair.FIELDS, *compare_budget.OPTIONS}
)
PROGRESS = ("done", "counts", "samples", "cursor", "page_done", "usage", "attempts", "problem", "next_attempt_at")
UNFINISHED = (RunState.WAITING, RunState.RUNNING)
QUIET = dict.fromkeys(("fetch_all", "poll", "reconcile"), frozenset({Reason.UNCHANGED, Reason.ECHO}))


class RunInProgress(Exception):
    """A run of this kind and flow is not finished yet; there can be only one."""


class NothingToContinue(Exception):
    """The run was not cancelled, or nobody but the schedule starts its kind."""


@dataclass(frozen=True)
class Place:
    """Where a run goes on: the cursor of its page, and the ids on it that are done."""

    cursor: JSONValue = None
    page_done: Sequence[str] = ()


def start(
    integration: Integration,
    kind: str,
    flow: str,
    *,
    dry_run: bool = False,
    options: JSONObject | None = None,
    user: AbstractBaseUser | None = None,
    place: Place = Place(),
) -> SyncRun:
    """Queue a run. Raises RunInProgress when one of this kind is under way."""
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                integration=integration, kind=kind, flow=flow, dry_run=dry_run, options=dict(options or {}),
                requested_by_id=user.pk if user else None, cursor=place.cursor, page_done=list(place.page_done),
            )  # fmt: skip
    except IntegrityError as exc:
        raise RunInProgress(f"A {kind} of {flow} is already under way.") from exc
    wakeups.wake(str(integration.pk))
    return run


def cancel(run: SyncRun) -> bool:
    """Ask a run to stop after the part it is at. What it has written stays. Returns whether it was still under way."""
    asked = SyncRun.objects.filter(pk=run.pk, state__in=UNFINISHED).update(
        cancel_requested=True, next_attempt_at=timezone.now()
    )
    at_rest = Integration.objects.exclude(state=State.ACTIVE).filter(leases.free(leases.SYNC), pk=run.integration_id)
    if asked and at_rest.exists():
        end_cancelled(run.integration)
    if asked:
        wakeups.wake(str(run.integration_id))
    return bool(asked)


def may_resume(run: SyncRun) -> bool:
    """Whether a person may let it go on where it was cancelled. What the schedule starts, it starts again itself."""
    return run.state == RunState.CANCELLED and run.kind in RESUMED


def resume(run: SyncRun, user: AbstractBaseUser | None = None) -> SyncRun:
    """Queue a run that goes on where a cancelled one stopped. Raises NothingToContinue and RunInProgress."""
    if not may_resume(run):
        raise NothingToContinue(f"{run} was not cancelled.")
    before = int(run.options.get(DONE_BEFORE) or 0)
    options = {**run.options, CONTINUES: run.pk, DONE_BEFORE: before + run.done}
    place = Place(run.cursor, run.page_done)
    return start(run.integration, run.kind, run.flow, dry_run=run.dry_run, options=options, user=user, place=place)


def end_cancelled(integration: Integration) -> None:
    """End the runs that nobody wants any more, also while a vendor does not answer. The caller holds the lease."""
    asked = SyncRun.objects.filter(integration=integration, state__in=UNFINISHED, cancel_requested=True)
    asked.update(state=RunState.CANCELLED, finished_at=timezone.now(), problem="")


def next_due(integration: Integration) -> datetime | None:
    """When the next unfinished run wants to go on."""
    run = SyncRun.objects.filter(integration=integration, state__in=UNFINISHED).order_by("next_attempt_at").first()
    return run.next_attempt_at if run else None


def step(ctx: SyncSession) -> bool:
    """Work on one page of the next due run, as far as time allows. Returns whether there was one."""
    due = SyncRun.objects.filter(integration=ctx.integration, state__in=UNFINISHED, next_attempt_at__lte=timezone.now())
    run = next((run for run in due.order_by("next_attempt_at", "id") if not _has_to_wait(ctx, run)), None)
    if run is None:
        return False
    if retry.RUN_PAGE.used_up(run.attempts):  # counted when taken, so these are workers that died with it
        _finish(run, RunState.FAILED, run.problem or CRASHES)
        return True
    SyncRun.objects.filter(pk=run.pk).update(attempts=F("attempts") + 1)
    run.attempts += 1
    ctx.run = run
    try:
        _work_on(ctx, run)
    except LeaseLost:
        raise
    except Exception as exc:
        log.error("Run %s failed in our own code.", run.pk, exc_info=exc)
        _page_failed(
            ctx, run, IntegrationError("Lockstep made a mistake on this page.", detail=f"{type(exc).__name__}: {exc}")
        )
    finally:
        ctx.run = None
    return True


def _has_to_wait(ctx: SyncSession, run: SyncRun) -> bool:
    """Whether runs that go before this one are unfinished. One that waits comes due with them."""
    first = ctx.recipe.flow(run.flow).runs_after if ctx.recipe.has_flow(run.flow) else ()
    before = SyncRun.objects.filter(integration=ctx.integration, kind=run.kind, flow__in=first, state__in=UNFINISHED)
    next_up = before.order_by("next_attempt_at").first() if first else None
    if next_up is not None and next_up.next_attempt_at > timezone.now():
        SyncRun.objects.filter(pk=run.pk).update(next_attempt_at=next_up.next_attempt_at)
    return next_up is not None


def _work_on(ctx: SyncSession, run: SyncRun) -> None:
    if run.cancel_requested:
        _finish(run, RunState.CANCELLED)
        return
    if not ctx.recipe.has_flow(run.flow):
        _finish(run, RunState.FAILED, GONE_FLOW)
        return
    flow = ctx.recipe.flow(run.flow)
    if not flow.enabled(ctx.settings):
        _finish(run, RunState.FAILED, "This part of the integration is switched off.")
    elif run.kind == compare.KIND:
        _compare(ctx, flow, run)
    else:
        _page(ctx, flow, run)


def _page(ctx: SyncSession, flow: Flow, run: SyncRun) -> None:
    """Work on the page at the run's cursor, part by part, until it is finished or the run has to stop."""
    ctx.usage = Usage()
    began = time.monotonic()
    try:
        if run.started_at is None:
            _begin(ctx, flow, run)
        ours = run.kind in id_runs.KINDS
        with dry.guarded(run), dry.apart(ctx, run):
            page = id_runs.page(ctx, flow, run) if ours else flow.page(ctx, run.kind, run.cursor, _since(run))
        if page.next_cursor is not None and page.next_cursor == run.cursor:
            raise ContractError("The vendor leads from a page back to the same page.", detail=f"{run.cursor}")
        opened = OpenPage.of(run, page)
        while _part(ctx, flow, run, opened, began):
            began = time.monotonic()
    except LeaseLost:
        raise
    except IntegrationError as exc:
        if not _begins_anew(ctx, run, exc):
            _page_failed(ctx, run, exc)
    finally:
        ctx.part_ends, ctx.page_size = 0.0, 0


def _compare(ctx: SyncSession, flow: Flow, run: SyncRun) -> None:
    """Compare the page at the run's cursor with what the target has."""
    ctx.usage, began = Usage(), time.monotonic()
    try:
        if run.started_at is None:
            _begin(ctx, flow, run)
        if run.cursor is None:
            compared.forget(run)  # what a reading before this one has left
        with nothing_written():
            found = compare.step(ctx, flow, run)
    except LeaseLost:
        raise
    except IntegrationError as exc:
        if not _begins_anew(ctx, run, exc):
            _page_failed(ctx, run, exc)
        return
    used, ctx.usage = ctx.usage, Usage()
    with transaction.atomic():
        ctx.keep_lease(now=True)
        outcomes.save_calls(ctx)
        compared.store(run, found.rows, found.met)
        drifts.save(run, found.compared, found.findings)
        drifts.keep(run, run.flow, found.unjudged)
        run.counts = dict(Counter(run.counts) + found.counts)
        run.done += found.done
        run.usage = page_parts.added(run.usage, used, time.monotonic() - began)
        run.cursor, run.attempts, run.problem, run.next_attempt_at = found.cursor, 0, "", timezone.now()
        run.save(update_fields=[*PROGRESS, "options"])
        if run.cursor is None:
            _finish(run, RunState.DONE)
    if run.finished_at is not None:
        compared.forget(run)
    connection_health.worked(ctx.integration)


def _part(ctx: SyncSession, flow: Flow, run: SyncRun, opened: OpenPage, began: float) -> bool:
    """Work on the next part of a page and store what became of it. Returns whether to go on with this page now."""
    part = page_parts.following(ctx, flow, run, opened)
    with dry.guarded(run), dry.apart(ctx, run):
        groups = _processed(ctx, flow, run, part)
    used, ctx.usage = ctx.usage, Usage()
    groups = page_parts.settle(flow, run, opened, part, groups, used)
    with transaction.atomic():
        ctx.keep_lease(now=True)
        if run.dry_run:
            outcomes.save_calls(ctx)
        else:
            _save(ctx, flow, run, [group for group in groups if group.own])
        for group in groups:
            run_counts.add(run, group)
        run.usage = page_parts.added(run.usage, used, time.monotonic() - began)
        run.page_done, run.attempts, run.problem, run.next_attempt_at = opened.done, 0, "", timezone.now()
        if opened.is_finished:
            run.cursor, run.page_done = opened.page.next_cursor, []
        run.save(update_fields=PROGRESS)
        if opened.is_finished and run.cursor is None:
            _finish(run, RunState.DONE)
            _read_up_to(ctx, flow, run)
    if run.kind == id_runs.REPAIR:
        repair.check(ctx, flow, run, [item.external_id for item in part.items])
    connection_health.worked(ctx.integration)
    return not opened.is_finished and ctx.time_left() and _goes_on(run)


def _goes_on(run: SyncRun) -> bool:
    """Whether nobody has cancelled the run or paused its integration meanwhile. The next step ends or leaves it."""
    return SyncRun.objects.filter(pk=run.pk, cancel_requested=False, integration__state=State.ACTIVE).exists()


def _save(ctx: SyncSession, flow: Flow, run: SyncRun, groups: Sequence[Group]) -> None:
    """Store what became of the records that the run itself wrote."""
    for group in groups:
        outcomes.save(ctx, group.flow, group.done, quiet=QUIET.get(run.kind, frozenset()))
        composite.keep_unfinished(ctx, group.flow, group.done)
    if run.kind in id_runs.KINDS:  # only these items carried along what the stopped jobs knew
        id_runs.settle(ctx, flow, [entry for group in groups for entry in group.done])


def _processed(ctx: SyncSession, flow: Flow, run: SyncRun, part: Part) -> list[Group]:
    """What became of the part's records, those that nobody can read included."""
    hint = {"run": run.kind, **{key: value for key, value in run.options.items() if key not in NO_HINTS}}
    items = [replace(item, hint={**hint, **item.hint}) for item in part.items]
    if run.kind == id_runs.REPAIR:
        repair.prepare(ctx, flow, run, items)
    groups = composite.process(ctx, flow, items, part.records) if items else []
    if run.kind == id_runs.REPAIR:
        groups = repair.named(groups)
    if part.unreadable:
        groups.append(Group(flow, batch.unreadable(part.unreadable, hint)))
    return groups


def _begin(ctx: SyncSession, flow: Flow, run: SyncRun) -> None:
    run.total = _total(ctx, flow, run)
    if run.total is not None:
        run.total = max(run.total - int(run.options.get(DONE_BEFORE) or 0), 0)
    run.started_at, run.state = timezone.now(), RunState.RUNNING
    if run.kind == "poll" and "since" not in run.options:
        start_at = ctx.integration.activated_at or ctx.integration.created_at
        run.options = {**run.options, "since": cursors.since(ctx.integration, run.flow, start_at).isoformat()}
    run.save(update_fields=["total", "started_at", "state", "options"])


def _total(ctx: SyncSession, flow: Flow, run: SyncRun) -> int | None:
    """How many records the run will see, where that is cheap to know."""
    if run.kind == compare.KIND:
        compare_budget.begin(ctx, run)
        return compare.total(ctx, flow)
    return id_runs.count(run) if run.kind in id_runs.KINDS else flow.count(ctx, run.kind)


def _since(run: SyncRun) -> datetime | None:
    return datetime.fromisoformat(run.options["since"]) if run.options.get("since") else None


def _begins_anew(ctx: SyncSession, run: SyncRun, exc: IntegrationError) -> bool:
    """The vendor does not know the place any more at which the run wants to go on: it begins anew, a few times.

    How long a place is kept is documented nowhere. What is in step by then costs a comparison, no write.
    """
    before = int(run.options.get(BEGUN_ANEW) or 0)
    refused = isinstance(exc, RecordError) and not isinstance(exc, UnreadableRecord)
    if not refused or run.cursor is None or run.kind in id_runs.KINDS or before >= MOST_ANEW:
        return False
    with transaction.atomic():
        outcomes.save_calls(ctx)
        run.cursor, run.page_done, run.done, run.attempts, run.counts, run.samples = None, [], 0, 0, {}, {}
        run.options = {**run.options, BEGUN_ANEW: before + 1}
        run.save(update_fields=["cursor", "page_done", "done", "attempts", "counts", "samples", "options"])
    compared.forget(run)
    return True


def _page_failed(ctx: SyncSession, run: SyncRun, exc: IntegrationError) -> None:
    """Try the page again later; give the run up only after many tries in a row."""
    ours = exc.reason == Reason.INTERNAL_ERROR  # a fault of ours says nothing about the connection
    outcome = "wait" if ours else connection_health.note_error(ctx.connection(ctx.last_side), exc)
    if outcome == "retry":
        ctx.reopen()
    with transaction.atomic():
        outcomes.save_calls(ctx)
    pause = 0.0 if outcome == "retry" else retry.next_delay(retry.RUN_PAGE, run.attempts, asked=exc.retry_after)
    if exc.reason in outcomes.UNCOUNTED:
        run.attempts = max(run.attempts - 1, 0)  # waiting for the vendor or for others uses up no attempt
    run.problem = "" if exc.reason == Reason.GAVE_WAY else f"{exc.public} {exc.detail}".strip()
    run.next_attempt_at = timezone.now() + timedelta(seconds=pause)
    run.save(update_fields=["attempts", "problem", "next_attempt_at"])
    if retry.RUN_PAGE.used_up(run.attempts):
        _finish(run, RunState.FAILED, run.problem)


def _finish(run: SyncRun, state: str, problem: str = "") -> None:
    run.state, run.finished_at, run.problem = state, timezone.now(), problem
    if state == RunState.DONE and not run.options.get(compare_budget.SAMPLED):
        run.total = run.done  # some vendors only tell an upper bound beforehand
    run.save(update_fields=["state", "finished_at", "problem", "total"])
    if run.kind == compare.KIND and state == RunState.DONE and not run.options.get(compare_budget.SAMPLED):
        drifts.finish(run)
    if run.dry_run:
        dry.forget(run.integration.left, run)
        dry.forget(run.integration.right, run)


def _read_up_to(ctx: SyncSession, flow: Flow, run: SyncRun) -> None:
    """Remember, in the vendor's time, how far a poll has read: to where it began."""
    if run.kind == "poll" and not run.dry_run and run.started_at is not None:
        cursors.advance(run.integration, run.flow, ctx.connection(flow.side).their_time(run.started_at))
