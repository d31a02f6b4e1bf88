"""Who at the source has which address, kept from what was read, so that nobody has to be searched for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils import timezone

from integration.models import Connection, EmailIndex, columnar, membership
from integration.secrets import email_hash

NOT_FOUND = "stranger"


def remember(connection: Connection, object_type: str, records: Mapping[str, Iterable[str]]) -> None:
    """Make the index true for these records: id → addresses, the primary one first."""
    now = timezone.now()
    said = {
        (external_id, digest): position == 0
        for external_id, addresses in records.items()
        for position, digest in enumerate(dict.fromkeys(filter(None, map(email_hash, addresses))))
    }
    mine = EmailIndex.objects.filter(connection=connection, object_type=object_type)
    found = membership.among(mine, "external_id", records)
    known = {(row[0], row[1]): row[2:] for row in found.values_list("external_id", "email_hash", "is_primary", "pk")}
    news = [key for key, primary in said.items() if key not in known or known[key][0] != primary]
    columnar.insert(
        [
            columnar.new(
                EmailIndex, connection_id=connection.pk, object_type=object_type, email_hash=digest,
                external_id=external_id, is_primary=said[external_id, digest], seen_at=now,
            )
            for external_id, digest in news
        ],
        unique=("connection", "object_type", "email_hash", "external_id"),
        update=("is_primary", "seen_at"),
    )  # fmt: skip
    if gone := [pk for key, (_, pk) in known.items() if key not in said]:
        EmailIndex.objects.filter(pk__in=gone).delete()


def is_known_stranger(connection: Connection, digest: str) -> bool:
    """Whether this address was searched for before and found to be nobody's."""
    return EmailIndex.objects.filter(connection=connection, object_type=NOT_FOUND, email_hash=digest).exists()


def remember_stranger(connection: Connection, digest: str) -> None:
    """Remember that nobody has this address, so that it is searched for once only."""
    EmailIndex.objects.get_or_create(connection=connection, object_type=NOT_FOUND, email_hash=digest, external_id="")


def owners(connection: Connection, object_type: str, *digests: str) -> dict[str, str]:
    """Ids of the records whose primary address has one of these hashes, with that hash."""
    rows = EmailIndex.objects.filter(
        connection=connection, object_type=object_type, email_hash__in=digests, is_primary=True
    )
    return dict(rows.values_list("external_id", "email_hash"))


def having(connection: Connection, object_type: str, *digests: str) -> dict[str, str]:
    """Ids of the records that have an address with one of these hashes at any place, with that hash."""
    rows = EmailIndex.objects.filter(connection=connection, object_type=object_type, email_hash__in=digests)
    return dict(rows.values_list("external_id", "email_hash"))
