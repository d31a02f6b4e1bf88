"""Carry out the writes of a batch one by one, where the vendor has no bulk call. Flows call it from `write`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from structlog.contextvars import bound_contextvars

from integration.engine.clients import connection_health
from integration.engine.flow.base import Result, Write
from integration.engine.flow.session import SyncSession
from integration.errors import (
    AuthError,
    IntegrationError,
    LeaseLost,
    RecordError,
    SetupUnfinished,
    TenantActionError,
    TransientError,
)
from integration.models import Outcome, VendorCall
from integration.reasons import Reason

HELD_IN_A_ROW = 3  # so many records refused for want of a permission, and none taken: it is not the record


def write_each(ctx: SyncSession, writes: Sequence[Write], call: Callable[[Write], Result]) -> list[Result]:
    """Carry out single calls one after the other: a bad record fails alone, a limit defers only what is left.

    `call(write)` returns a Result or raises. Used by flows whose vendor has no bulk call.
    """
    results: list[Result] = []
    began = time.monotonic()
    for write in writes:
        if results and (not ctx.time_left() or ctx.part_over(began)):
            gave_way = TransientError("", retry_after=0.0, reason=Reason.GAVE_WAY)
            return _put_off(writes, results, gave_way)
        try:
            ctx.keep_lease()
            with bound_contextvars(job_id=write.item.job_id):
                results.append(_called(ctx, write, call))
        except LeaseLost:
            raise
        except (TransientError, TenantActionError) as exc:
            if exc.reason == Reason.PERMISSION_MISSING and not _all_refused(results):
                results.append(_held(exc, ctx.last_call()))  # perhaps this record only: its neighbours go on
                continue
            if not results or _all_refused(results):
                raise
            return _put_off(writes, results, exc)
        except RecordError as exc:
            results.append(failed(exc, ctx.last_call()))
    return results


def _called(ctx: SyncSession, write: Write, call: Callable[[Write], Result]) -> Result:
    """Carry out one call, once more where there is a newer access token than the one that was refused."""
    try:
        return call(write)
    except AuthError:
        if not connection_health.renewed(ctx.connection(ctx.last_side)):
            raise
        ctx.reopen()
        return call(write)


def _put_off(writes: Sequence[Write], results: Sequence[Result], exc: IntegrationError) -> list[Result]:
    """The results so far, and that all that is left waits for the same reason."""
    outcome = Outcome.HELD if isinstance(exc, TenantActionError) else Outcome.RETRYING
    left = Result(outcome, reason=exc.reason, detail=exc.detail, retry_after=exc.retry_after, link_state=None)
    return [*results, *[left] * (len(writes) - len(results))]


def _held(exc: IntegrationError, call: VendorCall | None) -> Result:
    return Result(
        Outcome.HELD, reason=exc.reason, detail=f"{exc.public} {exc.detail}".strip(), link_state=None, call=call
    )


def _all_refused(results: Sequence[Result]) -> bool:
    return len(results) >= HELD_IN_A_ROW - 1 and all(result.reason == Reason.PERMISSION_MISSING for result in results)


def failed(exc: IntegrationError, call: VendorCall | None = None) -> Result:
    """The result of a record the vendor refused, or that is tried again once its settings are in place."""
    outcome = Outcome.RETRYING if isinstance(exc, SetupUnfinished) else Outcome.FAILED
    return Result(outcome, reason=exc.reason, detail=f"{exc.public} {exc.detail}".strip(), link_state=None, call=call)
