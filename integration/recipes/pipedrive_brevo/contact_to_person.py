"""Flow contact → person: what changed in Brevo goes back to the linked person, and so does every opt-out.

Which fields travel back is the mapping's; the engine compares and settles. This flow adds who left or bounced: the
person's field “Brevo status”, and where wanted Pipedrive's marketing status. It never subscribes anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.brevo.records import StoredContact, record_values
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import (
    Batch,
    Decision,
    Enqueue,
    Flow,
    Item,
    Page,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    Write,
    mapping_rows,
    write_each,
)
from integration.errors import NotFound
from integration.models import LinkState, Outcome, RecordLink, WebhookEvent
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo import importing, opt_outs, person_patch
from integration.recipes.pipedrive_brevo.contact_lookup import contacts_behind, people_behind
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.settings import Settings
from integration.recipes.pipedrive_brevo.state import (
    BOUNCED,
    PERSON_LINK,
    SUBSCRIBED,
    UNSUBSCRIBED,
    ContactContext,
    PersonContext,
    PersonState,
)
from integration.recipes.shared import dead_jobs
from integration.recipes.shared.linked_records import by_source
from integration.secrets import email_hash

BOUNCE, DELETED = "hardBounce", "contactDeleted"
# Among a record's values: whether it is the person's own contact, and which other addresses opted out (hash → whether).
IS_OWN, ELSEWHERE = "is_own", "elsewhere"


class ContactToPerson(Flow[PipedriveClient, BrevoClient, Settings]):
    """Brevo contact → Pipedrive person."""

    key = "contact_to_person"
    label = _("Contact → person")
    side = "right"
    source_object = "contact"
    target_object = "person"
    link_type = PERSON_LINK
    events = frozenset({"contactUpdated", DELETED, "unsubscribed", BOUNCE, "spam"})
    runs = frozenset({"poll", "fetch_all"})
    parting_actions = frozenset(f"mark_{state}" for state in (SUBSCRIBED, UNSUBSCRIBED, BOUNCED))
    urgent = True

    def enabled(self, settings: Settings) -> bool:
        """On with "Sync persons": consent never travels one way only."""
        return bool(settings["persons_enabled"])

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The people with this address. A change made with our own key is our own, whatever it says."""
        ours = ctx.settings["key_name"]
        if ours and event.payload.get("api_key_name") == ours:
            return Skip(Reason.ECHO)
        known = ContactContext(
            bounced=True if event.vendor_event == BOUNCE else None,
            contact_deleted=True if event.vendor_event == DELETED else None,
        )
        linked = [link.source_id for link in opt_outs.own_links(ctx, [event.email_hash])]
        others = opt_outs.concerned(ctx, [event.email_hash]).keys() - set(linked)
        if not linked and not others:
            return Skip(Reason.NOT_LINKED)
        elsewhere = replace(known, contact_deleted=None, address=event.email_hash)
        return [
            *(Route(key, known.stored) for key in linked),
            *(Route(key, elsewhere.stored) for key in sorted(others)),
        ]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """The contacts as they are now, twenty per call or from the whole account when that is less."""
        addresses = {item.external_id: ContactContext.read(item.hint).address or "" for item in items}
        elsewhere = opt_outs.contacts_at(ctx, {key: digest for key, digest in addresses.items() if digest})
        own = contacts_behind(ctx, list(addresses))
        return records(ctx, own, elsewhere)

    def page(self, ctx: Session, kind: str, cursor: int | None, since: datetime | None) -> Page:
        """Contacts changed since the last poll, or all of them: a thousand per call.

        Opt-outs that Pipedrive refused are tried again with each poll.
        """
        if not cursor and kind == "poll":
            _retry_refused(ctx)
        page = ctx.right.contacts_page(cursor or 0, modified_since=since)
        found = people_behind(ctx, page.records)
        others = _sharers(ctx, page.records, found)
        # Who is put off is read again, and then only the hint tells of which address.
        shared = [Item(key, ContactContext(address=digest).stored) for key, digest in sorted(others.items())]
        made = {**records(ctx, found, {}), **(self.read(ctx, shared) if shared else {})}
        unreadable = by_source(ctx, PERSON_LINK, page.unreadable)
        items = [
            *(Item(key) for key in found if key not in others),
            *(row for row in shared if row.external_id in made),
        ]
        return Page(items, made, page.next_cursor, unreadable)

    def count(self, ctx: Session, kind: str) -> int | None:
        """How many contacts the account has; a poll is short."""
        return int(ctx.right.count_contacts()) if kind == "fetch_all" else None

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """What the person should show beside the fields the mapping brings back."""
        link, known = batch.links.get(item.external_id), ContactContext.read(item.hint)
        if record is None:
            return _gone(known, link)
        state = _state(known, record, link)
        shown = state == _reported(link) and not known.restore  # a field made anew is empty
        extra = {} if shown else _status_fields(ctx, state)
        learned = _learned(record, link).stored
        if extra and (link is None or batch.is_erased(record) or not _is_open(ctx, record, link)):
            return Sync(f"mark_{state}", mapped=False, extra=extra)
        if importing.is_unproven(ctx, link):
            return Skip(BrevoReason.IMPORT_RUNNING, notes=learned)
        if link is None or link.state != LinkState.ACTIVE:
            return Skip(Reason.NOT_LINKED, notes=learned)
        if not record.values[IS_OWN]:
            return Skip(Reason.UNCHANGED, notes=learned)
        if moved := _moved(record, link):
            extra["email"] = moved
        return Sync("update_person", extra=extra, notes=learned)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Person by person: Pipedrive has no bulk update."""
        return write_each(ctx, writes, lambda write: _write(ctx, write))


def _sharers(ctx: Session, contacts: Sequence[StoredContact], own: Mapping[str, StoredContact]) -> dict[str, str]:
    """Person → the hash of an address at which somebody opted out, of people whose own contact it is not."""
    put_off = [email_hash(contact.email) for contact in contacts if contact.blocklisted]
    theirs = {key: email_hash(contact.email) for key, contact in own.items()}
    return {key: digest for key, digest in opt_outs.concerned(ctx, put_off).items() if theirs.get(key) != digest}


def _gone(known: ContactContext, link: RecordLink | None) -> Skip:
    """The contact is not there. Only an event says that it was deleted."""
    gone = link is not None and link.state == LinkState.ACTIVE and known.contact_deleted
    return Skip(Reason.REMOVED_AT_TARGET, notes=PersonState(removed_at_target=True).stored if gone else {})


def _retry_refused(ctx: Session) -> None:
    """An opt-out that Pipedrive refused is never given up."""
    jobs = dead_jobs.dead_jobs(ctx, ContactToPerson.key)
    dead_jobs.retry(ctx, jobs.filter(reason__in=(BrevoReason.OPT_OUT_REFUSED, Reason.ATTEMPTS_USED_UP)))


def records(
    ctx: Session, own: Mapping[str, StoredContact], elsewhere: Mapping[str, StoredContact]
) -> dict[str, Record]:
    """Contacts by person as records for the mapping: their own, with what is known of one at another address.

    An attribute without a value is missing in Brevo's answer. It is empty, unless somebody deleted the attribute
    itself, which says nothing about anybody.
    """
    wanted = [
        row.target for row in mapping_rows(ctx, ctx.recipe.flow("person_to_contact")) if row.direction != "forward"
    ]
    if any(key not in contact.attributes for contact in own.values() for key in wanted):
        fresh = not ctx.cache.get("attributes_seen")
        wanted = [key for key in wanted if key in ctx.fields("right", "contact", fresh=fresh)]
        ctx.cache["attributes_seen"] = True
    made = {}
    for key, contact in {**elsewhere, **own}.items():
        other = elsewhere.get(key)
        values = {**dict.fromkeys(wanted), **record_values(contact), IS_OWN: key in own}
        if other is not None and other.id != (own[key].id if key in own else ""):
            values[ELSEWHERE] = {email_hash(other.email): other.blocklisted}
        made[key] = Record(key, values, version=contact.modified, email=contact.email)
    return made


def _is_open(ctx: Session, record: Record, link: RecordLink) -> bool:
    """Whether the person's own contact says something that may travel back."""
    unproven = importing.is_unproven(ctx, link)
    return link.state == LinkState.ACTIVE and not unproven and bool(record.values[IS_OWN])


def _learned(record: Record, link: RecordLink | None) -> PersonState:
    """What the link remembers of the contact, whether or not anything has to be written."""
    waits = True if PersonState.of(link).import_id else None
    elsewhere = _elsewhere(record, link)
    if not record.values[IS_OWN]:
        return PersonState(opted_out_elsewhere=elsewhere, came_back=waits)
    left, blocked = record.values["left_list_ids"], record.values["blocklisted"]
    return PersonState(opted_out_elsewhere=elsewhere, came_back=waits, left_lists=left, blocklisted=blocked)


def _state(known: ContactContext, record: Record, link: RecordLink | None) -> str:
    """Blocklisted is an opt-out, at whichever address of the person.

    That it was a bounce is only known from the event, and remembered.
    """
    if _elsewhere(record, link):
        return UNSUBSCRIBED
    if not record.values["blocklisted"]:
        return SUBSCRIBED
    return BOUNCED if known.bounced or _reported(link) == BOUNCED else UNSUBSCRIBED


def _elsewhere(record: Record, link: RecordLink | None) -> list[str]:
    """Hashes of the person's other addresses that opted out, as far as is known now."""
    said = record.values.get(ELSEWHERE) or {}
    before = set(PersonState.of(link).opted_out_elsewhere or ()) - said.keys()
    found = before | {digest for digest, blocked in said.items() if blocked}
    return sorted(found - ({record.email_hash} if record.values[IS_OWN] else set()))


def _reported(link: RecordLink | None) -> str:
    return PersonState.of(link).reported or SUBSCRIBED


def consent_of(notes: Mapping[str, JSONValue]) -> str:
    """What a link's notes say of consent: blocklisted is an opt-out or a bounce, a known contact else a subscriber."""
    state = PersonState.read(notes)
    if state.opted_out_elsewhere:
        return UNSUBSCRIBED
    if state.blocklisted:
        return BOUNCED if state.reported == BOUNCED else UNSUBSCRIBED
    return SUBSCRIBED if state.left_lists is not None else ""


def _status_fields(ctx: Session, state: str) -> dict[str, str]:
    """The person's status in Pipedrive's own terms. The marketing status is only ever lowered."""
    values = {f"custom_fields.{ctx.resources['status']}": ctx.resources[f"status_{state}"]}
    if state != SUBSCRIBED and ctx.settings["set_marketing_status"]:
        values[person_patch.MARKETING_STATUS] = "unsubscribed"
    return values


def _moved(record: Record, link: RecordLink) -> str:
    """The contact's new address, when somebody changed it in Brevo."""
    before = link.email_hash
    return record.email if record.email and before and record.email_hash != before else ""


def _write(ctx: Session, write: Write) -> Result:
    try:
        result = person_patch.patch(ctx, write)
    except NotFound:
        return _person_gone(ctx, write)
    if write.record is None:
        return result
    notes = _learned(write.record, write.link).stored
    if result.outcome != Outcome.FAILED:  # what Pipedrive did not take is told again
        known = ContactContext.read(write.item.hint)
        notes |= PersonState(reported=_state(known, write.record, write.link)).stored
    if _is_opt_out_elsewhere(write):  # the person said so, and nobody mails them at the address they go by either
        block = Enqueue("person_to_contact", write.item.external_id, PersonContext(block=True).stored)
        remembered = "removed" if write.link is None else result.link_state  # also of who is no contact yet
        result = replace(result, follow_ups=(*result.follow_ups, block), link_state=remembered)
    return replace(result, notes={**result.notes, **notes})


def _is_opt_out_elsewhere(write: Write) -> bool:
    record = write.record
    return record is not None and any((record.values.get(ELSEWHERE) or {}).values())


def _person_gone(ctx: Session, write: Write) -> Result:
    """Nobody is left to write to, but an opt-out concerns whoever has the address now."""
    told: list[Enqueue] = []
    if write.record is not None and write.record.values["blocklisted"]:
        digest = write.record.email_hash
        heirs = opt_outs.heirs(ctx, write.record.email, but=write.item.external_id)
        told = [Enqueue("contact_to_person", key, ContactContext(address=digest).stored) for key in heirs]
    return Result(
        Outcome.SKIPPED, reason=Reason.DELETED_AT_SOURCE, link_state=None, call=ctx.last_call(),
        follow_ups=tuple(told),
    )  # fmt: skip
