"""Which addresses were erased and must not come back. Every batch asks before it takes in a record.

What takes a person away or writes down their opt-out travels all the same: an erasure is no reason to mail somebody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from integration.dry_run import is_dry
from integration.engine.flow.base import Record
from integration.engine.flow.session import SyncSession
from integration.engine.records.traces import Found, Person, cut_text, mask_path, names_in
from integration.models import UNROUTED, ErasedAddress, EventState, VendorCall, WebhookEvent, membership
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


def refused(ctx: SyncSession, digests: Collection[str]) -> frozenset[str]:
    """Return which of these addresses were erased."""
    if not digests:
        return frozenset()
    rows = membership.among(_in_force(ctx.integration.tenant_id), "email_hash", digests)
    return frozenset(rows.values_list("email_hash", flat=True))


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


def forget_handled(ctx: SyncSession, events: Mapping[int, str]) -> None:
    """Empty the events (number → address of the record they came to) that tell of somebody whose data was erased.

    An event is also known by the address that it brought itself: of a record that is gone nothing else is left.
    """
    rows = _in_force(ctx.integration.tenant_id)
    if events and rows.exists():
        known = refused(ctx, {digest for digest in events.values() if digest})
        told = [number for number, digest in events.items() if digest in known]
        about = Q(pk__in=told) | Q(pk__in=list(events), email_hash__in=rows.values("email_hash"))
        told_of = set(WebhookEvent.objects.filter(about).values_list("email_hash", flat=True)) - {""}
        WebhookEvent.objects.filter(about).update(payload={}, email_hash="")
        if told_of:
            forget_routed(ctx.integration.tenant, refused(ctx, told_of))  # earlier ones that led to the same job


def forget_routed(tenant: Tenant, digests: Collection[str]) -> None:
    """Empty the events about these addresses that came in and were routed while the erasure was under way."""
    rows = WebhookEvent.objects.filter(connection__tenant=tenant, email_hash__in=digests)
    rows.exclude(state__in=UNROUTED).update(payload={}, email_hash="")


def forget_ignored(events: Iterable[WebhookEvent]) -> None:
    """Empty the events that nobody handles and that tell of somebody whose data was erased."""
    ignored = [event.pk for event in events if event.state == EventState.IGNORED and event.email_hash]
    if ignored:
        erasure = ErasedAddress.objects.filter(
            tenant=OuterRef("connection__tenant"), email_hash=OuterRef("email_hash"), lifted_at__isnull=True
        )
        told = WebhookEvent.objects.filter(Exists(erasure), pk__in=ignored).values_list("pk", flat=True)
        WebhookEvent.objects.filter(pk__in=list(told)).update(payload={}, email_hash="")


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
