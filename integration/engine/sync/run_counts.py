"""What a run says of itself: how many records ended how, and in a dry run a few of each kind."""

from __future__ import annotations

from collections import Counter

from config.json_value import JSONValue
from integration.engine.flow.base import RecordOutcome
from integration.engine.sync.composite import Group
from integration.models import Outcome, SyncRun
from integration.reasons import Reason

SAMPLES = 5  # records of each kind


def add(run: SyncRun, group: Group) -> None:
    """Add what became of these records to the run, which is not saved. A dry run keeps a few of each kind."""
    done, counts = group.done, Counter(run.counts)
    other = {"flow": group.flow.key} if group.flow.key != run.flow else {}
    samples = {key: list(rows) for key, rows in run.samples.items()}
    for entry in done:
        key = _key(entry)
        counts[key] += 1
        if run.dry_run and len(samples.setdefault(key, [])) < SAMPLES:
            samples[key].append({**_sample(entry), **other})
    run.counts, run.samples = dict(counts), samples
    run.done += len(done) if group.own else 0


def _key(entry: RecordOutcome) -> str:
    if entry.result.outcome == Outcome.SYNCED:
        return entry.result.action or (entry.write.action if entry.write else "synced")
    return f"{entry.result.outcome}:{entry.result.reason}"


def _sample(entry: RecordOutcome) -> dict[str, JSONValue]:
    is_shown = entry.record is not None and entry.result.reason != Reason.ADDRESS_ERASED
    name = entry.record.values.get("name", "") if entry.record is not None and is_shown else ""
    return {"id": entry.item.external_id, "name": name, "values": dict(entry.write.values) if entry.write else {}}
