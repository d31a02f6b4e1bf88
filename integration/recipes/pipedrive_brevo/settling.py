"""Prove an import by reading its contacts back, and mend what it did not do or should not have done.

Who is as the import carries them is in step. Whoever is not has the former base back, as far as the import did not
reach it, and is written again. What the import made at an address that was given up meanwhile is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from config.json_value import JSONValue
from integration import retry
from integration.connectors.base import FieldSpec
from integration.connectors.brevo.records import StoredContact
from integration.engine.api import Enqueue, alike, links
from integration.errors import ContractError, NotFound, UnreadableRecord
from integration.models import LinkState, RecordLink
from integration.recipes.pipedrive_brevo import contact_lookup, importing, lists
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import (
    PERSON_LINK,
    SETTLED,
    PersonContext,
    PersonState,
)

WAITING, DONE, FAILED = "waiting", "done", "failed"  # how a process stands
OVERLAP = timedelta(minutes=2)
TOLERANCE = timedelta(seconds=5)  # between two clocks: what is older than the import was not made by it
FORWARD, BACK = "person_to_contact", "contact_to_person"


@dataclass
class Settled:
    """What came of one import."""

    again: int = 0
    dropped: list[str] = field(default_factory=list)
    joining: dict[int, list[str]] = field(default_factory=dict)  # list → ids of contacts
    _wishes: dict[tuple[str, str], dict[str, JSONValue]] = field(default_factory=dict)

    def want(self, flow: str, key: str, hint: Mapping[str, JSONValue] | None = None) -> None:
        """Bring a record up to date in a flow; what several reasons know of it is kept."""
        self._wishes.setdefault((flow, key), {}).update(hint or {})

    @property
    def wishes(self) -> tuple[Enqueue, ...]:
        """All of them, one for each flow and record."""
        return tuple(Enqueue(flow, key, hint) for (flow, key), hint in self._wishes.items())


@dataclass(frozen=True)
class _ReadBack:
    """The contacts of an import as Brevo has them: by id, by address, and since when they may be the import's."""

    by_id: Mapping[str, StoredContact]
    by_email: Mapping[str, StoredContact]
    since: datetime
    own_list: int
    done: bool


def settle(ctx: Session, people: Sequence[RecordLink], status: str, started: datetime) -> Settled:
    """Bring each of these links to what is proven; they are saved by the caller."""
    outcome = Settled()
    found = _read_back(ctx, people, started, done=status == DONE)
    known = ctx.fields("right", "contact", fresh=True)
    for link in people:
        _settle_one(ctx, link, found, known, outcome)
    _change_lists(ctx, outcome, found.own_list if people else 0)
    if ctx.settings["organizations_enabled"]:  # their links need the contacts' ids, which are known only now
        for key in sorted({PersonState.of(link).organization or "" for link in people} - {""}):
            outcome.want("organization_to_company", key)
    outcome.dropped = sorted(set(outcome.dropped))
    return outcome


def _change_lists(ctx: Session, outcome: Settled, own_list: int) -> None:
    """Let new contacts join their list, and empty the one of imports. A list that somebody deleted stops nobody."""
    for number, ids in outcome.joining.items():
        with suppress(NotFound):
            ctx.right.add_to_list(number, ids)
    if own_list:
        with suppress(NotFound):
            ctx.right.empty_list(own_list)


def _settle_one(
    ctx: Session, link: RecordLink, found: _ReadBack, fields: Mapping[str, FieldSpec], outcome: Settled
) -> None:
    state = PersonState.of(link)
    sent = dict(state.sent or {})
    at_address = found.by_email.get(str(sent.get("email", "")).lower())
    contact = found.by_id.get(link.target_id) if link.target_id else at_address
    stray = at_address if at_address is not None and contact is not at_address else None
    _go_on(link, outcome)
    link.notes = {**link.notes, **SETTLED.stored}
    if stray is not None:
        _clear_up(ctx, link, stray, sent, found, outcome)
    if _was_deleted(ctx, link, contact) and not _is_anothers(stray, sent, found):
        _deleted_there(link)
    elif link.state == LinkState.ACTIVE or contact is None or contact is not at_address:
        _write_again(link, sent, contact, found, outcome)
    else:
        _compare(ctx, link, sent, contact, found, fields, outcome)


def _go_on(link: RecordLink, outcome: Settled) -> None:
    """Bring up to date what waited for the import, on either way."""
    state = PersonState.of(link)
    if state.waiting:
        outcome.want(FORWARD, link.source_id, state.waiting)
    if state.came_back:
        outcome.want(BACK, link.source_id)


def _compare(
    ctx: Session,
    link: RecordLink,
    sent: Mapping[str, JSONValue],
    contact: StoredContact,
    found: _ReadBack,
    fields: Mapping[str, FieldSpec],
    outcome: Settled,
) -> None:
    wanted = {key: value for key, value in sent.items() if key != "email" and value not in (None, "", [])}
    wrong = [key for key, value in wanted.items() if not alike(contact.attributes.get(key), value)]
    if any(key in fields for key in wrong):
        _write_again(link, sent, contact, found, outcome)
        return
    outcome.dropped += wrong
    proven = PersonState(left_lists=list(contact.left_list_ids), blocklisted=contact.blocklisted, import_tries=0)
    link.notes = {**link.notes, **proven.stored}
    link.target_id, link.marker = contact.id, ""
    if _may_stay(ctx, link, contact, outcome):
        link.state, link.written, link.written_hash = LinkState.ACTIVE, dict(sent), links.content_hash(sent)
        return
    link.state, link.written, link.written_hash = LinkState.REMOVED, {}, ""
    outcome.want(FORWARD, link.source_id, PersonContext(alone=True).stored)


def _may_stay(ctx: Session, link: RecordLink, contact: StoredContact, outcome: Settled) -> bool:
    """Let a new contact join the list of all contacts. False: it left that list, which its own call will tell."""
    before, number = lists.joined(ctx, link), lists.all_list(ctx)
    if number in before or contact.blocklisted:
        return True
    others = lists.joined_by_others(ctx, contact.id, but=link.source_id) if number not in contact.list_ids else set()
    if not lists.may_join(number, contact, others, PersonState.of(link).left_lists):
        return False
    outcome.joining.setdefault(number, []).append(contact.id)
    link.notes = {**link.notes, **PersonState(joined=sorted({*before, number})).stored}
    return True


def _write_again(
    link: RecordLink, sent: Mapping[str, JSONValue], contact: StoredContact | None, found: _ReadBack, outcome: Settled
) -> None:
    """Let the record be written again, compared with what both sides really had last."""
    if link.state == LinkState.ACTIVE and contact is not None and _is_as_written(link, contact):
        return  # a single call went past the import, and what it wrote is still there
    if link.written:
        arrived = {key: value for key, value in sent.items() if contact and alike(contact.attributes.get(key), value)}
        link.state, link.written, link.written_hash = LinkState.ACTIVE, {**link.written, **arrived}, ""
    else:
        link.state, link.written_hash = LinkState.REMOVED, ""
    failed = (PersonState.of(link).import_tries or 0) + 1
    link.notes = {**link.notes, **PersonState(import_tries=failed).stored}
    alone = found.done or retry.FAILED_IMPORT.used_up(failed)
    outcome.again += 1
    outcome.want(FORWARD, link.source_id, PersonContext(alone=alone).stored)
    if link.state == LinkState.ACTIVE:
        outcome.want(BACK, link.source_id)


def _is_as_written(link: RecordLink, contact: StoredContact) -> bool:
    values = {key: value for key, value in link.written.items() if key != "email" and value not in (None, "", [])}
    return all(alike(contact.attributes.get(key), value) for key, value in values.items())


def _was_deleted(ctx: Session, link: RecordLink, contact: StoredContact | None) -> bool:
    """Whether Brevo has the contact no more. Missing from an answer is no proof: it is asked for alone."""
    if contact is not None or not link.target_id or link.state != LinkState.PENDING:
        return False
    try:
        return ctx.right.find_contact(link.target_id) is None
    except ContractError:
        return False


def _deleted_there(link: RecordLink) -> None:
    """Somebody deleted the contact while the import waited: it is not put back."""
    link.state, link.written, link.written_hash = LinkState.REMOVED, {}, ""
    link.notes = {**link.notes, **PersonState(removed_at_target=True).stored}


def _clear_up(
    ctx: Session,
    link: RecordLink,
    stray: StoredContact,
    sent: Mapping[str, JSONValue],
    found: _ReadBack,
    outcome: Settled,
) -> None:
    """Deal with a contact at an address that this person's contact does not have any more.

    What the import made is deleted again. What belongs to somebody else by now is written as theirs.
    """
    others = links.of_targets(ctx.integration, PERSON_LINK, [stray.id]).exclude(source_id=link.source_id)
    theirs = list(others.exclude(state=LinkState.REMOVED))
    for other in theirs:
        other.written_hash, other.state, other.written = "", LinkState.REMOVED, {}
        other.notes = {**other.notes, **SETTLED.stored}
        outcome.want(FORWARD, other.source_id, PersonContext(alone=True).stored)
    links.save_links(theirs)
    if not theirs and not _is_anothers(stray, sent, found):
        ctx.right.delete_contact(stray.id)


def _is_anothers(stray: StoredContact | None, sent: Mapping[str, JSONValue], found: _ReadBack) -> bool:
    """Whether somebody else made this contact: it is older than the import, or has what the import does not carry."""
    if stray is None:
        return False
    older = stray.created is None or stray.created < found.since
    more = {key for key, value in stray.attributes.items() if value not in (None, "", [])} - sent.keys()
    return bool(older or more or set(stray.list_ids) - {found.own_list} or stray.left_list_ids or stray.blocklisted)


def _read_back(ctx: Session, people: Sequence[RecordLink], started: datetime, *, done: bool) -> _ReadBack:
    """Read the contacts changed since the import began, and those that are not among them."""
    begun = started - timedelta(seconds=max(ctx.skew.get("right", 0.0), 0.0))
    since = begun - OVERLAP
    ids = {link.target_id for link in people if link.target_id}
    emails = {str((PersonState.of(link).sent or {}).get("email", "")).lower() for link in people} - {""}
    contacts = {contact.id: contact for contact in _readable(ctx, since, ids, emails)} if people else {}
    by_email = contact_lookup.by_address(contacts.values())
    return _ReadBack(contacts, by_email, begun - TOLERANCE, importing.own_list(ctx) if people else 0, done)


def _readable(ctx: Session, since: datetime, ids: set[str], emails: set[str]) -> list[StoredContact]:
    """The contacts that can be read. Whose contact is odd is written again, and that call tells what is wrong."""
    listed = list(contact_lookup.every_contact(ctx, since, odd_ones_too=False))
    try:
        return contact_lookup.wanted(ctx, listed, ids, emails)
    except (ContractError, UnreadableRecord):
        return [contact for contact in listed if contact.id in ids or contact.email.lower() in emails]


def let_go(people: Iterable[RecordLink], *, for_good: bool) -> list[Enqueue]:
    """Write the people of an import one by one that nobody knows the end of. Until it ends nothing comes back of them.

    `for_good`: it is not watched any longer.
    """
    wishes = []
    for link in people:
        state = PersonState.of(link)
        wishes.append(Enqueue(FORWARD, link.source_id, {**(state.waiting or {}), **PersonContext(alone=True).stored}))
        if for_good:
            link.notes = {**link.notes, **SETTLED.stored}
        else:
            link.notes = {**link.notes, **PersonState(overdue=True, waiting={}).stored}
        if link.state == LinkState.PENDING:
            link.state, link.written_hash = LinkState.ACTIVE if link.written else LinkState.REMOVED, ""
    return wishes
