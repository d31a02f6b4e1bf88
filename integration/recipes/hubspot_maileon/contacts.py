"""Read HubSpot contacts as this recipe needs them: our properties and the mapped ones, and an index of addresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from integration.connectors.hubspot.records import Contact
from integration.engine.api import Flow, Found, Record, identity_index, mapping_rows
from integration.recipes.hubspot_maileon import properties
from integration.recipes.hubspot_maileon.session import Session

# What the rules need beside our own properties.
BASIC = ("email", "hs_additional_emails", "firstname", "lastname", "createdate", "lastmodifieddate")


def asked(ctx: Session, flow: Flow) -> tuple[str, ...]:
    """The names of the properties to read: nothing comes back that is not asked for."""
    mapped: list[str] = []
    for row in mapping_rows(ctx, flow):
        mapped += row.sources
    return tuple(dict.fromkeys((*BASIC, *properties.OURS, *(name for name in mapped if name))))


def to_records(ctx: Session, contacts: Iterable[Contact]) -> dict[str, Record]:
    """Contacts as records for the mapping: properties by name, with `portal_id` and `name`."""
    living = [contact for contact in contacts if not contact.archived]
    properties.require(ctx, living)
    identity_index.remember(ctx.integration.left, properties.LINK_TYPE, {row.id: row.emails for row in living})
    several = (
        {key for key, spec in ctx.fields("left", "contact").items() if spec.type == "options"} if living else set()
    )
    return {
        contact.id: Record(
            contact.id,
            {
                **{name: _parts(value) if name in several else value for name, value in contact.properties.items()},
                "portal_id": ctx.integration.left.external_account_id,
                "name": contact.name,
                "created_at": contact.created_at,
            },
            contact.updated_at,
            contact.email,
        )
        for contact in living
    }


def _parts(value: str | None) -> list[str] | None:
    """A property of several choices joins them by semicolons."""
    return [part for part in value.split(";") if part] if value else None


def search(ctx: Session, text: str) -> Sequence[Found]:
    """Contacts by e-mail (secondary ones too), by a part of the name, or by HubSpot id."""
    wanted = (*BASIC,)
    if text.isascii() and text.isdigit():
        found = ctx.left.get_contacts([text], wanted)
    elif "@" in text:
        found = ctx.left.find_contacts([text], wanted)
    else:
        found = ctx.left.search_contacts(text, wanted)
    return [Found("contact_to_contact", row.id, row.name or row.email or row.id, row.email) for row in found]
