"""What Maileon knows of an address, and whether it may be subscribed because of it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from django.utils import timezone

from integration import retry
from integration.connectors.maileon.records import StoredContact
from integration.engine.api import Write, consent_rules
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.consent import ContactState
from integration.recipes.newsletter.contact_lookup import LEAVING
from integration.recipes.newsletter.session import Session

MARK = "lockstep:"  # begins the `src` of every opt-in process we start; the vendor keeps it readable
MARK_FIELD = "CUSTOM_SOURCE"


class Standing(Enum):
    """How an address stands with Maileon."""

    FREE = "it may be subscribed"
    SETTLING = "its contact may be on its way out"
    OPTED_OUT = "it opted out"


def look(ctx: Session, address: str) -> StoredContact | None:
    """The contact at this address, with the mark of the opt-in process it was asked by."""
    return ctx.right.find_contact(address, standard_fields=[MARK_FIELD])


def standing(ctx: Session, entry: Write, found: StoredContact | None, *, by_confirmation: bool) -> Standing:
    """Whether the address of this write may be subscribed. `found` is the contact it has now."""
    opted_out, anew = consent.of(entry.link) == consent.UNSUBSCRIBED, consent.is_new_wish(entry.link)
    subscribed = permission_of(found) > consent.PERMISSION_NONE
    marked = (subscribed or not anew) and ctx.right.has_unsubscription_marker(entry.values["email"])
    removed = consent_rules.own_removal(ctx.integration.right, entry.values["email"])
    going = opted_out or (subscribed and marked) or _is_recent(removed)
    if found is not None and going and not is_settled(entry):
        # Unsubscribing is asynchronous: what is still readable may be the permission just withdrawn (sheet §3).
        return Standing.SETTLING
    if subscribed:  # the marker survives a later subscription
        return Standing.FREE
    known = consent_rules.Evidence(
        opted_out=opted_out,
        asked_anew=anew,
        by_confirmation=by_confirmation,
        marked=marked and removed is None,
    )
    return Standing.OPTED_OUT if consent_rules.may_subscribe(known) else Standing.FREE


def _is_recent(removed: datetime | None) -> bool:
    """Whether we took the contact away so short a time ago that Maileon may still show it."""
    return removed is not None and timezone.now() - removed < LEAVING


def state_of(found: StoredContact | None) -> ContactState | None:
    """The state of consent of a contact that needs no invitation any more; None of one that does."""
    if found is None:
        return None
    if permission_of(found) > consent.PERMISSION_NONE:
        return consent.given(permission_of(found))
    return consent.asked() if str(found.standard_fields.get(MARK_FIELD) or "").startswith(MARK) else None


def permission_of(found: StoredContact | None) -> int:
    """The contact's permission; none for nobody."""
    return (found.permission if found is not None else None) or consent.PERMISSION_NONE


def is_marked_by_us(ctx: Session, entry: Write) -> bool:
    """Whether the marker is of a removal of our own, and the person said nothing."""
    return consent_rules.own_removal(ctx.integration.right, entry.values["email"]) is not None


def is_settled(entry: Write) -> bool:
    """Whether Maileon has had time enough to forget somebody who left: who is there still has come back."""
    return retry.TARGET_SETTLING.used_up(entry.item.attempts)
