"""Contact event types in Maileon: created on first use, and sending events of them in bulk."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from integration.connectors.maileon.records import Attribute, Transaction
from integration.engine.api import Result, Write
from integration.models import Outcome
from integration.reasons import Reason
from integration.recipes.newsletter import consent
from integration.recipes.pipedrive_maileon.session import Session
from integration.recipes.shared.pipedrive_reasons import PipedriveReason

# Name → Maileon type, as in the seed; its "datetime" is called timestamp in the API (maileon sheet §5.1).
ATTRIBUTES = {
    "deal_id": "integer",
    "title": "string",
    "value": "integer",
    "value_decimal": "double",
    "currency": "string",
    "status": "string",
    "person_name": "string",
    "org_name": "string",
    "owner_name": "string",
    "cc_email": "string",
    "expected_close_date": "string",
    "timestamp": "timestamp",
    "transaction_id": "string",  # the special attribute that lets us look an event up (maileon sheet §5.1)
}
INTEGER_LIMIT = 2**31 - 1
KNOWN_TYPES = "transaction_types"


def ensure_type(ctx: Session, name: str) -> None:
    """Create the contact event type unless the account has it; remembered for an hour."""
    types = ctx.reference_list("right", KNOWN_TYPES, lambda: _types(ctx))
    if name in types:
        return
    attributes = [Attribute(key, kind) for key, kind in ATTRIBUTES.items()]
    ctx.right.create_transaction_type(name, attributes, description="Pipedrive deals, sent by Lockstep")
    ctx.reference_list("right", KNOWN_TYPES, lambda: _types(ctx), fresh=True)


def _types(ctx: Session) -> dict[str, dict[str, str]]:
    return {row.name: {"id": row.id} for row in ctx.right.list_transaction_types()}


def send(ctx: Session, writes: Sequence[Write], sent: Callable[[Session, Write], Result]) -> dict[int, Result]:
    """Send contact events in one call and tell each one's outcome by its report."""
    if not writes:
        return {}
    reports = ctx.right.send_transactions([_transaction(ctx, write) for write in writes])
    call = ctx.last_call()
    results = {}
    for write, report in zip(writes, reports, strict=True):
        if report.queued:
            results[id(write)] = sent(ctx, write)
        else:
            reason = PipedriveReason.CONTACT_MISSING if _is_missing(ctx, write) else Reason.RECORD_REFUSED
            outcome = Outcome.SKIPPED if reason == PipedriveReason.CONTACT_MISSING else Outcome.FAILED
            # The vendor said no, so nothing was announced that could have happened: the marker is void.
            results[id(write)] = Result(
                outcome, reason=reason, detail=report.message, link_state="removed", written={}, call=call
            )
    return results


def _transaction(ctx: Session, write: Write) -> Transaction:
    content = {key: value for key, value in write.values.items() if key in ATTRIBUTES and value is not None}
    if abs(content.get("value", 0)) > INTEGER_LIMIT:
        del content["value"]  # does not fit Maileon's 32-bit integer; value_decimal has it
    content["transaction_id"] = write.marker
    return Transaction(
        type_name=f"pipedrive_{write.action}",
        email=write.values["email"],
        content=content,
        import_permission=consent.PERMISSION_NONE if _may_create(ctx, write) else None,
    )


def _may_create(ctx: Session, write: Write) -> bool:
    """Contacts are made for deals only if the setting says so, and never of people who said No."""
    said_no = write.record is not None and write.record.values["person_said_no"]
    return bool(ctx.settings["deals_create_contacts"]) and not said_no


def _is_missing(ctx: Session, write: Write) -> bool:
    return ctx.right.find_contact(write.values["email"]) is None
