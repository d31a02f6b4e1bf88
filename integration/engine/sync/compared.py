"""The target's records as a comparison has read them, and which of them goes with a record of the source."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from integration.connectors.objects import ObjectRecord
from integration.engine.flow.base import Comparison, Flow, RecordOutcome
from integration.engine.records import links
from integration.models import ComparedRecord, LinkState, SyncRun, columnar, membership
from integration.secrets import email_hash

PORTION = 5000


def keep(run: SyncRun, flow: Flow, record: ObjectRecord, wanted: Collection[str]) -> ComparedRecord:
    """The row (not saved) of one record, with the fields that are compared."""
    assert flow.comparison is not None
    own_key = record.values.get(flow.comparison.own_key) if flow.comparison.own_key else None
    return columnar.new(
        ComparedRecord, run_id=run.pk, record_id=record.id[:200], own_key=str(own_key or "")[:200],
        email_hash=email_hash(record.emails[0]) if record.emails else "",
        values={key: value for key, value in record.values.items() if key in wanted}, version=record.version,
    )  # fmt: skip


@dataclass(frozen=True)
class Targets:
    """Records of the target, by the vendor's id, by our key, and by the keyed hash of their address."""

    by_id: dict[str, ComparedRecord]
    by_key: dict[str, ComparedRecord]
    by_email: dict[str, ComparedRecord]

    @classmethod
    def of(cls, rows: Iterable[ComparedRecord]) -> Targets:
        """All of these rows."""
        found = cls({}, {}, {})
        for row in rows:
            found.by_id[row.record_id] = row
            if row.own_key:
                found.by_key[row.own_key] = row
            if row.email_hash:
                found.by_email[row.email_hash] = row
        return found

    def of_record(self, entry: RecordOutcome, comparison: Comparison) -> ComparedRecord | None:
        """The record that goes with one of the source: the linked one, else the one with its address."""
        link = entry.link
        if link is not None and link.state == LinkState.ACTIVE and link.target_id:
            key = links.own_key_of(link.target_id)
            found = self.by_key.get(key) if comparison.own_key else None
            found = found or self.by_id.get(link.target_id)
            if found is not None:
                return found
        digest = entry.record.email_hash if entry.record is not None else ""
        return self.by_email.get(digest) if digest else None


def targets_of(run: SyncRun, flow: Flow, planned: Sequence[RecordOutcome]) -> Targets:
    """What was kept of the records that these may go with."""
    rows = ComparedRecord.objects.filter(run=run)
    ids = _linked_targets(planned)
    digests = [entry.record.email_hash for entry in planned if entry.record is not None]
    chosen = [membership.among(rows, "record_id", ids), _with(rows, "email_hash", filter(None, digests))]
    if flow.comparison is not None and flow.comparison.own_key:
        chosen.append(_with(rows, "own_key", map(links.own_key_of, ids)))
    return Targets.of(row for part in chosen for row in columnar.load(part))


def _linked_targets(planned: Sequence[RecordOutcome]) -> list[str]:
    return [entry.link.target_id for entry in planned if entry.link is not None and entry.link.target_id]


def _with(rows: QuerySet[ComparedRecord], column: str, values: Iterable[str]) -> QuerySet[ComparedRecord]:
    return membership.among(rows.exclude(**{column: ""}), column, values)


def store(run: SyncRun, rows: Sequence[ComparedRecord], met: Sequence[str]) -> None:
    """Keep what was read, and note which of it goes with a record of the source."""
    columnar.insert(rows)
    if met:
        membership.among(ComparedRecord.objects.filter(run=run), "record_id", met).update(is_met=True)


def forget(run: SyncRun) -> None:
    """Drop what was kept for a comparison that is over or begins anew, in portions: the intake has to write, too."""
    rows = ComparedRecord.objects.filter(run=run)
    while ids := list(rows.values_list("pk", flat=True)[:PORTION]):
        ComparedRecord.objects.filter(pk__in=ids).delete()
