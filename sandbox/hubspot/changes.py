"""What happens to contacts, whoever does it: create, change, archive, restore, merge, forget. Fires the events."""

from __future__ import annotations

from sandbox.http import Record
from sandbox.hubspot import events, values
from sandbox.hubspot.api import Actor, Call, problem
from sandbox.hubspot.model import Contact, Portal, Values
from sandbox.hubspot.stages import PROPERTY as STAGE

SEARCH_DELAY_S = 5.0  # where the switch is thrown


class Conflict(Exception):
    """Another contact has this address. `record` is the error as HubSpot words it."""

    def __init__(self, existing: int) -> None:
        super().__init__(existing)
        self.record: Record = problem(f"Contact already exists. Existing ID: {existing}", "CONFLICT")


class Blocked(Exception):
    """The address belongs to somebody who was deleted for privacy."""


def create(call: Call, wish: Values, *, actor: Actor | None = None) -> Contact:
    """Store a new contact. Raises Conflict, Blocked."""
    portal, who = call.portal, actor or call.actor
    address = wish.get("email") or ""
    refuse_taken(portal, address, None)
    now = call.now()
    contact = Contact(portal.next_id(), {}, now, now)
    portal.contacts[contact.id] = contact
    start = dict(wish)
    if not start.get(STAGE):
        usual = "subscriber" if "hubspot.first_stage" in call.sandbox.thrown else "lead"
        start[STAGE] = portal.options.get("first_stage", usual)
    changed = values.store(portal, contact, start, now, who.source)
    portal.note_addresses(contact)
    events.created(call, contact, changed, who)
    _index(call, contact)
    return contact


def change(call: Call, contact: Contact, wish: Values, *, actor: Actor | None = None) -> Values:
    """Change a contact; what is the same already is no change. Raises Conflict, Blocked."""
    who = actor or call.actor
    address = wish.get("email") or ""
    if address and address != contact.email:
        refuse_taken(call.portal, address, contact)
        if address in contact.emails:
            contact.emails.remove(address)
    changed = values.store(call.portal, contact, wish, call.now(), who.source)
    call.portal.note_addresses(contact)
    events.changed(call, contact, changed, who)
    if changed:
        _index(call, contact)
    return changed


def archive(call: Call, contact: Contact, *, actor: Actor | None = None) -> None:
    contact.archived = True
    call.portal.index.pop(contact.id, None)
    events.deleted(call, contact, actor or call.actor)


def restore(call: Call, contact: Contact, *, actor: Actor | None = None) -> None:
    contact.archived = False
    contact.updated = call.now()
    _index(call, contact)
    events.restored(call, contact, actor or call.actor)


def forget(call: Call, contact: Contact, *, actor: Actor | None = None) -> None:
    """Delete for good: a privacy deletion and a normal deletion are told, and the addresses are blocked."""
    call.portal.blocked.update(contact.addresses())
    call.portal.index.pop(contact.id, None)
    del call.portal.contacts[contact.id]
    events.forgotten(call, contact, actor or call.actor)


def merge(call: Call, primary: Contact, loser: Contact, *, actor: Actor | None = None) -> Contact:
    """Merge two contacts. The primary's values win, its gaps are filled; usually a new id is minted."""
    portal, who, now = call.portal, actor or call.actor, call.now()
    survivor = primary
    if portal.options.get("merge_mints_id", "hubspot.merge_id" not in call.sandbox.thrown):
        survivor = Contact(portal.next_id(), dict(primary.values), primary.created, now, history=primary.history)
        survivor.emails, survivor.merged_ids = list(primary.emails), list(primary.merged_ids)
        portal.contacts[survivor.id] = survivor
    moved = {name: value for name, value in loser.values.items() if value and not survivor.values.get(name)}
    survivor.values.update(moved)
    survivor.emails += [address for address in loser.addresses() if address not in survivor.addresses()]
    survivor.updated = now
    portal.note_addresses(survivor)
    gone = [loser] if survivor is primary else [primary, loser]
    for contact in gone:
        portal.contacts.pop(contact.id)
        portal.index.pop(contact.id, None)
        portal.aliases[contact.id] = survivor.id
        survivor.merged_ids += [contact.id, *contact.merged_ids]
    for note in portal.notes.values():
        note.contact_id = portal.survivor(note.contact_id)
    portal.associations = {
        frozenset((kind, portal.survivor(number) if kind == "contacts" else number) for kind, number in pair)
        for pair in portal.associations
    }
    _index(call, survivor)
    events.merged(call, survivor, primary, loser, len(moved), who)
    return survivor


def refuse_taken(portal: Portal, address: str, contact: Contact | None) -> None:
    if address and address in portal.blocked:
        raise Blocked
    other = portal.by_address(address)
    if other is not None and other is not contact:
        raise Conflict(other.id)


def _index(call: Call, contact: Contact) -> None:
    """Search sees a change only after a moment, where the sandbox is told so."""
    delay = call.sandbox.misbehaviour.of("hubspot", str(call.portal.id)).search_delay_s
    if "hubspot.search_delay" in call.sandbox.thrown:
        delay = max(delay, SEARCH_DELAY_S)
    call.portal.waiting_index.append((call.seconds + delay, contact.id, dict(contact.values)))
