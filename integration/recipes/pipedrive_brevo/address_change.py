"""Follow a person to a new primary address.

The contact is renamed where the address is free. Where another contact has it, that contact becomes the person's: the
stricter consent of both is kept, and the former contact goes, unless somebody else has its address now.
"""

from __future__ import annotations

from dataclasses import replace

from integration import retry
from integration.connectors.brevo.api import Duplicate
from integration.connectors.brevo.records import Contact, StoredContact
from integration.engine.api import Result, Write, consent_ledger
from integration.errors import NotFound
from integration.models import LinkState, Outcome, RecordLink
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo import contacts, importing, lists, owners
from integration.recipes.pipedrive_brevo.results import key_of, synced
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import PersonState


def change_address(ctx: Session, entry: Write) -> Result:
    """Move the person's contact to the new address, or take over the contact that has it."""
    link = entry.link
    assert link is not None
    link.refresh_from_db()  # somebody in this batch may have taken its contact over
    former = link.email_hash
    if link.state == LinkState.REMOVED:
        return _anew(ctx, entry)
    importing.give_up_address(ctx, link)
    result = _moved(ctx, entry, link)
    return replace(result, follow_ups=(*result.follow_ups, *owners.look_again(ctx, former, but=link.source_id)))


def _moved(ctx: Session, entry: Write, link: RecordLink) -> Result:
    attributes = {key: value for key, value in entry.values.items() if key != "email"}

    def rename(contact: Contact) -> str:
        ctx.right.update_contact(key_of(entry), contact)
        return str(link.target_id)

    try:
        made, said = contacts.without_taken_phone(Contact(entry.values["email"], attributes), rename)
    except Duplicate as clash:
        if "email" not in clash.identifiers:
            raise
        return _take_over(ctx, entry, link)
    except NotFound:
        if ctx.right.find_contact(entry.values["email"]) is not None:
            return _take_over(ctx, entry, link)  # a try before this one let the former contact go
        if link.target_id:
            return contacts.gone(ctx)
        link.state = LinkState.REMOVED  # nobody has the old address: the new one is looked at like a new person's
        return _anew(ctx, entry)
    return synced(ctx, entry, PersonState(), target_id=made, said=said)


def _anew(ctx: Session, entry: Write) -> Result:
    """Write the person like a new one."""
    _write_whole(entry)
    return contacts.single(ctx, entry)


def _write_whole(entry: Write) -> None:
    """Another contact knows nothing of what was left to the former one."""
    entry.values = {**(entry.remember or {}), **entry.values}


def _take_over(ctx: Session, entry: Write, link: RecordLink) -> Result:
    """Make the contact that has the new address the person's. Each step is safe to run again."""
    target, former = ctx.right.find_contact(entry.values["email"]), ctx.right.find_contact(key_of(entry))
    if target is None:
        pause = retry.next_delay(retry.CONTACT_QUEUED)
        return Result(Outcome.RETRYING, reason=Reason.GAVE_WAY, retry_after=pause, link_state=None)
    _write_whole(entry)
    _keep_strictest(ctx, link, former)
    if former is not None and former.id != target.id:
        _let_go(ctx, entry, former)
    left = former.left_list_ids if former is not None else ()
    if unwanted := [number for number in left if number in target.list_ids]:
        ctx.right.update_contact(target.id, Contact(), leave=unwanted)
        target = replace(target, list_ids=tuple(number for number in target.list_ids if number not in unwanted))
    link.state, link.written, link.written_hash, link.target_id = LinkState.REMOVED, {}, "", ""
    return contacts.adopt(ctx, entry, target, left=left)


def _keep_strictest(ctx: Session, link: RecordLink, former: StoredContact | None) -> None:
    """Remember, before anything is changed, what the former contact's opt-outs demand of the new one."""
    state, now = PersonState.of(link), set(former.list_ids) if former is not None else set()
    kept = PersonState(
        blocklisted=bool(state.blocklisted or (former is not None and former.blocklisted)),
        left_lists=sorted({*(state.left_lists or ()), *(former.left_list_ids if former is not None else ())}),
        joined=[number for number in lists.joined(ctx, link) if number not in now],  # who was taken off stays off
    )
    link.notes = {**link.notes, **kept.stored}
    consent_ledger.save_links(ctx, "right", [link], cause="change of address")


def _let_go(ctx: Session, entry: Write, former: StoredContact) -> None:
    """Nobody has the former address any more: no mail goes there. An opt-out stays written down."""
    if former.email and owners.living_owners(ctx, former.email, but=entry.item.external_id):
        return
    if not former.blocklisted:
        ctx.right.delete_contact(former.id)
