"""Bulk upserts to Planhat for all flows: one call for many records, and each failure with its own record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from config.json_value import JSONValue
from integration.connectors.planhat.client import NOTE, own_id
from integration.connectors.planhat.records import Upserted, body
from integration.engine.api import FlowState, Record, Result, Write, links
from integration.errors import LeaseLost, TransientError
from integration.models import LinkState, Outcome, RecordLink
from integration.reasons import Reason
from integration.recipes.planhat_pipedrive.session import Session

ADDRESS = ("srcid-", "extid-")  # how an id of ours is written where Planhat's own is not known
NOTES_AT_ONCE = 50  # of those that have to be looked up first, of 200 calls a minute
FEW = 10  # more ids than these are not asked for one by one, of 200 calls a minute
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
    looked_up = model == NOTE and any(_is_uncertain(write.link) for write in writes)
    most = NOTES_AT_ONCE if looked_up else max(len(writes), 1)
    results: list[Result] = []
    stopped: TransientError | None = None
    for start in range(0, len(writes), most):
        portion = writes[start : start + most]
        try:
            if stopped is None:
                results += _upserted(ctx, model, portion, prefix, state)
                continue
        except TransientError as exc:
            if not results or isinstance(exc, LeaseLost):
                raise
            stopped = exc
        waits = Result(Outcome.RETRYING, reason=stopped.reason, detail=stopped.detail, link_state=None)
        results += [replace(waits, retry_after=stopped.retry_after)] * len(portion)
    return results


def _upserted(
    ctx: Session, model: str, writes: Sequence[Write], prefix: str, state: Callable[[Record], FlowState]
) -> list[Result]:
    """One call, and for notes the look-ups before it."""
    specs = ctx.fields("right", model) if model != "conversation" else {}
    key = own_id(model)
    rows = [{**body(sendable(write), specs), key: f"{prefix}{write.item.external_id}"} for write in writes]
    if model == NOTE:
        rows = _announced_notes(ctx, writes, rows)
    done = ctx.right.upsert(model, rows)
    ids = {**done.ids, **(_company_ids(ctx, writes, done) if model == "company" else {})}
    results = [_result(ctx, write, row, ids, done.errors, key) for write, row in zip(writes, rows, strict=True)]
    return [
        replace(result, notes=state(write.record).stored)
        if write.record and result.outcome == Outcome.SYNCED
        else result
        for write, result in zip(writes, results, strict=True)
    ]


def _company_ids(ctx: Session, writes: Sequence[Write], done: Upserted) -> dict[str, str]:
    """Our id → Planhat's, for companies whose id the answer did not tell: by it a change of theirs is recognised.

    Of many only the next poll tells; until then a change is noticed by that poll, not by an automation.
    """
    unknown = [
        write.item.external_id
        for write in writes
        if not {write.item.external_id} & (done.ids.keys() | done.errors.keys()) and not _is_known(write.link)
    ]
    if len(unknown) > FEW:
        return {}
    found = {key: ctx.right.get_company(f"srcid-{key}") for key in unknown}
    return {key: company.id for key, company in found.items() if company is not None}


def _is_known(link: RecordLink | None) -> bool:
    """Whether a link names its target by Planhat's own id."""
    return link is not None and bool(link.target_id) and not link.target_id.startswith(ADDRESS)


def _is_uncertain(link: RecordLink | None) -> bool:
    """Whether a note may be in Planhat under an id that is not known here: an earlier try was not answered for."""
    return link is not None and link.state != LinkState.REMOVED and not _is_known(link)


def _announced_notes(
    ctx: Session, writes: Sequence[Write], rows: Sequence[dict[str, JSONValue]]
) -> list[dict[str, JSONValue]]:
    """The rows with the id of each note that exists: by anything else no note is found, and a second one is made.

    New ones are announced, so that one whose answer was lost is looked up before it is sent again.
    """
    found = [_note_id(ctx, write, str(row[own_id(NOTE)])) for write, row in zip(writes, rows, strict=True)]
    links.record_intent(ctx.integration, "note", [w for w, note in zip(writes, found, strict=True) if not note])
    return [{**row, "_id": note} if note else row for row, note in zip(rows, found, strict=True)]


def _note_id(ctx: Session, write: Write, sent: str) -> str:
    if _is_uncertain(write.link):
        return ctx.right.find_note(sent) or ""
    return str(write.link.target_id) if write.link is not None and _is_known(write.link) else ""


def sendable(write: Write) -> dict[str, JSONValue]:
    """What is sent: a null clears, but only what had a value before. What Pipedrive never filled in stays as it is."""
    before = write.link.written if write.link else {}
    return {key: value for key, value in write.values.items() if value is not None or before.get(key) is not None}


def _result(
    ctx: Session,
    write: Write,
    row: Mapping[str, JSONValue],
    ids: Mapping[str, str],
    errors: Mapping[str, str],
    key: str,
) -> Result:
    sent = str(row[key])
    if sent in errors:
        reason = Reason.RECORD_CONFLICT if DUPLICATED in errors[sent].lower() else Reason.RECORD_REFUSED
        return Result(
            Outcome.FAILED, reason=reason, detail=f"Planhat: {errors[sent]}", link_state=None, call=ctx.last_call()
        )
    known = str(row.get("_id") or "") or (write.link.target_id if write.link else "")
    address = f"{'srcid' if key == 'sourceId' else 'extid'}-{sent}"
    return Result(Outcome.SYNCED, target_id=ids.get(sent) or known or address, call=ctx.last_call())
