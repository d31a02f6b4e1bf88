"""Repair what a comparison found: the source's values are written again, or a two-way field's are taken over.

A repair is a run over the records of the findings, with progress, Cancel and the limits on what is taken away. It
subscribes nobody: only records that are linked already take part. Once a record was written, both sides are read again,
and the finding goes only when they are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from config.json_value import JSONObject, JSONValue, json_object, json_texts
from integration.dry_run import nothing_written
from integration.engine.flow.base import Flow, Item
from integration.engine.flow.session import SyncSession
from integration.engine.records import links
from integration.engine.sync import batch, compare, drifts
from integration.engine.sync.composite import Group
from integration.models import Drift, DriftKind, LinkState, Outcome, SyncRun

ACTION = "repaired"
FORWARD, FIELDS = "forward", "fields"  # among a run's options: the flow repaired backwards, each record's fields


class Take(StrEnum):
    """Whose values count."""

    OURS = "ours"
    THEIRS = "theirs"


def may_take(row: Drift, take: Take) -> bool:
    """Whether a finding can be repaired in this way: a record that is linked, the target's value where rows go back."""
    if row.kind == DriftKind.ONLY_TARGET or not row.target_id:
        return False
    return take is Take.OURS or (row.kind == DriftKind.DIFFERS and row.two_way)


def prepare(ctx: SyncSession, flow: Flow, run: SyncRun, items: Sequence[Item]) -> None:
    """Before two-way fields are repaired: what the losing side has is what both agreed on, so the winner's is news."""
    forward = ctx.recipe.flow(str(run.options.get(FORWARD) or flow.key))
    if forward.two_way is None or forward.comparison is None:
        return
    ours = forward is flow
    with nothing_written():
        planned = batch.planned(ctx, forward, items, forward.read(ctx, items))
    targets = compare.read_now(ctx, forward, run, planned) if ours else None
    changed = []
    for entry in planned:
        if entry.link is None or entry.link.state != LinkState.ACTIVE or entry.write is None:
            continue
        if targets is None:
            agreed = _chosen(run, entry.item.external_id, entry.write.values)
        else:
            row = targets.of_record(entry, forward.comparison)
            theirs = row.values if row is not None else {}
            agreed = _chosen(run, entry.item.external_id, theirs)
            agreed = {key: agreed[key] for key in compare.two_way_fields(ctx, forward) & agreed.keys()}
        entry.link.written = {**entry.link.written, **agreed}
        entry.link.updated_at = timezone.now()
        changed.append(entry.link)
    links.save_links(changed)


def _chosen(run: SyncRun, record_id: str, values: JSONObject) -> dict[str, JSONValue]:
    """The values of those fields of a record that the target's are to replace."""
    wanted = set(json_texts(json_object(run.options.get(FIELDS)).get(record_id)))
    return {key: value for key, value in values.items() if key in wanted}


def named(groups: Sequence[Group]) -> list[Group]:
    """The same outcomes as the log is to tell them: what was written was repaired."""
    return [
        replace(
            group,
            done=[
                replace(entry, result=replace(entry.result, action=ACTION))
                if entry.result.outcome == Outcome.SYNCED
                else entry
                for entry in group.done
            ],
        )
        for group in groups
    ]


def check(ctx: SyncSession, flow: Flow, run: SyncRun, ids: Sequence[str]) -> None:
    """Read both sides of these records again and keep only the findings that are still true."""
    forward = ctx.recipe.flow(str(run.options.get(FORWARD) or flow.key))
    if not ids or not compare.can_compare(forward):
        return
    with nothing_written():
        found = compare.again(ctx, forward, run, ids)
    with transaction.atomic():
        ctx.keep_lease(now=True)
        drifts.save(run, found.compared, found.findings, flow=forward.key)
        drifts.keep(run, forward.key, found.unjudged)
