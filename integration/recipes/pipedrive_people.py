"""People of Pipedrive as the recipes read them: names of organizations and owners, and the index of addresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils import timezone

from integration.connectors.pipedrive.records import Person, record_values
from integration.engine.context import Context
from integration.engine.flow import Record
from integration.engine.recipe import Found
from integration.models import EmailIndex
from integration.secrets import email_hash


def to_records(ctx: Context, people: Sequence[Person]) -> dict[str, Record]:
    """People as records for the mapping, with `org_id.name`, `owner_id.name`, `owner_id.email` and `company_id`."""
    organizations = organization_names(ctx, {person.org_id for person in people if person.org_id})
    owners = users(ctx) if people else {}
    remember_addresses(ctx, people)
    return {
        person.id: Record(
            external_id=person.id,
            values={
                **record_values(person),
                "org_id": {"id": person.org_id, "name": organizations.get(person.org_id)} if person.org_id else None,
                "owner_id": {"id": person.owner_id, **owners.get(person.owner_id, {})} if person.owner_id else None,
                "company_id": ctx.integration.left.external_account_id,
            },
            version=person.update_time,
            email=person.primary_email.strip(),
        )
        for person in people
        if not person.is_deleted
    }


def organization_names(ctx: Context, ids: set[str]) -> dict[str, str | None]:
    """Names of organizations, kept for an hour; only unknown ones are read, a hundred per call."""

    def fetch(missing: list[str]) -> dict[str, str]:
        return {row.id: row.name for row in ctx.left.get_organizations(missing)}

    return dict(ctx.names("left", "organizations", ids, fetch))


def users(ctx: Context) -> dict[str, dict[str, str]]:
    """The account's users by id, with name and e-mail."""

    def fetch() -> dict[str, dict[str, str]]:
        return {row.id: {"name": row.name, "email": row.email} for row in ctx.left.get_users()}

    return dict(ctx.directory("left", "users", fetch))


def remember_addresses(ctx: Context, people: Sequence[Person]) -> None:
    """Keep the index of addresses true for these people, so that nobody has to be searched for."""
    connection = ctx.integration.left
    now = timezone.now()
    rows = [
        EmailIndex(
            connection=connection, object_type="person", email_hash=digest, external_id=person.id,
            is_primary=position == 0, seen_at=now,
        )
        for person in people
        if not person.is_deleted
        for position, digest in enumerate(dict.fromkeys(_hashes(person)))
    ]  # fmt: skip
    EmailIndex.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["connection", "object_type", "email_hash", "external_id"],
        update_fields=["is_primary", "seen_at"],
    )
    EmailIndex.objects.filter(
        connection=connection, object_type="person", external_id__in=[person.id for person in people], seen_at__lt=now
    ).delete()


def search(ctx: Context, text: str) -> list[Found]:
    """People by e-mail, by name (part of one will do), or by Pipedrive id."""
    if text.isdigit():
        persons = ctx.left.get_persons([text])
        return [Found("person_to_contact", row.id, row.name, row.primary_email) for row in persons]
    hits = ctx.left.search_persons(text) if "@" in text else ctx.left.search_persons_by_name(text)
    return [Found("person_to_contact", hit.id, hit.name, hit.emails[0] if hit.emails else "") for hit in hits]


STRANGER = "stranger"


def is_known_stranger(connection: Any, digest: str) -> bool:
    """Whether this address was searched for before and found to be nobody's."""
    return EmailIndex.objects.filter(connection=connection, object_type=STRANGER, email_hash=digest).exists()


def remember_stranger(connection: Any, digest: str) -> None:
    """Remember that nobody has this address, so that it is searched for once only."""
    EmailIndex.objects.get_or_create(connection=connection, object_type=STRANGER, email_hash=digest, external_id="")


def people_with_address(connection: Any, digest: str) -> list[str]:
    """Ids of the people whose primary address has this hash."""
    rows = EmailIndex.objects.filter(connection=connection, object_type="person", email_hash=digest, is_primary=True)
    return list(rows.values_list("external_id", flat=True))


def _hashes(person: Person) -> Iterable[str]:
    return filter(None, (email_hash(point.value) for point in person.emails))
