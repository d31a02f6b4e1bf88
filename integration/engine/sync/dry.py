"""What a dry run needs beside the real run's code: rows guarded, and who would own an address by what it did so far.

The guard is the last line: whoever stores something of people in a dry run is stopped, and that record fails alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection as database

from integration.dry_run import is_dry, nothing_written
from integration.engine.flow.base import Flow, RecordOutcome
from integration.engine.flow.session import SyncSession
from integration.engine.records import identity_index
from integration.errors import IntegrationError
from integration.models import (
    Brake,
    Connection,
    ConsentEntry,
    Drift,
    FieldMapping,
    LinkState,
    RecordLink,
    SyncJob,
    SyncLog,
    SyncRun,
)

_WRITES = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE)
# What a dry run may note is what it read and what that cost; what became of a record is in none of these.
_KEPT = frozenset(
    model._meta.db_table for model in (Brake, ConsentEntry, Drift, FieldMapping, RecordLink, SyncJob, SyncLog)
)


@contextmanager
def guarded(run: SyncRun | None) -> Iterator[None]:
    """Work without writing, neither at a vendor nor in a row, where the run is a dry one."""
    if run is None or not run.dry_run or is_dry():
        yield
        return
    with nothing_written(), database.execute_wrapper(_refuse):
        yield


@contextmanager
def apart(ctx: SyncSession, run: SyncRun) -> Iterator[None]:
    """Give a dry run a memory of its own: what it counts as done must not count for the real work of the slice."""
    memory = ctx.cache
    if run.dry_run:
        ctx.cache = memory.setdefault(f"dry run {run.pk}", {})
    try:
        yield
    finally:
        ctx.cache = memory


def _refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    found = _WRITES.match(sql)
    if found and found[1] in _KEPT:
        raise IntegrationError("A dry run must not store this.", detail=found[1])
    return execute(sql, params, many, context)


def note_owners(ctx: SyncSession, flow: Flow, run: SyncRun, done: Sequence[RecordOutcome]) -> None:
    """Remember whose address each would be by now: the real run knows it by its links."""
    if run.pk is None:  # a preview of single records
        return
    taken = {
        entry.item.external_id: [entry.record.email]
        for entry in done
        if entry.record is not None and entry.record.email and entry.result.link_state not in (None, LinkState.REMOVED)
    }
    if taken:
        identity_index.remember(ctx.connection(flow.side), _kind(run, flow), taken)


def owners(ctx: SyncSession, flow: Flow, digests: Iterable[str]) -> dict[str, str]:
    """Keyed hash of an address → the record that would have it by now. Empty outside of a dry run."""
    run = ctx.run
    if run is None or run.pk is None or not run.dry_run:
        return {}
    found = identity_index.owners(ctx.connection(flow.side), _kind(run, flow), *digests)
    return {digest: record_id for record_id, digest in found.items()}


def forget(source: Connection, run: SyncRun) -> None:
    """Drop what was remembered for a dry run that is over."""
    identity_index.forget_kinds(source, _prefix(run))


def _kind(run: SyncRun, flow: Flow) -> str:
    return f"{_prefix(run)}{flow.link_type}"[:30]


def _prefix(run: SyncRun) -> str:
    return f"dry:{run.pk}:"
