"""Bulk upserts to Planhat for all flows: one call for many records, and each failure with its own record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from integration.connectors.base import JSONValue
from integration.connectors.planhat.client import own_id
from integration.connectors.planhat.records import body
from integration.engine.api import FlowState, Record, Result, Write
from integration.models import Outcome
from integration.reasons import Reason
from integration.recipes.planhat_pipedrive.session import Session

DUPLICATED = "duplicat"  # in the vendor's words for a clash of keys (planhat sheet §4)


def upsert(
    ctx: Session,
    model: str,
    writes: Sequence[Write],
    *,
    prefix: str = "",
    state: Callable[[Record], FlowState] = lambda record: FlowState(),
) -> list[Result]:
    """Send these writes and say how each ended.

    `prefix` tells our ids apart where others use plain numbers. `state` is what the link of a record remembers.
    """
    specs = ctx.fields("right", model) if model != "conversation" else {}
    key = own_id(model)
    rows = [{**body(sendable(write), specs), key: f"{prefix}{write.item.external_id}"} for write in writes]
    done = ctx.right.upsert(model, rows)
    results = [
        _result(ctx, write, str(row[key]), done.ids, done.errors, key) for write, row in zip(writes, rows, strict=True)
    ]
    return [
        replace(result, notes=state(write.record).stored)
        if write.record and result.outcome == Outcome.SYNCED
        else result
        for write, result in zip(writes, results, strict=True)
    ]


def sendable(write: Write) -> dict[str, JSONValue]:
    """What is sent: a null clears, but only what had a value before. What Pipedrive never filled in stays as it is."""
    before = write.link.written if write.link else {}
    return {key: value for key, value in write.values.items() if value is not None or before.get(key) is not None}


def _result(
    ctx: Session, write: Write, sent: str, ids: Mapping[str, str], errors: Mapping[str, str], key: str
) -> Result:
    if sent in errors:
        reason = Reason.RECORD_CONFLICT if DUPLICATED in errors[sent].lower() else Reason.RECORD_REFUSED
        return Result(
            Outcome.FAILED, reason=reason, detail=f"Planhat: {errors[sent]}", link_state=None, call=ctx.last_call()
        )
    known = write.link.target_id if write.link else ""
    address = f"{'srcid' if key == 'sourceId' else 'extid'}-{sent}"
    return Result(Outcome.SYNCED, target_id=ids.get(sent) or known or address, call=ctx.last_call())
