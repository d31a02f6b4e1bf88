"""Brevo's contacts as this recipe looks them up: behind people, for the person pages, and who left which list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from integration.connectors.brevo.client import IDS_PER_CALL
from integration.connectors.brevo.records import StoredContact, record_values
from integration.engine.api import links
from integration.models import FieldMapping, RecordLink
from integration.recipes.pipedrive_brevo.session import Session
from integration.secrets import email_hash

MANY_CALLS = 10  # what costs more calls than this is looked for in pages of a thousand


def contacts_behind(ctx: Session, ids: Sequence[str]) -> dict[str, StoredContact]:
    """Person id → the contact it is linked to, as Brevo has it now. Those that are gone are missing."""
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type="person", source_id__in=ids)
    linked = {link.source_id: link for link in rows.exclude(state="removed")}
    if _calls_for(linked) > MANY_CALLS:
        return _among_all(ctx, linked)
    by_id = {
        row.id: row for row in ctx.right.get_contacts([link.target_id for link in linked.values() if link.target_id])
    }
    found = {}
    for key, link in linked.items():
        contact = (
            by_id.get(link.target_id) if link.target_id else ctx.right.find_contact(str(link.written.get("email")))
        )
        if contact is not None:
            found[key] = contact
    return found


def _calls_for(linked: Mapping[str, RecordLink]) -> int:
    """Twenty per call by id, one call for each whose id is not known yet, as after an import."""
    known = sum(bool(link.target_id) for link in linked.values())
    return -(-known // IDS_PER_CALL) + len(linked) - known


def _among_all(ctx: Session, linked: Mapping[str, RecordLink]) -> dict[str, StoredContact]:
    by_id = {link.target_id: key for key, link in linked.items() if link.target_id}
    by_email = {str(link.written.get("email", "")).lower(): key for key, link in linked.items() if not link.target_id}
    by_email.pop("", None)  # a contact with only a number has no address either, and is nobody's for that
    found = {}
    for contact in every_contact(ctx):
        if key := by_id.get(contact.id) or by_email.get(contact.email.lower()):
            found[key] = contact
    return found


def every_contact(ctx: Session) -> Iterator[StoredContact]:
    """Walk over the account, a thousand contacts per call."""
    offset: int | None = 0
    while offset is not None:
        page = ctx.right.contacts_page(offset)
        yield from page.complete()
        offset = page.next_cursor


def left_lists(ctx: Session) -> Mapping[str, Sequence[int]]:
    """Address → the lists its contact left alone, read once per slice: nobody may be put on them again by an import."""
    if "left_lists" not in ctx.memory:
        ctx.memory["left_lists"] = {
            contact.email.lower(): contact.left_list_ids for contact in every_contact(ctx) if contact.left_list_ids
        }
    found: Mapping[str, Sequence[int]] = ctx.memory["left_lists"]
    return found


def people_behind(ctx: Session, contacts: Sequence[StoredContact]) -> dict[str, StoredContact]:
    """Person id → contact, for the people linked to these contacts by id or by address."""
    by_id = {contact.id: contact for contact in contacts}
    by_hash = {email_hash(contact.email): contact for contact in contacts if contact.email}
    linked = links.of_targets(ctx.integration, "person", by_id).exclude(state="removed")
    found = {link.source_id: by_id[link.target_id] for link in linked}
    unknown = links.of_addresses(ctx.integration, "person", by_hash).filter(target_id="").exclude(state="removed")
    return {**found, **{link.source_id: by_hash[link.email_hash] for link in unknown}}


def look_up(ctx: Session, email: str, link: RecordLink | None) -> dict[str, Any] | None:
    """What Brevo has of this person now, by the fields this integration writes; None when there is nobody."""
    address = str(link.written.get("email") or email) if link else email
    key = (link.target_id if link else "") or address
    contact = ctx.right.find_contact(key) if key else None
    if contact is None:
        return None
    mapped = FieldMapping.objects.filter(integration=ctx.integration, flow="person_to_contact")
    values = record_values(contact)
    lists = {row.id: row.name for row in ctx.right.get_lists()}
    return {
        "email": contact.email,
        "blocklisted": "yes" if contact.blocklisted else "no",
        "lists": ", ".join(lists.get(str(number), str(number)) for number in contact.list_ids),
        **{target: values.get(target) for target in mapped.values_list("target", flat=True)},
    }
