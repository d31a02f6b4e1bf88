"""What the writes of person → contact have in common: the contact they write, and the result they leave."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils import timezone

from config.json_value import JSONValue
from integration.connectors.brevo.records import Contact
from integration.engine.api import Enqueue, Record, Result, Write, alike, setting
from integration.models import LinkState, Outcome
from integration.reasons import NoReason, ReasonCode
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import SETTLED, HappenedContext, PersonContext, PersonState


def contact_of(entry: Write) -> Contact:
    """The contact to write whole; what is empty is left out, so that it erases nothing that was there before us."""
    values = {key: value for key, value in entry.values.items() if key != "email" and value is not None}
    return Contact(entry.values["email"], values)


def key_of(entry: Write) -> str:
    """How Brevo knows the contact: its id, or the address we last wrote."""
    link = entry.link
    written = link.written.get("email") if link else None
    return str((link.target_id if link else "") or written or (entry.record.email if entry.record else ""))


def same(one: Mapping[str, JSONValue], other: Mapping[str, JSONValue]) -> bool:
    """Whether two sets of values say the same of a contact."""
    return all(alike(one.get(key), other.get(key)) for key in one.keys() | other.keys())


def synced(
    ctx: Session,
    entry: Write,
    state: PersonState,
    *,
    target_id: str = "",
    said: str = "",
    note: ReasonCode | NoReason = "",
    action: str = "",
    link_state: str = LinkState.ACTIVE,
    written: Mapping[str, JSONValue] | None = None,
    follow_ups: tuple[Enqueue, ...] = (),
) -> Result:
    """Written. What a webhook told of becomes an event, unless it was part of a bulk run."""
    event = "event_person_added" if entry.action == "create" else "event_person_updated"
    told = PersonContext.read(entry.item.hint).told and setting(ctx.settings, event)
    happened = HappenedContext.read({event: timezone.now().isoformat()})
    wishes = (Enqueue("person_to_event", entry.item.external_id, happened.stored),) if told else ()
    whole = entry.values if entry.remember is None else entry.remember
    if said:  # what did not arrive is not remembered as written
        written = {**whole, "SMS": None}
    settled = {} if link_state == LinkState.PENDING or _watched(entry) else SETTLED.stored
    organization = PersonState(organization=organization_of(entry.record)).stored
    return Result(
        Outcome.SYNCED, target_id=target_id, notes={**settled, **state.stored, **organization},
        reason=BrevoReason.PHONE_TAKEN if said else note, detail=said, action=action, call=ctx.last_call(),
        written=written, link_state=link_state, follow_ups=(*follow_ups, *wishes, *companies_of(ctx, entry)),
    )  # fmt: skip


def _watched(entry: Write) -> bool:
    """Whether an import is still out that may overwrite or double what was written just now."""
    return bool(PersonState.of(entry.link).import_id)


def organization_of(record: Record | None) -> str:
    """The id of a person's organization, empty without one."""
    found = (record.values.get("org_id") if record else None) or {}
    return str(found.get("id") or "")


def companies_of(ctx: Session, entry: Write) -> list[Enqueue]:
    """The companies whose links change with this person: of the organization it has, and of the one it had."""
    before = PersonState.of(entry.link).organization or ""
    now = organization_of(entry.record)
    changed = {before, now} - {""} if before != now else set()
    on = ctx.settings["organizations_enabled"]
    return [Enqueue("organization_to_company", key) for key in sorted(changed)] if on else []
