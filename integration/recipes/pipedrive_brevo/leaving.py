"""What becomes of a contact whose person was deleted, merged, or has no address any more."""

from __future__ import annotations

from dataclasses import replace

from django.utils import timezone

from integration.connectors.brevo.records import Contact
from integration.engine.api import Enqueue, Result, Write, consent_ledger
from integration.errors import NotFound
from integration.models import LinkState, Outcome, RecordLink
from integration.reasons import Reason, stored_reason
from integration.recipes.pipedrive_brevo import lists, owners
from integration.recipes.pipedrive_brevo.results import key_of
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import PERSON_LINK, ContactContext, HappenedContext, PersonState
from integration.recipes.shared.linked_records import handed_over
from integration.secrets import email_hash

FORWARD, BACK = "person_to_contact", "contact_to_person"
LET_GO = "let_go"
REASON = "reason"  # among the values of a write that lets go: why


def let_go(ctx: Session, entry: Write) -> Result:
    """The person does not use the address any more and the contact stays as it is; whoever shares it is next.

    A deleted person's link ends. One without an address keeps it, and with it the contact's way to a new address.
    """
    assert entry.link is not None
    reason = stored_reason(str(entry.values[REASON]))
    ends = reason == Reason.DELETED_AT_SOURCE
    again = owners.look_again(ctx, entry.link.email_hash, but=entry.item.external_id)
    return Result(
        Outcome.SKIPPED, reason=reason, link_state="removed" if ends else None, written={} if ends else None,
        follow_ups=again,
    )  # fmt: skip


def leave_list(ctx: Session, entry: Write) -> Result:
    """The person was deleted and the setting asks to take the contact off the list."""
    if (shared := _stays(ctx, entry)) is not None:
        return shared
    try:
        ctx.right.update_contact(key_of(entry), Contact(), leave=[lists.all_list(ctx)])
    except NotFound:
        return Result(
            Outcome.SKIPPED, reason=Reason.REMOVED_AT_TARGET, link_state="removed", written={}, call=ctx.last_call()
        )
    state = PersonState(joined=[number for number in lists.joined(ctx, entry.link) if number != lists.all_list(ctx)])
    return Result(Outcome.SYNCED, link_state="removed", written={}, notes=state.stored, call=ctx.last_call())


def delete(ctx: Session, entry: Write) -> Result:
    """The person was deleted and the setting asks to delete the contact too."""
    if (shared := _stays(ctx, entry)) is not None:
        return shared
    ctx.right.delete_contact(key_of(entry))
    return Result(Outcome.SYNCED, link_state="removed", written={}, call=ctx.last_call())


def _stays(ctx: Session, entry: Write) -> Result | None:
    """A contact whose address is that of another living person is theirs and stays."""
    address = str(entry.link.written.get("email") or "") if entry.link else ""
    heirs = owners.living_owners(ctx, address, but=entry.item.external_id) if address else []
    if not heirs:
        return None
    return Result(
        Outcome.SKIPPED, reason=Reason.DELETED_AT_SOURCE, detail=f"Person {heirs[0]} has this address too.",
        link_state="removed", written={}, follow_ups=tuple(Enqueue(FORWARD, key) for key in heirs),
    )  # fmt: skip


def merge(ctx: Session, entry: Write) -> Result:
    """Two people were merged in Pipedrive: the loser's contact follows the survivor, unless that one has its own.

    The loser's link remembers who the survivor is: an opt-out at its address is theirs too.
    """
    survivor_id, loser = str(entry.values["merged_into"]), entry.link
    survivor = RecordLink.objects.filter(
        integration=ctx.integration, link_type=PERSON_LINK, source_id=survivor_id
    ).first()
    if loser is not None and survivor is None and loser.state == LinkState.ACTIVE:
        consent_ledger.take_over(ctx, "left", handed_over(loser, survivor_id), merged=loser.source_id)
    happened = HappenedContext(event_person_merged=timezone.now().isoformat())
    told = Enqueue("person_to_event", survivor_id, happened.stored)
    again = [Enqueue(FORWARD, survivor_id), told]
    if loser is not None and loser.email_hash:
        again.append(Enqueue(BACK, survivor_id, ContactContext(address=loser.email_hash).stored))
    return Result(
        Outcome.SKIPPED, reason=Reason.MERGED, link_state="removed", written={}, follow_ups=tuple(again),
        notes=PersonState(merged_into=survivor_id).stored,
    )  # fmt: skip


def merge_persons(ctx: Session, entry: Write) -> Result:
    """The tenant wants persons with one address merged: this one goes into the one that owns the contact.

    It cannot be undone, so both are read again: they are alive and have the same primary address now.
    """
    me, owner = entry.item.external_id, str(entry.values["owner"])
    living = owners.read_afresh(ctx, [me, owner])
    hashes = {email_hash(person.primary_email) for person in living.values()}
    if living.keys() != {me, owner} or len(hashes) != 1 or not all(hashes):
        return replace(_looked_at_again(), follow_ups=(Enqueue(FORWARD, me),))
    ctx.left.merge("person", me, owner)
    again = Enqueue(FORWARD, owner)
    return Result(Outcome.SYNCED, link_state=None, call=ctx.last_call(), follow_ups=(again,),
                  detail=f"Merged into person {owner}.", reason=Reason.MERGED)  # fmt: skip


def _looked_at_again() -> Result:
    return Result(Outcome.SKIPPED, reason=Reason.STALE_EVENT, link_state=None)
