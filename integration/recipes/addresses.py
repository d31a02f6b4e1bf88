"""Who at the source has which address, kept from what was read, so that nobody has to be searched for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils import timezone

from integration.models import Connection, EmailIndex
from integration.secrets import email_hash

STRANGER = "stranger"


def remember(connection: Connection, object_type: str, records: Mapping[str, Iterable[str]]) -> None:
    """Make the index true for these records: id → addresses, the primary one first."""
    now = timezone.now()
    rows = [
        EmailIndex(
            connection=connection, object_type=object_type, email_hash=digest, external_id=external_id,
            is_primary=position == 0, seen_at=now,
        )
        for external_id, addresses in records.items()
        for position, digest in enumerate(dict.fromkeys(filter(None, map(email_hash, addresses))))
    ]  # fmt: skip
    EmailIndex.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["connection", "object_type", "email_hash", "external_id"],
        update_fields=["is_primary", "seen_at"],
    )
    EmailIndex.objects.filter(
        connection=connection, object_type=object_type, external_id__in=list(records), seen_at__lt=now
    ).delete()


def is_known_stranger(connection: Connection, digest: str) -> bool:
    """Whether this address was searched for before and found to be nobody's."""
    return EmailIndex.objects.filter(connection=connection, object_type=STRANGER, email_hash=digest).exists()


def remember_stranger(connection: Connection, digest: str) -> None:
    """Remember that nobody has this address, so that it is searched for once only."""
    EmailIndex.objects.get_or_create(connection=connection, object_type=STRANGER, email_hash=digest, external_id="")


def owners(connection: Connection, object_type: str, *digests: str) -> dict[str, str]:
    """Ids of the records whose primary address has one of these hashes, with that hash."""
    rows = EmailIndex.objects.filter(
        connection=connection, object_type=object_type, email_hash__in=digests, is_primary=True
    )
    return dict(rows.values_list("external_id", "email_hash"))
