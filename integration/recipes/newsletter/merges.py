"""Two Pipedrive people were merged: the contact follows the survivor, who is never unsubscribed by it."""

from __future__ import annotations

from integration.engine import links
from integration.engine.context import Context
from integration.engine.flow import FollowUp, Result, Write
from integration.models import RecordLink
from integration.recipes.pipedrive_maileon import consent


def merge(ctx: Context, entry: Write) -> Result:
    """Hand the loser's link to the survivor and bring the survivor up to date; the strictest consent is kept."""
    survivor_id = str(entry.item.hint["merged_into"])
    loser = entry.link
    survivor = RecordLink.objects.filter(
        integration=ctx.integration, link_type=consent.LINK_TYPE, source_id=survivor_id
    ).first()
    if loser is not None and survivor is None and loser.written:
        links.save_links([_handed_over(loser, survivor_id)])
    elif loser is not None and survivor is not None and consent.of(loser) == consent.UNSUBSCRIBED:
        survivor.notes = {**survivor.notes, **_strictest(loser, survivor)}
        links.save_links([survivor])
    elif loser is not None and survivor is not None and _has_contact_of_its_own(loser, survivor):
        _let_go(ctx, loser)
    follow_up = FollowUp("person_to_contact", survivor_id)
    return Result("skipped", reason="merged", link_state="removed", written={}, follow_ups=(follow_up,))


def _handed_over(loser: RecordLink, survivor_id: str) -> RecordLink:
    return RecordLink(
        integration=loser.integration,
        link_type=loser.link_type,
        source_id=survivor_id,
        target_id=loser.target_id,
        email_hash=loser.email_hash,
        state=loser.state,
        written=loser.written,
        notes=loser.notes,
    )


def _strictest(loser: RecordLink, survivor: RecordLink) -> dict[str, object]:
    """An opt-out of the same address binds the survivor too."""
    same = loser.email_hash and loser.email_hash == survivor.email_hash
    return dict(consent.withdrawn(no_seen=False)) if same else {}


def _has_contact_of_its_own(loser: RecordLink, survivor: RecordLink) -> bool:
    """The loser's address is another contact, which nobody in Pipedrive answers for any more."""
    return consent.of(loser) in consent.IN_STEP and loser.email_hash != survivor.email_hash and bool(loser.written)


def _let_go(ctx: Context, loser: RecordLink) -> None:
    """Treat the loser's own contact as the settings treat a deleted person's."""
    address = str(loser.written["email"])
    if ctx.settings["on_delete"] == "unsubscribe":
        ctx.right.unsubscribe(address, reason="other|Merged in Pipedrive")
    elif ctx.settings["on_delete"] == "delete":
        ctx.right.delete_contact(address)
