"""People of Pipedrive as the recipes read them: names of organizations and owners, and the index of addresses."""

from __future__ import annotations

from collections.abc import Sequence

from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Person, record_values
from integration.engine.api import Found, Record, SyncSession, identity_index, names_of


def to_records(ctx: SyncSession[PipedriveClient], people: Sequence[Person]) -> dict[str, Record]:
    """People as records for the mapping, with `org_id.name`, `owner_id.name`, `owner_id.email` and `company_id`."""
    organizations = organization_names(ctx, {person.org_id for person in people if person.org_id})
    owners = users(ctx, {person.owner_id for person in people if person.owner_id})
    present = {person.id: [point.value for point in person.emails] for person in people if not person.is_deleted}
    identity_index.remember(ctx.integration.left, "person", present)
    return {
        person.id: Record(
            external_id=person.id,
            values={
                **record_values(person),
                "org_id": {"id": person.org_id, "name": organizations.get(person.org_id)} if person.org_id else None,
                "owner_id": owners.get(person.owner_id) if person.owner_id else None,
                "company_id": ctx.integration.left.external_account_id,
            },
            version=person.update_time,
            email=person.primary_email.strip(),
        )
        for person in people
        if not person.is_deleted
    }


def organization_names(ctx: SyncSession[PipedriveClient], ids: set[str]) -> dict[str, str | None]:
    """Names of organizations; only unknown and renamed ones are read, a hundred per call."""
    return dict(names_of(ctx, "left", "organization", ids)) if ids else {}


def users(ctx: SyncSession[PipedriveClient], ids: set[str]) -> dict[str, dict[str, str | None]]:
    """These users by id, with name and e-mail; the list is read again once per slice for one it lacks.

    Whoever is not in it even then has no name.
    """
    if not ids:
        return {}

    def fetch() -> dict[str, dict[str, str | None]]:
        return {row.id: {"id": row.id, "name": row.name, "email": row.email} for row in ctx.left.get_users()}

    known = ctx.reference_list("left", "users", fetch)
    if not ids <= known.keys() and not ctx.cache.get("users read again"):
        ctx.cache["users read again"] = True
        known = ctx.reference_list("left", "users", fetch, fresh=True)
    nobody = {"name": None, "email": None}
    return {key: {"id": key, **known.get(key, nobody)} for key in ids}


def search(ctx: SyncSession[PipedriveClient], text: str) -> list[Found]:
    """People by e-mail, by name (part of one will do), or by Pipedrive id."""
    if text.isascii() and text.isdigit():
        persons = ctx.left.get_persons([text])
        return [Found("person_to_contact", row.id, row.name, row.primary_email) for row in persons]
    hits = ctx.left.search_persons(text) if "@" in text else ctx.left.search_persons_by_name(text)
    return [Found("person_to_contact", hit.id, hit.name, hit.emails[0] if hit.emails else "") for hit in hits]
