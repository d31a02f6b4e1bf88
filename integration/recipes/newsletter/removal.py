"""Take contacts off the newsletter: because somebody said No, or because their record is gone."""

from __future__ import annotations

from integration.engine.api import consent_rules
from integration.recipes.newsletter.session import Session
from integration.secrets import email_hash


def unsubscribe(ctx: Session, address: str, key: str, *, why: str) -> bool:
    """Unsubscribe the contact with this address or, where a reader changed it at Maileon, with our id `key`.

    False when there is no such contact.
    """
    reason = f"other|{why}"
    return ctx.right.unsubscribe(address, reason=reason) or ctx.right.unsubscribe_by_external_id(key, reason=reason)


def take_off(ctx: Session, address: str, key: str, *, why: str) -> None:
    """Unsubscribe a contact whose person said nothing, and know the echo of it when it comes back.

    Whoever has the marker already said something, now or once: that is left as it is.
    """
    target = ctx.integration.right
    if ctx.right.has_unsubscription_marker(address):
        unsubscribe(ctx, address, key, why=why)
        return
    consent_rules.note_own_removal(target, address, key)
    if not unsubscribe(ctx, address, key, why=why):
        consent_rules.withdraw_own_removal(target, email_hash(address))
