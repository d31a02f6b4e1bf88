"""Flow contact → person: what changed in Brevo goes back to the linked person, and so does every opt-out.

Which fields travel back is the mapping's; the engine compares and settles. This flow adds who left or bounced: the
person's field “Brevo status”, and where wanted Pipedrive's marketing status. It never subscribes anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from integration.connectors.brevo.client import BrevoClient
from integration.connectors.brevo.records import StoredContact, record_values
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import (
    Batch,
    Decision,
    EventContext,
    Flow,
    Item,
    Page,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    Write,
    identity_index,
    links,
    mapping_rows,
)
from integration.engine.api import batch as engine_batch
from integration.errors import NotFound
from integration.models import LinkState, Outcome, RecordLink, WebhookEvent
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo.directory import contacts_behind, people_behind
from integration.recipes.pipedrive_brevo.person_to_contact import LINK_TYPE
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.settings import Settings
from integration.secrets import email_hash

BOUNCE, DELETED = "hardBounce", "contactDeleted"
SUBSCRIBED, UNSUBSCRIBED, BOUNCED = "subscribed", "unsubscribed", "bounced"
REPORTED = "reported"  # in a link's notes: the status Pipedrive shows


class ContactToPerson(Flow[PipedriveClient, BrevoClient, Settings]):
    """Brevo contact → Pipedrive person."""

    key = "contact_to_person"
    label = "Contact → person"
    side = "right"
    source_object = "contact"
    target_object = "person"
    link_type = LINK_TYPE
    events = frozenset({"contactUpdated", DELETED, "unsubscribed", BOUNCE, "spam"})
    runs = frozenset({"poll", "fetch_all"})
    urgent = True

    def enabled(self, settings: Settings) -> bool:
        """On with "Sync persons": consent never travels one way only."""
        return bool(settings["persons_enabled"])

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The people with this address. A change made with our own key is our own, whatever it says."""
        ours = ctx.settings["key_name"]
        if ours and event.payload.get("api_key_name") == ours:
            return Skip(Reason.ECHO)
        linked = _linked(ctx, event.email_hash)
        if not linked:
            return Skip(Reason.NOT_LINKED)
        sharing = identity_index.owners(ctx.integration.left, "person", event.email_hash).keys() - set(linked)
        hint = {event.vendor_event: True}
        with_owner = {**hint, "shares": linked[0]}
        return [*(Route(key, hint) for key in linked), *(Route(key, with_owner) for key in sorted(sharing))]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """The contacts as they are now, twenty per call or from the whole account when that is less."""
        owners = {item.external_id: str(item.hint.get("shares") or item.external_id) for item in items}
        found = contacts_behind(ctx, list(dict.fromkeys(owners.values())))
        return records(ctx, {key: found[owner] for key, owner in owners.items() if owner in found})

    def page(self, ctx: Session, kind: str, cursor: Any, since: datetime | None) -> Page:
        """Contacts changed since the last poll, or all of them: a thousand per call."""
        page = ctx.right.contacts_page(int(cursor or 0), modified_since=since)
        found = people_behind(ctx, page.records)
        shares = _sharing(ctx, {key: contact for key, contact in found.items() if contact.blocklisted})
        found |= {key: found[owner] for key, owner in shares.items()}
        made = records(ctx, found)
        linked = links.of_targets(ctx.integration, LINK_TYPE, page.unreadable)
        pairs = linked.values_list("source_id", "target_id")
        unreadable = {key: page.unreadable[contact_id] for key, contact_id in pairs}
        # Who is put off is read again, and then only the hint tells whose contact it is.
        items = [Item(key, {"shares": shares[key]} if key in shares else {}) for key in made]
        return Page(items, made, page.next_cursor, unreadable)

    def count(self, ctx: Session, kind: str) -> int | None:
        """How many contacts the account has; a poll is short."""
        return int(ctx.right.count_contacts()) if kind == "fetch_all" else None

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """What the person should show beside the fields the mapping brings back."""
        link = batch.links.get(item.external_id)
        if record is None:
            gone = link is not None and link.state == LinkState.ACTIVE and DELETED in item.hint
            return Skip(Reason.REMOVED_AT_TARGET, notes={"removed_at_target": True} if gone else {})
        state = _state(item, record, link)
        shown = state == _reported(link) and not EventContext.read(item.hint).restore  # a field made anew is empty
        extra = {} if shown else _status_fields(ctx, state)
        notes = {"left_lists": record.values["left_list_ids"], "blocklisted": record.values["blocklisted"]}
        if link is None or link.state != LinkState.ACTIVE:
            return Sync(f"mark_{state}", mapped=False, extra=extra) if extra else Skip(Reason.NOT_LINKED)
        if moved := _moved(record, link):
            extra["email"] = moved
        return Sync("update_person", extra=extra, notes={**notes, REPORTED: state})

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """One call per person: Pipedrive has no bulk update."""
        return engine_batch.write_each(ctx, writes, lambda write: _patch(ctx, write))


def records(ctx: Session, contacts: Mapping[str, StoredContact]) -> dict[str, Record]:
    """Contacts by person as records for the mapping.

    An attribute without a value is missing in Brevo's answer. It is empty, unless somebody deleted the attribute
    itself, which says nothing about anybody.
    """
    wanted = [
        row.target for row in mapping_rows(ctx, ctx.recipe.flow("person_to_contact")) if row.direction != "forward"
    ]
    if any(key not in contact.attributes for contact in contacts.values() for key in wanted):
        fresh = not ctx.memory.get("attributes_seen")
        wanted = [key for key in wanted if key in ctx.fields("right", "contact", fresh=fresh)]
        ctx.memory["attributes_seen"] = True
    return {
        key: Record(
            key, {**dict.fromkeys(wanted), **record_values(contact)}, version=contact.modified, email=contact.email
        )
        for key, contact in contacts.items()
    }  # fmt: skip


def _linked(ctx: Session, digest: str) -> list[str]:
    """The people linked to the contact with this address, by hash."""
    rows = links.of_addresses(ctx.integration, LINK_TYPE, [digest])
    return list(rows.exclude(state=LinkState.REMOVED).values_list("source_id", flat=True))


def _sharing(ctx: Session, left: Mapping[str, StoredContact]) -> dict[str, str]:
    """Other people with the addresses of these contacts, and whose contact it is: an opt-out is for all of them."""
    by_hash = {email_hash(contact.email): key for key, contact in left.items()}
    owners = identity_index.owners(ctx.integration.left, "person", *by_hash)
    return {key: by_hash[digest] for key, digest in owners.items() if key not in left}


def _state(item: Item, record: Record, link: RecordLink | None) -> str:
    """Blocklisted is an opt-out; that it was a bounce is only known from the event, and remembered."""
    if not record.values["blocklisted"]:
        return SUBSCRIBED
    return BOUNCED if BOUNCE in item.hint or _reported(link) == BOUNCED else UNSUBSCRIBED


def _reported(link: RecordLink | None) -> str:
    return str(link.notes.get(REPORTED) or SUBSCRIBED) if link else SUBSCRIBED


def consent_of(notes: Mapping[str, Any]) -> str:
    """What a link's notes say of consent: blocklisted is an opt-out or a bounce, a known contact else a subscriber."""
    if notes.get("blocklisted"):
        return BOUNCED if notes.get(REPORTED) == BOUNCED else UNSUBSCRIBED
    return SUBSCRIBED if "left_lists" in notes else ""


def _status_fields(ctx: Session, state: str) -> dict[str, Any]:
    """The person's status in Pipedrive's own terms. The marketing status is only ever lowered."""
    values = {f"custom_fields.{ctx.resources['status']}": ctx.resources[f"status_{state}"]}
    if state != SUBSCRIBED and ctx.settings["set_marketing_status"]:
        values["marketing_status"] = "unsubscribed"
    return values


def _moved(record: Record, link: RecordLink) -> str:
    """The contact's new address, when somebody changed it in Brevo."""
    before = link.email_hash
    return record.email if record.email and before and record.email_hash != before else ""


def _patch(ctx: Session, write: Write) -> Result:
    try:
        ctx.left.update_person(write.item.external_id, nested(write.values))
    except NotFound:
        return Result(Outcome.SKIPPED, reason=Reason.DELETED_AT_SOURCE, link_state=None, call=ctx.last_call())
    linked = write.link is not None and write.link.state == LinkState.ACTIVE
    written = {**(write.remember or {}), **({"email": write.values["email"]} if "email" in write.values else {})}
    return Result(Outcome.SYNCED, link_state="active" if linked else None, written=written if linked else None,
                  target_id=write.link.target_id if write.link else "", call=ctx.last_call())  # fmt: skip


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Source paths as the client takes them: custom fields in an object of their own."""
    prefix = "custom_fields."
    custom = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
    rest = {key: value for key, value in values.items() if not key.startswith(prefix)}
    return {**rest, **({"custom_fields": custom} if custom else {})}
