"""Brevo's contacts as this recipe looks them up: behind people, for the person pages, and who left which list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from django.db.models import QuerySet

from config.json_value import JSONValue
from integration.connectors.brevo.client import IDS_PER_CALL
from integration.connectors.brevo.records import StoredContact, record_values
from integration.engine.api import links
from integration.models import FieldMapping, LinkState, RecordLink, membership
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import PERSON_LINK, PersonState
from integration.secrets import email_hash

MANY_CALLS = 10  # what costs more calls than this is looked for in pages of a thousand


def contacts_behind(ctx: Session, ids: Sequence[str]) -> dict[str, StoredContact]:
    """Person id → the contact it is linked to, as Brevo has it now. Those that are gone are missing."""
    rows = membership.among(_people(ctx).exclude(state=LinkState.REMOVED), "source_id", ids)
    linked = {link.source_id: link for link in rows}
    emails = {key: _email(link) for key, link in linked.items()}
    known = {link.target_id for link in linked.values()} - {""}
    unknown = {emails[key] for key, link in linked.items() if not link.target_id} - {""}
    found = {contact.id: contact for contact in wanted(ctx, (), known, unknown)}
    by_email = by_address(found.values())
    pairs = {key: found.get(link.target_id) or by_email.get(emails[key]) for key, link in linked.items()}
    return {key: contact for key, contact in pairs.items() if contact is not None}


def wanted(
    ctx: Session, listed: Iterable[StoredContact], ids: Collection[str], emails: Collection[str]
) -> list[StoredContact]:
    """The contacts with these ids or lower-case addresses: among those listed already, the others are asked for.

    Twenty per call by id, one call for each address; what costs too many calls is looked for in the whole account.
    """
    found = {contact.id: contact for contact in _among(listed, ids, emails)}
    left = sorted(set(ids) - found.keys())
    unseen = sorted(set(emails) - {contact.email.lower() for contact in found.values()})
    if -(-len(left) // IDS_PER_CALL) + len(unseen) > MANY_CALLS:
        return _among(every_contact(ctx), ids, emails)
    asked = ctx.right.get_contacts(left) if left else []
    asked += [contact for email in unseen if (contact := ctx.right.find_contact(email)) is not None]
    return list({**found, **{contact.id: contact for contact in asked}}.values())


def by_address(contacts: Iterable[StoredContact]) -> dict[str, StoredContact]:
    """Lower-case address → contact, of those that have one."""
    return {contact.email.lower(): contact for contact in contacts if contact.email}


def _among(contacts: Iterable[StoredContact], ids: Collection[str], emails: Collection[str]) -> list[StoredContact]:
    return [contact for contact in contacts if contact.id in ids or contact.email.lower() in emails]


def _people(ctx: Session) -> QuerySet[RecordLink]:
    return RecordLink.objects.filter(integration=ctx.integration, link_type=PERSON_LINK)


def _email(link: RecordLink) -> str:
    """The address the contact was last written with, or is being imported with."""
    state = PersonState.of(link)
    return str(link.written.get("email") or (state.sent or {}).get("email") or "").lower()


def every_contact(
    ctx: Session, modified_since: datetime | None = None, *, odd_ones_too: bool = True
) -> Iterator[StoredContact]:
    """Walk over the account, a thousand contacts per call.

    Raises UnreadableRecord for one that cannot be read, unless odd ones may be left out.
    """
    offset: int | None = 0
    while offset is not None:
        page = ctx.right.contacts_page(offset, modified_since=modified_since)
        yield from page.complete() if odd_ones_too else page.records
        offset = page.next_cursor


def people_behind(ctx: Session, contacts: Sequence[StoredContact]) -> dict[str, StoredContact]:
    """Person id → contact, for the people linked to these contacts by id or by address."""
    by_id = {contact.id: contact for contact in contacts}
    by_hash = {email_hash(contact.email): contact for contact in contacts if contact.email}
    linked = links.of_targets(ctx.integration, "person", by_id).exclude(state="removed")
    found = {link.source_id: by_id[link.target_id] for link in linked}
    unknown = links.of_addresses(ctx.integration, "person", by_hash).filter(target_id="").exclude(state="removed")
    return {**found, **{link.source_id: by_hash[link.email_hash] for link in unknown}}


def look_up(ctx: Session, email: str, link: RecordLink | None) -> dict[str, JSONValue] | None:
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
