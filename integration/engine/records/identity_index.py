"""Who at the source has which address, kept from what was read, so that nobody has to be searched for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils import timezone

from integration.models import Connection, IdentityIndex, columnar, membership
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
    mine = IdentityIndex.objects.filter(connection=connection, object_type=object_type)
    found = membership.among(mine, "external_id", records)
    known = {(row[0], row[1]): row[2:] for row in found.values_list("external_id", "email_hash", "is_primary", "pk")}
    news = [key for key, primary in said.items() if key not in known or known[key][0] != primary]
    columnar.insert(
        [
            columnar.new(
                IdentityIndex, connection_id=connection.pk, object_type=object_type, email_hash=digest,
                external_id=external_id, is_primary=said[external_id, digest], seen_at=now,
            )
            for external_id, digest in news
        ],
        unique=("connection", "object_type", "email_hash", "external_id"),
        update=("is_primary", "seen_at"),
    )  # fmt: skip
    if gone := [pk for key, (_, pk) in known.items() if key not in said]:
        IdentityIndex.objects.filter(pk__in=gone).delete()


def is_known_stranger(connection: Connection, digest: str) -> bool:
    """Whether this address was searched for before and found to be nobody's."""
    return IdentityIndex.objects.filter(connection=connection, object_type=NOT_FOUND, email_hash=digest).exists()


def remember_stranger(connection: Connection, digest: str) -> None:
    """Remember that nobody has this address, so that it is searched for once only."""
    IdentityIndex.objects.get_or_create(connection=connection, object_type=NOT_FOUND, email_hash=digest, external_id="")


def forget(connection: Connection, object_type: str, ids: Iterable[str]) -> None:
    """Drop records that are not there any more: deleted, merged, or no longer visible."""
    mine = IdentityIndex.objects.filter(connection=connection, object_type=object_type)
    membership.among(mine, "external_id", ids).delete()


def forget_kinds(connection: Connection, prefix: str) -> None:
    """Drop every row whose kind begins like this."""
    IdentityIndex.objects.filter(connection=connection, object_type__startswith=prefix).delete()


def holders(connection: Connection, object_type: str, digest: str) -> list[str]:
    """Ids of the records an address belongs to: those whose primary one it is, else those who have it beside theirs."""
    mine = IdentityIndex.objects.filter(connection=connection, object_type=object_type, email_hash=digest)
    rows = sorted(mine.values_list("external_id", "is_primary"))
    return [key for key, primary in rows if primary] or [key for key, _ in rows]


def addresses_of(connection: Connection, object_type: str, ids: Iterable[str]) -> dict[str, set[str]]:
    """Id → keyed hashes of the addresses a record was last seen with; without those that were never seen."""
    mine = IdentityIndex.objects.filter(connection=connection, object_type=object_type)
    found: dict[str, set[str]] = {}
    for external_id, digest in membership.among(mine, "external_id", ids).values_list("external_id", "email_hash"):
        found.setdefault(external_id, set()).add(digest)
    return found


def owners(connection: Connection, object_type: str, *digests: str) -> dict[str, str]:
    """Ids of the records whose primary address has one of these hashes, with that hash."""
    mine = IdentityIndex.objects.filter(connection=connection, object_type=object_type, is_primary=True)
    return dict(membership.among(mine, "email_hash", digests).values_list("external_id", "email_hash"))
