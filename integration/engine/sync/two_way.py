"""Two-way flows: which side changed a field since the last write, and who wins where both did. Called by `batch`.

Both flows of a pair share their links: what was last written, in the target's terms, is the base both sides are
compared with. The winner depends on fields and versions alone, so it is the same whichever flow comes first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from config.json_value import JSONObject, JSONValue
from integration.connectors.base import FieldSpec
from integration.engine.flow.base import Enqueue, Flow, Item, Record, Result, Sync, Write
from integration.engine.flow.mapping_row import MappingRow
from integration.engine.flow.state import EventContext
from integration.engine.mapping import parts, transforms, translate
from integration.engine.mapping.fields import Catalogue, catalogue, read_again
from integration.models import LinkState, Outcome, RecordLink
from integration.reasons import NoReason, Reason, ReasonCode

if TYPE_CHECKING:
    from integration.engine.flow.session import SyncSession

NEWEST, SOURCE, TARGET = "newest", "source", "target"
SAME, BOTH = "same", "both"
RETURNED = "returned"  # in a link's notes: what fields that only travel back were when they last did
WORD_LIMIT = 60


@dataclass(frozen=True)
class Pair:
    """A flow and the one that carries its rows back, with the tenant's choice of who wins."""

    forward: Flow
    back: Flow
    wins: str


@dataclass(frozen=True)
class Settled:
    """What is left of one write: None when nothing has to be written, with the result instead."""

    write: Write | None
    result: Result


@dataclass
class _Merge:
    """One record while its fields are settled."""

    sent: dict[str, JSONValue]
    remember: dict[str, JSONValue]
    said: list[str] = field(default_factory=list)
    lost: bool = False  # the other side won a field: its flow has to carry it


def pair_of(ctx: SyncSession, flow: Flow) -> Pair | None:
    """The pair a flow belongs to; None for a one-way flow or when one half is switched off."""
    for forward in ctx.recipe.flows:
        way = forward.two_way
        if way is not None and flow.key in (forward.key, way.back):
            back = ctx.recipe.flow(way.back)
            on = forward.enabled(ctx.settings) and back.enabled(ctx.settings)
            return Pair(forward, back, way.wins(ctx.settings)) if on else None
    return None


def carries_back(ctx: SyncSession, flow: Flow) -> str:
    """The flow whose rows this one reads backwards; empty when it does not."""
    pairs = (forward.key for forward in ctx.recipe.flows if forward.two_way and forward.two_way.back == flow.key)
    return next(pairs, "")


def alike(one: JSONValue, other: JSONValue) -> bool:
    """Whether two systems mean the same value: empty is empty, and 5 is 5.0 is "5"."""
    if one in (None, "", []) or other in (None, "", []):
        return one in (None, "", []) and other in (None, "", [])
    return bool(one == other) or bool(_plain(one) == _plain(other))


def _plain(value: JSONValue) -> float | str:
    """A number as a number, however it is written; anything else as text."""
    text = str(value).strip()
    try:
        number = float(value if isinstance(value, int | float) else text)
    except (ValueError, OverflowError):
        return text
    return number if math.isfinite(number) else text


def verdict(base: JSONValue, source: JSONValue, target: JSONValue) -> str:
    """Which side changed a field since both agreed on `base`: same, source, target or both."""
    if alike(source, target):
        return SAME
    if alike(target, base):
        return SOURCE
    return TARGET if alike(source, base) else BOTH


def winner(wins: str, source: Record | None, target: Record | None) -> str:
    """The side that wins where both changed; of two unknown or equal times the source's."""
    if wins != NEWEST:
        return wins
    ours, theirs = (record.version if record else None for record in (source, target))
    return TARGET if theirs is not None and (ours is None or theirs > ours) else SOURCE


# The way back


def planned_back(
    ctx: SyncSession,
    forward: Flow,
    rows: Sequence[MappingRow],
    decision: Sync,
    item: Item,
    record: Record,
    link: RecordLink,
) -> tuple[Write | None, JSONObject, Mapping[str, str]]:
    """The write of a record on its way back: only what differs from the base. None: it is what we wrote ourselves.

    Returns the write, what the link's notes get, and what did not fit.
    """
    fields = catalogue(ctx, forward)
    changed = {row.target: row for row in rows if _came_back(row, record, link, fields)}
    mapped = translate.backward([*changed.values()], record.values, fields)
    turned = {"source": "target", "target": "source"}  # the lists of a record on its way back
    if read_again(ctx, forward, {turned[side] for side in mapped.unknown}):
        fields = catalogue(ctx, forward)
        mapped = translate.backward([*changed.values()], record.values, fields)
    values = {**mapped.values, **decision.extra}
    seen = {key: _at(record, key, fields) for key in changed}
    remember = {**link.written, **{key: value for key, value in seen.items() if changed[key].direction == "both"}}
    notes = {RETURNED: {**link.notes.get(RETURNED, {}), **seen}} if seen else {}
    returning = {key: row.source for key, row in changed.items() if row.source in mapped.values}
    write = Write(item, decision.action, values, record, link, remember=remember, returning=returning)
    return (write if values else None), {**notes, **decision.notes}, mapped.problems


def _came_back(row: MappingRow, record: Record, link: RecordLink, fields: Catalogue) -> bool:
    if (
        row.direction not in ("both", "backward")
        or not transforms.is_reversible(row)
        or row.target not in fields.targets
    ):
        return False
    value = _at(record, row.target, fields)
    return not isinstance(value, transforms.Absent) and not alike(value, _base(link, row.target))


def _at(record: Record, key: str, fields: Catalogue) -> JSONValue | transforms.Absent:
    """A target record's value of the field with this key."""
    return transforms.pick(record.values, fields.target_paths[key])


def _known(record: Record | None, key: str, fields: Catalogue, base: JSONValue) -> JSONValue:
    """A target's value; what its record does not speak of is as it was."""
    value = _at(record, key, fields) if record is not None else base
    return base if isinstance(value, transforms.Absent) else value


def _base(link: RecordLink, key: str) -> JSONValue:
    """What both sides agreed on last."""
    known: JSONObject = link.written if key in link.written else link.notes.get(RETURNED, {})
    return known.get(key)


# Settling


def settle(ctx: SyncSession, flow: Flow, rows: Sequence[MappingRow], writes: Sequence[Write]) -> dict[int, Settled]:
    """Settle what both sides changed, by write. Reads the other side, many records per call, only where it matters."""
    pair = pair_of(ctx, flow)
    both = {row.target: row for row in rows if row.direction == "both" and transforms.is_reversible(row)}
    if pair is None or not both:
        return {}
    linked = [write for write in writes if write.link is not None and write.link.state == LinkState.ACTIVE]
    if flow.key == pair.back.key:
        return _settle_back(ctx, pair, rows, both, linked)
    return _settle_forward(ctx, pair, both, linked)


def _settle_forward(
    ctx: SyncSession, pair: Pair, both: Mapping[str, MappingRow], writes: Sequence[Write]
) -> dict[int, Settled]:
    """Settle writes to the target; its records are read where the source changed a two-way field."""
    concerned = [write for write in writes if both.keys() & write.values.keys()]
    others = _read(ctx, pair.back, [write for write in concerned if _changed(write, both)])
    return {id(write): _settled_forward(ctx, pair, both, write, others) for write in concerned}


def _settle_back(
    ctx: SyncSession, pair: Pair, rows: Sequence[MappingRow], both: Mapping[str, MappingRow], writes: Sequence[Write]
) -> dict[int, Settled]:
    """Settle writes on their way back; the source's records are read again for all that carry a two-way field."""
    concerned = [write for write in writes if write.returning.keys() & both.keys()]
    others = translate.with_names(ctx, pair.forward, rows, _read(ctx, pair.forward, concerned))
    return {id(write): _settled_back(ctx, pair, rows, both, write, others) for write in concerned}


def _read(ctx: SyncSession, flow: Flow, writes: Sequence[Write]) -> Mapping[str, Record]:
    return flow.read(ctx, [Item(write.item.external_id) for write in writes]) if writes else {}


def _changed(write: Write, both: Mapping[str, MappingRow]) -> list[str]:
    """The two-way fields that the source changed since the last write."""
    assert write.link is not None
    return [key for key in both if key in write.values and not alike(write.values[key], write.link.written.get(key))]


def _settled_forward(
    ctx: SyncSession, pair: Pair, both: Mapping[str, MappingRow], write: Write, others: Mapping[str, Record]
) -> Settled:
    """Send what the source changed; two-way fields it did not change are left to the target."""
    fields, link = catalogue(ctx, pair.forward), write.link
    assert link is not None
    merge = _Merge(dict(write.values), dict(write.values))
    changed, other = _changed(write, both), others.get(write.item.external_id)
    for key in both.keys() & write.values.keys():
        base, ours = link.written.get(key), write.values[key]
        if key not in changed:
            del merge.sent[key]
            continue
        theirs = _known(other, key, fields, base)
        if verdict(base, ours, theirs) == SAME:
            del merge.sent[key]
        elif verdict(base, ours, theirs) == BOTH:
            won = winner(pair.wins, write.record, other)
            _note(merge, fields, key, ours, theirs, won)
            if won == TARGET:
                del merge.sent[key]
                merge.remember[key] = base
                merge.lost = True
    certain = EventContext.read(write.item.hint).is_certain
    left = any(certain or not alike(value, link.written.get(key)) for key, value in merge.sent.items())
    return _outcome(pair.back, write, merge, nothing_left=not left and write.action == "update")


def _settled_back(
    ctx: SyncSession,
    pair: Pair,
    rows: Sequence[MappingRow],
    both: Mapping[str, MappingRow],
    write: Write,
    others: Mapping[str, Record],
) -> Settled:
    """Write back what the target changed, unless the source changed it too and wins."""
    fields, link, source = catalogue(ctx, pair.forward), write.link, others.get(write.item.external_id)
    assert link is not None
    assert write.record is not None
    merge = _Merge(dict(write.values), dict(write.remember or link.written))
    wholes = parts.groups(rows, fields.sources)
    now = parts.as_written(wholes, _forward_values(rows, source, fields), link.written)
    for key in write.returning.keys() & both.keys():
        base, ours = link.written.get(key), now.get(key)
        theirs = _known(write.record, key, fields, base)
        if key not in now or verdict(base, ours, theirs) == TARGET:
            continue
        if verdict(base, ours, theirs) == SAME:
            merge.sent.pop(write.returning[key], None)
            continue
        won = winner(pair.wins, source, write.record)
        _note(merge, fields, key, ours, theirs, won)
        if won == SOURCE:
            merge.sent.pop(write.returning[key], None)
            merge.remember[key] = base
            merge.lost = True
    merge.sent = parts.whole_again(wholes, merge.sent, {**link.written, **now})
    carried = {row.target: row.source for group in wholes for row in group if row.source in merge.sent}
    write.returning = {**write.returning, **carried}
    return _outcome(pair.forward, write, merge, nothing_left=not merge.sent)


def _forward_values(rows: Sequence[MappingRow], source: Record | None, fields: Catalogue) -> dict[str, JSONValue]:
    if source is None:
        return {}
    return translate.forward(rows, source.values, fields).values


def _outcome(other: Flow, write: Write, merge: _Merge, *, nothing_left: bool) -> Settled:
    said = "; ".join(merge.said)
    reason: ReasonCode | NoReason = Reason.BOTH_CHANGED if said else ""
    again = (Enqueue(other.key, write.item.external_id),) if merge.lost else ()
    if nothing_left:
        state = write.link.state if write.link else None
        result = Result(Outcome.SKIPPED, reason=reason or Reason.ECHO, detail=said, link_state=state,
                        written=merge.remember, follow_ups=again)  # fmt: skip
        return Settled(None, result)
    write.values, write.remember = merge.sent, merge.remember
    return Settled(write, Result(Outcome.SYNCED, reason=reason, detail=said, follow_ups=again))


def _note(merge: _Merge, fields: Catalogue, key: str, ours: JSONValue, theirs: JSONValue, won: str) -> None:
    """Both values for the log, and whose was kept."""
    spec: FieldSpec = fields.targets[key]
    side = fields.source if won == SOURCE else fields.target
    merge.said.append(f"{spec.label}: {_word(ours)} in {fields.source}, {_word(theirs)} in {fields.target}; {side} won")


def _word(value: JSONValue) -> str:
    text = "empty" if value in (None, "") else str(value)
    return f"“{text[:WORD_LIMIT]}…”" if len(text) > WORD_LIMIT else f"“{text}”"
