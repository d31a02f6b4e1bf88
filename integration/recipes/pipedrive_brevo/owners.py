"""Who owns an address: the living person who has it as primary address now, whatever links say of the past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from integration.connectors.pipedrive.records import Person
from integration.engine.api import Enqueue, Record, identity_index, links
from integration.models import LinkState
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import PERSON_LINK
from integration.secrets import email_hash

OWNER = "address_owner"  # among a record's values: the id of the person who owns its address


def with_owners(ctx: Session, records: Mapping[str, Record]) -> dict[str, Record]:
    """The same records, each with the owner of its address.

    Of several living people with one address it is the one who was linked with it first. Who is linked and not among
    the records is read afresh, a hundred per call.
    """
    claims = _claims(ctx, records)
    present = {key: record.email_hash for key, record in records.items()}
    absent = {key for keys in claims.values() for key in keys} - present.keys()
    present |= {key: email_hash(person.primary_email) for key, person in read_afresh(ctx, absent).items()}
    owners = {digest: next(key for key in keys if present.get(key) == digest) for digest, keys in claims.items()}
    return {
        key: replace(record, values={**record.values, OWNER: owners.get(record.email_hash, "")})
        for key, record in records.items()
    }


def _claims(ctx: Session, records: Mapping[str, Record]) -> dict[str, list[str]]:
    """Hash of an address → who has or had it: those that are linked with it first, in the order of their links."""
    claims: dict[str, list[str]] = {}
    for key, record in records.items():
        if record.email:
            claims.setdefault(record.email_hash, []).append(key)
    rows = links.of_addresses(ctx.integration, PERSON_LINK, claims).exclude(state=LinkState.REMOVED)
    for _, digest, key in sorted(rows.values_list("pk", "email_hash", "source_id"), reverse=True):
        claims[digest] = [key, *(other for other in claims[digest] if other != key)]
    return claims


def read_afresh(ctx: Session, ids: Iterable[str]) -> dict[str, Person]:
    """Those of these people who are alive, as Pipedrive has them now; the index of addresses learns it too."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    living = {person.id: person for person in ctx.left.get_persons(wanted) if not person.is_deleted}
    points = {key: [point.value for point in living[key].emails] if key in living else [] for key in wanted}
    identity_index.remember(ctx.integration.left, "person", points)
    return living


def living_owners(ctx: Session, address: str, *, but: str) -> list[str]:
    """Other living people who have this address as their primary one now. Costs a call where there may be some."""
    digest = email_hash(address)
    known = identity_index.owners(ctx.integration.left, "person", digest).keys() - {but}
    living = read_afresh(ctx, known)
    return sorted(key for key, person in living.items() if email_hash(person.primary_email) == digest)


def look_again(ctx: Session, digest: str, *, but: str) -> tuple[Enqueue, ...]:
    """Whoever was refused because of an owner is looked at again once the address is free."""
    known = identity_index.owners(ctx.integration.left, "person", digest).keys() - {but} if digest else set()
    return tuple(Enqueue("person_to_contact", key) for key in sorted(known))
