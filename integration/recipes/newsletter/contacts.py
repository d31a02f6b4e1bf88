"""A contact as Maileon is given it, and by what it is known there."""

from __future__ import annotations

from integration.connectors.maileon.fields import STANDARD_FIELDS
from integration.connectors.maileon.records import Contact
from integration.engine.api import Write
from integration.recipes.newsletter.session import Session

STANDARD = frozenset(spec.key for spec in STANDARD_FIELDS)


def contact_of(entry: Write) -> Contact:
    """The contact to write: standard fields, custom fields, our external id."""
    values = {key: value for key, value in entry.values.items() if key not in ("email", "external_id")}
    return Contact(
        email=entry.values["email"],
        external_id=entry.values["external_id"],
        standard_fields={key: value for key, value in values.items() if key in STANDARD},
        custom_fields={key: value for key, value in values.items() if key not in STANDARD},
    )


def address_of(entry: Write) -> str:
    """The address Maileon knows: the one we last wrote."""
    written = entry.link.written.get("email") if entry.link else None
    return str(written or (entry.record.email if entry.record else ""))


def contact_key(ctx: Session, source_id: str) -> str:
    """Our external id in Maileon: the account's id and the record's id, as the product documents name it."""
    return f"{ctx.integration.left.external_account_id}-{source_id}"
