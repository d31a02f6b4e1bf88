"""Whom an opt-out at an address concerns: whoever has it in Pipedrive, also after a merge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from integration.connectors.brevo.records import StoredContact
from integration.engine.api import identity_index, links
from integration.models import LinkState, RecordLink
from integration.recipes.pipedrive_brevo import contact_lookup
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import PERSON_LINK, PersonState
from integration.secrets import email_hash

LONGEST_CHAIN = 20  # merges one after the other


def concerned(ctx: Session, digests: Iterable[str]) -> dict[str, str]:
    """Person → the hash through which a contact with one of these addresses concerns them.

    It is their own address; one that they have beside it, unless it is somebody else's own; or that of somebody who was
    merged into them.
    """
    found: dict[str, str] = {}
    wanted = [digest for digest in digests if digest]
    for digest in wanted:
        for person in identity_index.holders(ctx.integration.left, "person", digest):
            found.setdefault(person, digest)
    for link in links.of_addresses(ctx.integration, PERSON_LINK, wanted):
        if survivor := _survivor(ctx, link):
            found.pop(link.source_id, None)
            found.setdefault(survivor, link.email_hash)
    return found


def _survivor(ctx: Session, link: RecordLink | None) -> str:
    """Who is left after all merges; empty when the person was not merged."""
    survivor = ""
    for _ in range(LONGEST_CHAIN):
        into = PersonState.of(link).merged_into if link is None or link.state == LinkState.REMOVED else None
        if not into:
            break
        survivor = into
        link = RecordLink.objects.filter(integration=ctx.integration, link_type=PERSON_LINK, source_id=survivor).first()
    return survivor


def contacts_at(ctx: Session, wanted: Mapping[str, str]) -> dict[str, StoredContact]:
    """Person → the contact that has the address with this hash now.

    A link knows its id; else the address is the person's own, which Pipedrive tells.
    """
    found = _linked_contacts(ctx, set(wanted.values()))
    found |= _asked_contacts(ctx, {person: digest for person, digest in wanted.items() if digest not in found})
    return {person: found[digest] for person, digest in wanted.items() if digest in found}


def _linked_contacts(ctx: Session, digests: set[str]) -> dict[str, StoredContact]:
    """Hash → the contact that was linked under this address."""
    rows = links.of_addresses(ctx.integration, PERSON_LINK, digests).exclude(target_id="")
    ids = {link.email_hash: link.target_id for link in rows.order_by("pk")}
    by_id = {contact.id: contact for contact in contact_lookup.wanted(ctx, (), set(ids.values()), ())} if ids else {}
    return {digest: by_id[key] for digest, key in ids.items() if key in by_id}


def _asked_contacts(ctx: Session, wanted: Mapping[str, str]) -> dict[str, StoredContact]:
    """Hash → the contact at that address of these people, whose addresses are read afresh."""
    found: dict[str, StoredContact] = {}
    for person in ctx.left.get_persons(list(wanted)) if wanted else ():
        digest = wanted[person.id]
        address = next((row.value for row in person.emails if email_hash(row.value) == digest), "")
        contact = ctx.right.find_contact(address) if address else None
        if contact is not None:
            found[digest] = contact
    return found


def heirs(ctx: Session, address: str, *, but: str) -> list[str]:
    """Who has the address of a person that is gone; asked of Pipedrive, since no webhook may have told of a merge."""
    return sorted({hit.id for hit in ctx.left.search_persons(address)} - {but}) if address else []


def own_links(ctx: Session, digests: Iterable[str]) -> list[RecordLink]:
    """The links of people whose contact has one of these addresses."""
    return list(links.of_addresses(ctx.integration, PERSON_LINK, digests).exclude(state=LinkState.REMOVED))
