"""Bring a batch of records up to date: read, decide, map, write. What became of it is stored by `outcomes`.

The runner calls it for claimed jobs, `runs` for pages of records; from here on both are the same code.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from config.json_value import JSONObject, JSONValue
from integration.engine.flow.base import Batch, Flow, Item, Record, RecordOutcome, Result, Skip, Sync, Write
from integration.engine.flow.mapping_row import MappingRow, as_data
from integration.engine.flow.reading import StoppedReading
from integration.engine.flow.session import SyncSession
from integration.engine.flow.state import EventContext
from integration.engine.mapping import parts, translate
from integration.engine.mapping.fields import catalogue
from integration.engine.records import links
from integration.engine.safety import erased, limits
from integration.engine.sync import dry, present, two_way
from integration.engine.sync.one_by_one import failed
from integration.errors import (
    ContractError,
    IntegrationError,
    TenantActionError,
    TransientError,
    UnreadableRecord,
)
from integration.models import (
    FieldMapping,
    LinkState,
    Outcome,
    RecordLink,
)
from integration.reasons import Reason

logger = logging.getLogger(__name__)


def process(
    ctx: SyncSession, flow: Flow, items: Sequence[Item], records: Mapping[str, Record] | None = None
) -> list[RecordOutcome]:
    """Bring these records up to date and return how each ended. Raises IntegrationErrors that concern them all."""
    with dry.guarded(ctx.run):
        return _processed(ctx, flow, items, records)


def _processed(
    ctx: SyncSession, flow: Flow, items: Sequence[Item], records: Mapping[str, Record] | None
) -> list[RecordOutcome]:
    done: list[RecordOutcome] = []
    if records is None:
        items, records, done = _read(ctx, flow, items)
    batch = present.load_batch(ctx, flow, items, records)
    rows = mapping_rows(ctx, flow)
    if not two_way.carries_back(ctx, flow):
        records = translate.with_names(ctx, flow, rows, records)
    pending = _all_decided(ctx, flow, batch, rows, items, records, done)
    pending = _merges_first(pending, done)
    pending = _settled(ctx, flow, pending, done)
    pending = _braked(ctx, flow, pending, done, len(items))
    writes = [entry.write for entry in pending if entry.write]
    results = flow.write(ctx, writes) if writes else []
    limits.note_removals(ctx, flow, writes, results)
    done += [replace_result(entry, result) for entry, result in zip(pending, results, strict=True)]
    if ctx.run is not None and ctx.run.dry_run:
        dry.note_owners(ctx, flow, ctx.run, done)
    return done


def _read(
    ctx: SyncSession, flow: Flow, items: Sequence[Item]
) -> tuple[Sequence[Item], Mapping[str, Record], list[RecordOutcome]]:
    """The items that were read, their records, and how those end that a limit left unread: they wait."""
    try:
        return items, flow.read(ctx, items), []
    except StoppedReading as stopped:
        waits = Result(
            Outcome.RETRYING, reason=stopped.reason, detail=stopped.detail, retry_after=stopped.retry_after,
            link_state=None,
        )  # fmt: skip
        asked = [item for item in items if item.external_id in stopped.asked]
        waiting = [item for item in items if item.external_id not in stopped.asked]
        return asked, stopped.records, [RecordOutcome(item, None, None, waits) for item in waiting]


def _all_decided(
    ctx: SyncSession,
    flow: Flow,
    batch: Batch,
    rows: Sequence[MappingRow],
    items: Sequence[Item],
    records: Mapping[str, Record],
    done: list[RecordOutcome],
) -> list[RecordOutcome]:
    """Those that are to be written; the others are done."""
    pending: list[RecordOutcome] = []
    for item in items:
        entry = _decided(ctx, flow, batch, rows, item, records.get(item.external_id))
        (pending if entry.write else done).append(entry)
    return pending


def _merges_first(pending: Sequence[RecordOutcome], done: list[RecordOutcome]) -> list[RecordOutcome]:
    """Those that may be written now; who takes over another record's link in this batch is decided anew with it.

    Otherwise the link it had when the batch began, or none, would overwrite what the merge hands over.
    """
    survivors = {
        str(entry.write.values["merged_into"]) for entry in pending if entry.write and _hands_over(entry.write)
    }
    now: list[RecordOutcome] = []
    for entry in pending:
        if entry.item.external_id in survivors and not _hands_over(entry.write):
            again = Result(Outcome.RETRYING, reason=Reason.GAVE_WAY, retry_after=0.0, link_state=None)
            done.append(replace_result(entry, again))
        else:
            now.append(entry)
    return now


def _hands_over(write: Write | None) -> bool:
    return write is not None and "merged_into" in write.values


def _braked(
    ctx: SyncSession, flow: Flow, pending: Sequence[RecordOutcome], done: list[RecordOutcome], seen: int
) -> list[RecordOutcome]:
    """Those that may be written now; what would take too much away at once waits for a person."""
    held = limits.removals_held(ctx, flow, [entry.write for entry in pending if entry.write], seen=seen)
    done += [replace_result(entry, held[id(entry.write)]) for entry in pending if id(entry.write) in held]
    return [entry for entry in pending if id(entry.write) not in held]


def _settled(
    ctx: SyncSession, flow: Flow, pending: Sequence[RecordOutcome], done: list[RecordOutcome]
) -> list[RecordOutcome]:
    """Those of a two-way flow's writes that are left once both sides were compared; the others are done."""
    rows = mapping_rows(ctx, flow)
    settled = two_way.settle(ctx, flow, rows, [entry.write for entry in pending if entry.write])
    left: list[RecordOutcome] = []
    for entry in pending:
        outcome = settled.get(id(entry.write))
        if outcome is None:
            left.append(entry)
            continue
        detail = "; ".join(filter(None, (entry.result.detail, outcome.result.detail)))
        notes = {**entry.result.notes, **outcome.result.notes}
        result = replace(outcome.result, detail=detail, notes=notes)
        (done if outcome.write is None else left).append(
            RecordOutcome(entry.item, entry.record, entry.link, result, outcome.write)
        )
    return left


def planned(ctx: SyncSession, flow: Flow, items: Sequence[Item], records: Mapping[str, Record]) -> list[RecordOutcome]:
    """What the flow and its mapping would do with each record. Nothing is written, and no write is tried out.

    Where something would be done, the entry has a write. Raises IntegrationErrors that concern them all.
    """
    with dry.guarded(ctx.run):
        batch = present.load_batch(ctx, flow, items, records)
        rows = mapping_rows(ctx, flow)
        records = translate.with_names(ctx, flow, rows, records)
        return [_decided(ctx, flow, batch, rows, item, records.get(item.external_id)) for item in items]


def process_with_bisect(
    ctx: SyncSession, flow: Flow, items: Sequence[Item], records: Mapping[str, Record] | None = None
) -> list[RecordOutcome]:
    """Like `process`, but a batch that is refused as a whole is halved until the culprit stands alone.

    When the vendor's answers make no sense at all, the halving stops after the first half: log n calls, not n.
    """
    try:
        return process(ctx, flow, items, records)
    except (TransientError, TenantActionError):
        raise
    except Exception as exc:
        problem = exc
    if len(items) == 1:
        return [fail_single(items[0], records, problem)]
    middle = len(items) // 2
    first = process_with_bisect(ctx, flow, items[:middle], records)
    if isinstance(problem, ContractError) and all(entry.result.reason == problem.reason for entry in first):
        return first + [fail_single(item, records, problem) for item in items[middle:]]
    return first + process_with_bisect(ctx, flow, items[middle:], records)


def fail_single(item: Item, records: Mapping[str, Record] | None, problem: Exception) -> RecordOutcome:
    """How a record ends whose batch, down to itself, was refused."""
    record = (records or {}).get(item.external_id)
    if isinstance(problem, ContractError):
        detail = f"{problem.public} {problem.detail}".strip()
        return RecordOutcome(
            item, record, None, Result(Outcome.RETRYING, reason=problem.reason, detail=detail, link_state=None)
        )
    return RecordOutcome(item, record, None, _failure(problem))


def unreadable(problems: Mapping[str, str], hint: JSONObject) -> list[RecordOutcome]:
    """How the records of a page end that the vendor listed and nobody can read: id → what is wrong with it."""
    return [
        fail_single(
            Item(record_id, hint), None,
            UnreadableRecord("The vendor sent a record that cannot be read.", detail=problem),
        )
        for record_id, problem in problems.items()
    ]  # fmt: skip


def mapping_rows(ctx: SyncSession, flow: Flow) -> list[MappingRow]:
    """The tenant's mapping rows of a flow (or of the one it carries back) as data, read once per slice."""
    owner = two_way.carries_back(ctx, flow) or flow.key
    key = f"mapping:{owner}"
    if key not in ctx.cache:
        rows = FieldMapping.objects.filter(integration=ctx.integration, flow=owner).exclude(direction="off")
        ctx.cache[key] = [as_data(row) for row in rows]
    found: list[MappingRow] = ctx.cache[key]
    return found


def use_rows(ctx: SyncSession, flow: Flow, rows: Iterable[MappingRow]) -> None:
    """Map with these rows instead of the stored ones, for as long as the context lives."""
    ctx.cache[f"mapping:{flow.key}"] = list(rows)


def replace_result(entry: RecordOutcome, result: Result) -> RecordOutcome:
    """The same entry with its final result; keeps what the mapping and the other side had to say."""
    if entry.result.detail and not result.detail:
        reason = result.reason or entry.result.reason or Reason.VALUE_INVALID
        result = replace(result, detail=entry.result.detail, reason=reason)
    if entry.result.follow_ups or entry.result.notes:
        result = replace(
            result, follow_ups=(*result.follow_ups, *entry.result.follow_ups),
            notes={**entry.result.notes, **result.notes},
        )  # fmt: skip
    return RecordOutcome(entry.item, entry.record, entry.write.link if entry.write else entry.link, result, entry.write)


def _decided(
    ctx: SyncSession, flow: Flow, batch: Batch, rows: Sequence[MappingRow], item: Item, record: Record | None
) -> RecordOutcome:
    link = batch.links.get(item.external_id)
    if not two_way.carries_back(ctx, flow) and _lags_behind(record, link):
        return RecordOutcome(item, record, link, _skipped(Skip(Reason.STALE_EVENT)))
    try:
        decision = flow.decide(ctx, batch, item, record)
        if isinstance(decision, Skip):
            link = link or _placeholder(ctx, flow, item, decision)
            return RecordOutcome(item, record, link, _skipped(decision))
        if record is not None and _is_refused(flow, batch, decision, record):
            erased.note_refused(ctx, record)
            return RecordOutcome(item, record, link, _skipped(Skip(Reason.ADDRESS_ERASED, notes=decision.notes)))
        return _planned(ctx, flow, rows, decision, item, record, link)
    except (TransientError, TenantActionError):
        raise
    except Exception as exc:
        return RecordOutcome(item, record, link, _failure(exc))


def _is_refused(flow: Flow, batch: Batch, decision: Sync, record: Record) -> bool:
    """Whether this would take in somebody whose data was erased. What takes them away travels."""
    return batch.is_erased(record) and decision.action not in flow.destructive_actions | flow.parting_actions


def _lags_behind(record: Record | None, link: RecordLink | None) -> bool:
    """Whether what was read is older than what we wrote already."""
    if record is None or link is None or record.version is None or link.source_version is None:
        return False
    return record.version < link.source_version


def _placeholder(ctx: SyncSession, flow: Flow, item: Item, decision: Skip) -> RecordLink | None:
    """The link of a record that is nothing to the target, where the flow wants it remembered."""
    if not decision.remember:
        return None
    return links.create_placeholder(ctx.integration, flow.link_type, item.external_id, decision.notes)


def _planned(
    ctx: SyncSession,
    flow: Flow,
    rows: Sequence[MappingRow],
    decision: Sync,
    item: Item,
    record: Record | None,
    link: RecordLink | None,
) -> RecordOutcome:
    """What would be written: the flow's own values, or those that it carries back for another flow."""
    back = two_way.carries_back(ctx, flow)
    if back and decision.mapped and record is not None and link is not None:
        return _planned_back(ctx, back, rows, decision, item, record, link)
    values, detail = _values(ctx, flow, rows, decision, record, link)
    certain = EventContext.read(item.hint).is_certain
    if decision.action == "update" and link is not None and not certain and _unchanged(link, values):
        return RecordOutcome(
            item,
            record,
            link,
            Result(Outcome.SKIPPED, reason=Reason.UNCHANGED, detail=detail, link_state=None, notes=decision.notes),
        )
    write = Write(item, decision.action, values, record, link)
    return RecordOutcome(item, record, link, Result(Outcome.SYNCED, detail=detail), write)


def _values(
    ctx: SyncSession,
    flow: Flow,
    rows: Sequence[MappingRow],
    decision: Sync,
    record: Record | None,
    link: RecordLink | None,
) -> tuple[dict[str, JSONValue], str]:
    """What the mapping makes of a record, with the flow's own values, and what could not be converted."""
    values: dict[str, JSONValue] = {}
    problems: dict[str, str] = {}
    if decision.mapped and record is not None:
        mapped = translate.mapped(ctx, flow, rows, record.values, creating=decision.creating)
        values, problems = mapped.values, mapped.problems
        if link is not None and flow.two_way is not None:
            values = parts.as_written(parts.groups(rows, catalogue(ctx, flow).sources), values, link.written)
    detail = "; ".join(f"{field}: {why}" for field, why in problems.items())
    return {**values, **decision.extra}, detail


def _planned_back(
    ctx: SyncSession,
    forward: str,
    rows: Sequence[MappingRow],
    decision: Sync,
    item: Item,
    record: Record,
    link: RecordLink,
) -> RecordOutcome:
    write, notes, problems = two_way.planned_back(ctx, ctx.recipe.flow(forward), rows, decision, item, record, link)
    detail = "; ".join(f"{name}: {why}" for name, why in problems.items())
    if write is None:
        reason = Reason.VALUE_INVALID if problems else Reason.ECHO
        return RecordOutcome(
            item, record, link, Result(Outcome.SKIPPED, reason=reason, detail=detail, link_state=None, notes=notes)
        )
    return RecordOutcome(item, record, link, Result(Outcome.SYNCED, detail=detail, notes=notes), write)


def _unchanged(link: RecordLink, values: JSONObject) -> bool:
    return link.state == LinkState.ACTIVE and link.written_hash == links.content_hash(values)


def _skipped(decision: Skip) -> Result:
    return Result(
        Outcome.SKIPPED, reason=decision.reason, detail=decision.detail, link_state=None, notes=decision.notes,
        follow_ups=decision.follow_ups,
    )  # fmt: skip


def _failure(exc: Exception) -> Result:
    if isinstance(exc, IntegrationError):
        return failed(exc)
    logger.error("A record failed in our own code.", exc_info=exc)
    return Result(Outcome.FAILED, reason=Reason.INTERNAL_ERROR, detail=f"{type(exc).__name__}: {exc}", link_state=None)
