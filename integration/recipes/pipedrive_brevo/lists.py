"""Which lists a contact may be put on, and what is remembered of it.

Membership is written when it is new for us. Whoever we put on a list before and is not on it now left it or was taken
off it: a sync does not undo that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from integration.connectors.brevo.records import Contact, StoredContact
from integration.engine.api import consent_rules, links
from integration.models import RecordLink
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import PERSON_LINK, PersonState


def all_list(ctx: Session) -> int:
    """The list every contact joins: the tenant's choice, or the one provisioning made."""
    return int(ctx.settings["list_all"] or ctx.resource("list_all"))


def joined(ctx: Session, link: RecordLink | None) -> list[int]:
    """The lists we put this contact on. Links from before this was remembered have joined the list of all contacts."""
    known = PersonState.of(link).joined
    if known is not None:
        return list(known)
    return [all_list(ctx)] if link is not None and link.written else []


def joined_by_others(ctx: Session, contact_id: str, *, but: str) -> set[int]:
    """The lists we put this contact on while it was somebody else's, for example of a card that was deleted."""
    rows = links.of_targets(ctx.integration, PERSON_LINK, [contact_id]).exclude(source_id=but)
    return {number for link in rows for number in PersonState.of(link).joined or ()}


def may_join(number: int, found: StoredContact | None, before: Collection[int], left: Sequence[int] | None) -> bool:
    """Whether a contact, as Brevo has it now, may be put on a list. `before`: lists that we put it on."""
    theirs = found.left_list_ids if found is not None else ()
    known = consent_rules.Evidence(
        opted_out=number in (left or ()) or number in theirs, marked=found is not None and found.blocklisted
    )
    if consent_rules.may_subscribe(known):
        return False
    return found is None or number in found.list_ids or number not in before


def move(
    ctx: Session, link: RecordLink, join: Sequence[int], leave: Sequence[int], *, put: Sequence[int] = ()
) -> list[int]:
    """Take a contact from lists to others as far as its own acts allow; returns the lists it was not put on.

    `put` are lists that it was put on before this was remembered. Raises NotFound when there is no contact any more.
    """
    key = link.target_id or str(link.written["email"])
    found, state, before = ctx.right.find_contact(key), PersonState.of(link), {*joined(ctx, link), *put}
    allowed = [number for number in join if may_join(number, found, before, state.left_lists)]
    ctx.right.update_contact(key, Contact(), join=allowed, leave=list(leave))
    gone = set(leave) & set(found.list_ids if found else ())  # who was off it already left by themselves
    after = sorted((before | set(allowed)) - gone)
    link.notes = {**link.notes, **PersonState(joined=after).stored}
    links.save_links([link])
    return [number for number in join if number not in allowed]
