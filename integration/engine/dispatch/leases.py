"""One worker at a time: leases with a fencing token, kept in the row of what is worked on.

Each is taken, prolonged and given back by one conditional UPDATE, on SQLite and PostgreSQL alike, and holds no
transaction open. A killed worker's lease runs out. Whoever lost theirs learns of it before they write.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Model, Q
from django.utils import timezone

from integration.errors import LeaseLost
from integration.models import Connection, Integration


@dataclass(frozen=True)
class LeaseKind:
    """What a lease protects: the table, the columns of its token and its end, and how long it lasts unrenewed."""

    model: type[Model]
    token: str
    until: str
    lasts: timedelta

    @property
    def vacant(self) -> dict[str, str | None]:
        """The columns' values while nobody holds it."""
        return {self.token: "", self.until: None}


@dataclass(frozen=True)
class Lease:
    """A lease that somebody took, with the token that proves it."""

    kind: LeaseKind
    pk: UUID | str
    token: str


SYNC = LeaseKind(Integration, "lease_token", "lease_until", timedelta(seconds=settings.LOCKSTEP_LEASE_SECONDS))
# Longer than all steps of a set-up take together; two saves at once would make things twice at the vendors.
SETUP = LeaseKind(Integration, "provision_lease_token", "provision_lease_until", timedelta(minutes=2))
# Longer than any answer may take; two workers would burn one refresh token.
TOKEN_RENEWAL = LeaseKind(Connection, "refresh_lease_token", "refresh_lease_until", timedelta(seconds=90))


def free(kind: LeaseKind, now: datetime | None = None) -> Q:
    """Build the condition on the kind's table that nobody holds the lease."""
    return Q(**{f"{kind.until}__isnull": True}) | Q(**{f"{kind.until}__lt": now or timezone.now()})


def held(kind: LeaseKind, now: datetime | None = None) -> Q:
    """Build the condition that somebody holds it."""
    return Q(**{f"{kind.until}__gt": now or timezone.now()})


def acquire(kind: LeaseKind, pk: UUID | str, *conditions: Q) -> Lease | None:
    """Take the lease of one row that meets the conditions; None when it is held or the row does not meet them."""
    now = timezone.now()
    lease = Lease(kind, pk, uuid.uuid4().hex)
    rows = kind.model._default_manager.filter(free(kind, now), *conditions, pk=pk)
    taken = rows.update(**{kind.token: lease.token, kind.until: now + kind.lasts})
    return lease if taken else None


def renew(lease: Lease) -> None:
    """Let it last from now on. Raises LeaseLost when it ran out or somebody else took it: nothing may be written."""
    kind, now = lease.kind, timezone.now()
    mine = kind.model._default_manager.filter(held(kind, now), pk=lease.pk, **{kind.token: lease.token})
    if not mine.update(**{kind.until: now + kind.lasts}):
        raise LeaseLost("Another worker has taken over.")


def release(lease: Lease) -> None:
    """Give it back, unless somebody else has taken it since."""
    mine = lease.kind.model._default_manager.filter(pk=lease.pk, **{lease.kind.token: lease.token})
    mine.update(**lease.kind.vacant)
