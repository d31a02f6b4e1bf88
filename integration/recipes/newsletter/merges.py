"""Two people were merged at the source: the contact follows the survivor, who is never unsubscribed by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.engine.api import Enqueue, Result, Write, consent_ledger
from integration.models import Outcome, RecordLink
from integration.reasons import Reason
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.contacts import contact_key
from integration.recipes.newsletter.context import ContactContext
from integration.recipes.newsletter.removal import take_off, unsubscribe
from integration.recipes.newsletter.session import L, S, Session
from integration.recipes.shared.linked_records import handed_over

if TYPE_CHECKING:
    from integration.recipes.newsletter.to_contacts import ContactUpsertFlow


def merge(ctx: Session[L, S], flow: ContactUpsertFlow[L, S], entry: Write) -> Result:
    """Hand the loser's link to the survivor and bring the survivor up to date; the strictest consent is kept.

    Where the survivor has an id of its own, the link of the primary record goes to it first.
    """
    survivor_id, loser = str(entry.values["merged_into"]), entry.link
    survivor = _survivor(ctx, flow, survivor_id) or _given_to(ctx, flow, survivor_id, entry)
    follow_ups: tuple[Enqueue, ...] = (Enqueue(flow.key, survivor_id),)
    if loser is not None and survivor is None and loser.written:
        consent_ledger.take_over(ctx, flow.side, handed_over(loser, survivor_id), merged=loser.source_id)
    elif loser is not None and survivor is not None:
        follow_ups += _both_known(ctx, flow, entry, loser, survivor)
    reason = Reason.MERGED if entry.action == "merge" else Reason.DELETED_AT_SOURCE
    return Result(Outcome.SKIPPED, reason=reason, link_state="removed", written={}, follow_ups=follow_ups)


def _survivor(ctx: Session[L, S], flow: ContactUpsertFlow[L, S], survivor_id: str) -> RecordLink | None:
    """The survivor's own link. One that remembers only a No is none: the follow-up reads that again."""
    link = _link(ctx, flow, survivor_id)
    knows_more = link is not None and (link.written or consent.of(link) != consent.NONE)
    return link if knows_more else None


def _given_to(ctx: Session[L, S], flow: ContactUpsertFlow[L, S], survivor_id: str, entry: Write) -> RecordLink | None:
    """The link of the primary record, handed over to the survivor. None where there is none beside the loser's."""
    primary = _link(ctx, flow, ContactContext.read(entry.item.hint).primary or "")
    if primary is None or (entry.link is not None and primary.source_id == entry.link.source_id):
        return None
    link = handed_over(primary, survivor_id)
    consent_ledger.take_over(ctx, flow.side, link, merged=primary.source_id)
    return link


def _both_known(
    ctx: Session[L, S], flow: ContactUpsertFlow[L, S], entry: Write, loser: RecordLink, survivor: RecordLink
) -> tuple[Enqueue, ...]:
    """Both had something to do with Maileon: the strictest counts, and no contact is left to nobody.

    What has to go is taken away before anything is stored, so that a second try does it again.
    """
    if consent.of(loser) == consent.UNSUBSCRIBED:
        survivor.notes = {**survivor.notes, **_strictest(loser, survivor)}
        consent_ledger.take_over(ctx, flow.side, survivor, merged=loser.source_id)
        return ()
    if consent.of(loser) not in consent.IN_STEP or not loser.written:
        return ()
    if loser.email_hash == survivor.email_hash:
        if consent.of(survivor) == consent.UNSUBSCRIBED:  # of this very address
            why = f"Merged in {ctx.connection('left').connector.label}"
            unsubscribe(ctx, str(loser.written["email"]), contact_key(ctx, loser.source_id), why=why)
        return ()
    if _is_at(loser, str(entry.values.get("survivor_email", ""))) and consent.of(survivor) != consent.UNSUBSCRIBED:
        _change_places(ctx, flow, loser, survivor)
        return ()
    if heir := str(entry.values.get("heir", "")):
        consent_ledger.take_over(ctx, flow.side, handed_over(loser, heir), merged=loser.source_id)
        return (Enqueue(flow.key, heir),)
    _let_go(ctx, loser, survivor)
    return ()


def _is_at(link: RecordLink, address: str) -> bool:
    return bool(address) and str(link.written.get("email", "")).lower() == address.lower()


def _change_places(ctx: Session[L, S], flow: ContactUpsertFlow[L, S], loser: RecordLink, survivor: RecordLink) -> None:
    """The survivor goes on with the loser's contact, which has their present address, and leaves their former one."""
    _let_go(ctx, handed_over(survivor, survivor.source_id), survivor)
    for name in ("target_id", "email_hash", "state", "written", "written_hash", "notes"):
        setattr(survivor, name, getattr(loser, name))
    consent_ledger.take_over(ctx, flow.side, survivor, merged=loser.source_id)


def _link(ctx: Session[L, S], flow: ContactUpsertFlow[L, S], source_id: str) -> RecordLink | None:
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type=flow.link_type)
    return rows.filter(source_id=source_id).first() if source_id else None


def _strictest(loser: RecordLink, survivor: RecordLink) -> dict[str, object]:
    """An opt-out of the same address binds the survivor too."""
    same = loser.email_hash and loser.email_hash == survivor.email_hash
    return consent.withdrawn(no_seen=False).stored if same else {}


def _let_go(ctx: Session, left_over: RecordLink, survivor: RecordLink) -> None:
    """Take away the contact that nobody answers for any more. Nobody opted out by that.

    The loser's is treated as the settings treat a deleted person's. One that the survivor left for the loser's is an
    address that was given up.
    """
    address, on_delete = str(left_over.written.get("email") or ""), ctx.settings["on_delete"]
    if not address:
        return
    if left_over.source_id == survivor.source_id or on_delete == "delete":
        ctx.right.delete_contact(address)
    elif on_delete == "unsubscribe":
        why = f"Merged in {ctx.connection('left').connector.label}"
        take_off(ctx, address, contact_key(ctx, left_over.source_id), why=why)
