"""Store what became of a batch: vendor calls, links, the consent ledger, the log and the jobs that follow.

`runner`, `runs` and `composite` call it inside the transaction that also finishes the jobs or the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from config.json_value import JSONObject, JSONValue
from integration.engine.dispatch.jobs import save_jobs
from integration.engine.flow.base import Flow, RecordOutcome
from integration.engine.flow.session import SyncSession
from integration.engine.records import links, log
from integration.engine.safety import consent_ledger, erased
from integration.engine.sync import two_way
from integration.models import (
    ConsentEntry,
    RecordLink,
    SyncJob,
    SyncLog,
    VendorCall,
    columnar,
)
from integration.reasons import Reason, ReasonCode

# Waiting that uses up no attempt.
UNCOUNTED: frozenset[ReasonCode] = frozenset(
    {Reason.RATE_LIMITED, Reason.LEASE_LOST, Reason.PERSON_QUEUED, Reason.GAVE_WAY, Reason.CAP_REACHED}
)


def save(
    ctx: SyncSession, flow: Flow, done: Sequence[RecordOutcome], *, quiet: frozenset[ReasonCode] = frozenset()
) -> None:
    """Store vendor calls, links and log rows. Called inside the transaction that also finishes the jobs or the page.

    `quiet` names skip reasons that are counted but not logged row by row (a poll meets the same records again), unless
    there is more to say, a value that does not fit for example.
    """
    save_calls(ctx)
    now = timezone.now()
    logs: list[SyncLog] = []
    changed: list[RecordLink] = []
    consents: list[ConsentEntry] = []
    for entry in done:
        before = _before(entry)
        if row := _consent(ctx, flow, entry):
            consents.append(row)
        if link := _updated_link(ctx, flow, entry, now):
            changed.append(link)
        said = entry.result.reason not in quiet or entry.result.detail
        if said and entry.result.reason not in UNCOUNTED:
            logs.append(
                log.row(
                    ctx.integration, flow.key, entry.item, entry.result,
                    record=entry.record, link=entry.link, write=entry.write, run=ctx.run, before=before, at=now,
                )
            )  # fmt: skip
    links.save_links(changed)
    consent_ledger.save(consents, now)
    _forget_events(ctx, done)
    save_jobs(_follow_ups(ctx, done))
    columnar.insert(logs)


def _forget_events(ctx: SyncSession, done: Sequence[RecordOutcome]) -> None:
    """Empty the events that told of somebody whose data was erased, now that they are handled."""
    erased.forget_handled(ctx, {entry.item.event_id: _digest(entry) for entry in done if entry.item.event_id})


def _digest(entry: RecordOutcome) -> str:
    if entry.record is not None and entry.record.email:
        return entry.record.email_hash
    return entry.link.email_hash if entry.link is not None else ""


def _consent(ctx: SyncSession, flow: Flow, entry: RecordOutcome) -> ConsentEntry | None:
    """What the ledger has to say of this entry, as far as its notes will be stored."""
    if entry.link is None and entry.result.link_state is None:
        return None
    return consent_ledger.entry(ctx, flow.side, entry.item, entry.record, entry.link, entry.result.notes)


def _before(entry: RecordOutcome) -> dict[str, JSONValue]:
    """What the written fields held before, as the log compares them."""
    if entry.link is None:
        return {}
    returning = entry.write.returning if entry.write else {}
    return {**entry.link.written, **{path: entry.link.written.get(key) for key, path in returning.items()}}


def _follow_ups(ctx: SyncSession, done: Sequence[RecordOutcome]) -> list[SyncJob]:
    """One job for each record and flow that something is wished for; what each wish knows is kept."""
    wanted: dict[tuple[str, str], SyncJob] = {}
    for entry in done:
        for follow_up in entry.result.follow_ups:
            key = (follow_up.flow, follow_up.external_id)
            job = wanted.setdefault(
                key, SyncJob(integration=ctx.integration, flow=follow_up.flow, external_id=follow_up.external_id)
            )
            job.event_id = entry.item.event_id or job.event_id
            job.hint = {**job.hint, **follow_up.hint}
    return list(wanted.values())


def save_calls(ctx: SyncSession) -> None:
    """Store the vendor calls made so far."""
    VendorCall.objects.bulk_create(erased.calls_to_store(ctx), batch_size=200)


def _is_news(link: RecordLink, notes: JSONObject) -> bool:
    return any(link.notes.get(key) != value for key, value in notes.items())


def _updated_link(ctx: SyncSession, flow: Flow, entry: RecordOutcome, now: datetime) -> RecordLink | None:
    result, link = entry.result, entry.link
    if result.link_state is None and not (link and _is_news(link, result.notes)):
        return None
    if link is None:
        link = columnar.new(
            RecordLink, integration_id=ctx.integration.pk, link_type=flow.link_type, source_id=entry.item.external_id
        )
    link.notes = {**link.notes, **result.notes}
    link.updated_at = now
    if result.link_state is not None:
        link.state = result.link_state
        link.target_id = result.target_id or link.target_id
        link.marker = ""
        if (written := _written(entry)) is not None:
            link.written = dict(written)
            link.written_hash = links.content_hash(link.written)
        if entry.record is not None and not two_way.carries_back(ctx, flow):
            link.email_hash = entry.record.email_hash or link.email_hash
            link.source_version = entry.record.version or link.source_version
    entry.link = link
    return link


def _written(entry: RecordOutcome) -> JSONObject | None:
    """What the link remembers as written after this entry; None leaves it."""
    if entry.result.written is not None or entry.write is None:
        return entry.result.written
    return entry.write.values if entry.write.remember is None else entry.write.remember
