"""Which addresses were erased and must not come back. Every batch asks before it takes in a record.

What takes a person away or writes down their opt-out travels all the same: an erasure is no reason to mail somebody.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from integration.dry_run import is_dry
from integration.engine.flow.base import Record
from integration.engine.flow.session import SyncSession
from integration.engine.records.traces import Found, Person, cut_text, mask_path, names_in
from integration.models import Connection, ErasedAddress, EventState, VendorCall, WebhookEvent, membership
from integration.secrets import email_hash
from tenants.models import Tenant

SHOWN = 50  # erasures on a page
REFUSED = "refused people"  # in the session's cache: who was met and not taken in


def remember(tenant: Tenant, digests: Iterable[str], by: AbstractBaseUser | None) -> None:
    """Refuse these addresses (by keyed hash) from now on."""
    if is_dry():
        return
    rows = [ErasedAddress(tenant=tenant, email_hash=digest, erased_by_id=by.pk if by else None) for digest in digests]
    ErasedAddress.objects.bulk_create(rows, ignore_conflicts=True)


def refused(ctx: SyncSession, digests: Iterable[str]) -> frozenset[str]:
    """Return which of these addresses were erased. One look where the tenant has erased nobody."""
    rows = _in_force(ctx.integration.tenant_id)
    if not rows.exists():
        return frozenset()
    return frozenset(membership.among(rows, "email_hash", digests).values_list("email_hash", flat=True))


def note_refused(ctx: SyncSession, record: Record) -> None:
    """Remember for this slice who was refused, so that the calls that read them are stored without them."""
    ids = frozenset({record.external_id})
    words = frozenset(names_in(dict(record.values)))
    ctx.cache.setdefault(REFUSED, []).append(Person(frozenset({record.email}), ids, words))


def calls_to_store(ctx: SyncSession) -> list[VendorCall]:
    """Take the calls made so far, without what they say of people who were refused."""
    calls = [call for call in ctx.calls if call.pk is None]
    ctx.calls.clear()
    for person in ctx.cache.get(REFUSED, ()):
        for call in calls:
            call.path = mask_path(call.path, person)
            call.request = cut_text(call.request, person, Found())
            call.response = cut_text(call.response, person, Found())
    return calls


def forget_ignored(events: Iterable[WebhookEvent]) -> None:
    """Empty the events that nobody works on and that tell of somebody whose data was erased."""
    ignored = [event for event in events if event.state == EventState.IGNORED and event.email_hash]
    if not ignored:
        return
    about = ErasedAddress.objects.filter(lifted_at__isnull=True, email_hash__in={row.email_hash for row in ignored})
    known = set(about.values_list("tenant", "email_hash"))
    if known:
        accounts = Connection.objects.filter(pk__in={row.connection_id for row in ignored})
        tenants = dict(accounts.values_list("pk", "tenant"))
        told = [row.pk for row in ignored if (tenants[row.connection_id], row.email_hash) in known]
        WebhookEvent.objects.filter(pk__in=told).update(payload={}, email_hash="")


def entry(tenant: Tenant, email: str) -> ErasedAddress | None:
    """The erasure of this address that is in force; None where there is none."""
    return _in_force(tenant.pk).filter(email_hash=email_hash(email)).first()


def latest(tenant: Tenant) -> list[ErasedAddress]:
    """The tenant's newest erasures, lifted ones among them."""
    rows = ErasedAddress.objects.filter(tenant=tenant).select_related("erased_by", "lifted_by")
    return list(rows.order_by("-erased_at")[:SHOWN])


def lift(row: ErasedAddress, by: AbstractBaseUser, reason: str) -> bool:
    """Let this address come back. Returns whether it was still refused."""
    open_one = ErasedAddress.objects.filter(pk=row.pk, lifted_at__isnull=True)
    return bool(open_one.update(lifted_at=timezone.now(), lifted_by=by, lift_reason=reason))


def _in_force(tenant_id: UUID) -> QuerySet[ErasedAddress]:
    return ErasedAddress.objects.filter(tenant=tenant_id, lifted_at__isnull=True)
