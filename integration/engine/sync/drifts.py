"""What comparisons found: stored, looked up, decided about. A finding is a row as long as the difference is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from config.json_value import JSONValue, storable
from integration.engine.records import log
from integration.models import Drift, DriftKind, DriftState, SyncRun, membership
from integration.secrets import keyed_hash

Key = tuple[str, str, str]
PORTION = 200  # rows of one statement: with a row for each case, it grows with their square
SEEN = [
    "run", "kind", "email_hash", "ours", "theirs", "fingerprint", "two_way", "state", "since", "decided_by",
    "decided_at", "seen_at",
]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One difference, as it was found now."""

    kind: DriftKind
    source_id: str
    target_id: str = ""
    email_hash: str = ""
    field: str = ""
    ours: JSONValue = None
    theirs: JSONValue = None
    two_way: bool = False

    @property
    def key(self) -> Key:
        """What tells it from other findings of its flow."""
        return self.source_id, self.target_id, self.field

    @property
    def fingerprint(self) -> str:
        """A keyed hash of both values: by it a decision to leave them is known to be about these."""
        return keyed_hash(repr((self.kind.value, self.ours, self.theirs)))


def save(run: SyncRun, compared: Sequence[str], findings: Sequence[Finding], *, flow: str = "") -> None:
    """Store what was found of these records of the source, and drop what is not so any more.

    A finding that somebody left as it is stays so until its values change. `flow` is the run's where it is not given.
    """
    flow = flow or run.flow
    known = _known(run, flow, compared, findings)
    found = {one.key: one for one in findings}
    gone = [row.pk for key, row in known.items() if key not in found]
    if gone:
        Drift.objects.filter(pk__in=gone).delete()
    _see_again(run, [(known[key], one) for key, one in found.items() if key in known])
    Drift.objects.bulk_create(_row(run, flow, one) for key, one in found.items() if key not in known)


def _see_again(run: SyncRun, again: Sequence[tuple[Drift, Finding]]) -> None:
    """Note that these are still there; one whose values changed is news."""
    same = [row.pk for row, one in again if _is_same(row, one)]
    Drift.objects.filter(pk__in=same).update(run=run, seen_at=timezone.now())
    changed = [_changed(row, one, run) for row, one in again if not _is_same(row, one)]
    Drift.objects.bulk_update(changed, SEEN, batch_size=PORTION)


def keep(run: SyncRun, flow: str, unjudged: Sequence[str]) -> None:
    """Keep what was found before of records that a comparison could say nothing of."""
    mine = Drift.objects.filter(integration=run.integration_id, flow=flow)
    if unjudged:
        membership.among(mine, "source_id", unjudged).update(seen_at=timezone.now())


def _is_same(row: Drift, one: Finding) -> bool:
    return row.fingerprint == one.fingerprint and row.kind == one.kind


def _known(run: SyncRun, flow: str, compared: Sequence[str], findings: Sequence[Finding]) -> dict[Key, Drift]:
    """What was found before of these records."""
    mine = Drift.objects.filter(integration=run.integration_id, flow=flow)
    of_source = membership.among(mine, "source_id", filter(None, compared))
    only_there = [one.target_id for one in findings if not one.source_id]
    of_target = membership.among(mine.filter(kind=DriftKind.ONLY_TARGET), "target_id", only_there)
    return {(row.source_id, row.target_id, row.field): row for row in [*of_source, *of_target]}


def _row(run: SyncRun, flow: str, one: Finding) -> Drift:
    return Drift(
        integration_id=run.integration_id, run=run, flow=flow, kind=one.kind, source_id=one.source_id,
        target_id=one.target_id, email_hash=one.email_hash, field=one.field, ours=_shown(one.ours),
        theirs=_shown(one.theirs), fingerprint=one.fingerprint, two_way=one.two_way,
    )  # fmt: skip


def _changed(row: Drift, one: Finding, run: SyncRun) -> Drift:
    row.state, row.since, row.decided_by, row.decided_at = DriftState.OPEN, timezone.now(), None, None
    row.run, row.kind, row.email_hash, row.two_way = run, one.kind, one.email_hash, one.two_way
    row.ours, row.theirs, row.fingerprint = _shown(one.ours), _shown(one.theirs), one.fingerprint
    row.seen_at = timezone.now()
    return row


def _shown(value: JSONValue) -> JSONValue:
    """A value as the log shows it: addresses masked, long texts cut."""
    kept: JSONValue = storable(log.short(value))
    return kept


def finish(run: SyncRun) -> None:
    """Drop the findings that a whole comparison did not see again."""
    mine = Drift.objects.filter(integration=run.integration_id, flow=run.flow)
    mine.filter(seen_at__lt=run.started_at or run.created_at).delete()


def leave(rows: QuerySet[Drift], user: AbstractBaseUser | None) -> int:
    """Leave these as they are and ask no more about them, until their values change. Returns how many."""
    return rows.filter(state=DriftState.OPEN).update(
        state=DriftState.LEFT, decided_by_id=user.pk if user else None, decided_at=timezone.now()
    )


def ask_again(rows: QuerySet[Drift]) -> int:
    """Ask about these again. Returns how many."""
    return rows.filter(state=DriftState.LEFT).update(state=DriftState.OPEN, decided_by=None, decided_at=None)
