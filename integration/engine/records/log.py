"""Write down what was done to each record. The only place that makes SyncLog rows."""

from __future__ import annotations

from datetime import datetime

from config.json_value import JSONObject, JSONValue
from integration.engine.flow.base import Item, Record, Result, Write
from integration.models import Integration, Outcome, RecordLink, SyncLog, SyncRun, columnar
from integration.reasons import Reason
from integration.redact import mask_addresses, redact_text

VALUE_LIMIT = 200  # characters of an old or new value kept in the log


def row(
    integration: Integration,
    flow_key: str,
    item: Item,
    result: Result,
    *,
    record: Record | None,
    link: RecordLink | None,
    write: Write | None,
    run: SyncRun | None,
    before: JSONObject,
    at: datetime,
) -> SyncLog:
    """The log row (not saved) for one record's outcome."""
    return columnar.new(
        SyncLog,
        integration_id=integration.pk,
        flow=flow_key,
        source_id=item.external_id,
        target_id=result.target_id or (link.target_id if link else ""),
        email_hash="" if result.reason == Reason.ADDRESS_ERASED else _email_hash(record, link),
        outcome=result.outcome,
        action=result.action or (write.action if write else ""),
        reason=result.reason,
        detail=redact_text(result.detail, limit=1000) if result.detail else "",
        changes=changes(before, write.values) if write and result.outcome == Outcome.SYNCED else {},
        event_id=item.event_id,
        job_id=item.job_id,
        run_id=run.pk if run else None,
        call_id=result.call.pk if result.call else None,
        created_at=at,
    )


def _email_hash(record: Record | None, link: RecordLink | None) -> str:
    """The address as it was read now; without one that of the link."""
    if record is not None and record.email_hash:
        return record.email_hash
    return link.email_hash if link is not None else ""


def changes(before: JSONObject, after: JSONObject) -> dict[str, list[JSONValue]]:
    """Field → [old, new] for what differs, long values cut."""
    return {key: [short(before.get(key)), short(value)] for key, value in after.items() if before.get(key) != value}


def short(value: JSONValue) -> JSONValue:
    """Cut long texts and mask addresses: the log is kept for long and shown to many."""
    if not isinstance(value, str):
        return value
    text = mask_addresses(value)
    return text[:VALUE_LIMIT] + "…" if len(text) > VALUE_LIMIT else text
