"""Which addresses are contacts in Maileon already: asked one by one for a few, from one list for many."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from integration.connectors.maileon.records import StoredContact
from integration.engine.api import Stored, Write
from integration.errors import GaveWay
from integration.models import FieldMapping, IdentityIndex, RecordLink, ReferenceCache, columnar, membership
from integration.recipes.newsletter.session import Session
from integration.secrets import email_hash

FEW = 50  # up to here single look-ups are cheaper than listing the account
LIST_AGE = timedelta(hours=1)
LISTING_SECONDS = 15.0  # that a listing may take in one slice in any case; nothing else can go on without it
LEAVING = timedelta(minutes=30)  # Maileon needs seconds; its clock may differ from ours
OBJECT = "contact"
LISTED = "contacts_listed"
PERMISSION_NAMES = {
    1: _("None"), 2: _("Single Opt-in"), 3: _("Confirmed Opt-in"), 4: _("Double Opt-in"), 5: _("Double Opt-in Plus"),
    6: _("Other"),
}  # fmt: skip


def known_contacts(ctx: Session, writes: Sequence[Write]) -> dict[str, StoredContact]:
    """The contacts among these addresses, by lower-case address, with their permission."""
    addresses = [str(entry.values["email"]) for entry in writes]
    if len(addresses) <= FEW:
        return _asked_for(ctx, addresses)
    told_of_all = _list_account(ctx)
    hashes = {email_hash(address): address for address in addresses}
    listed = IdentityIndex.objects.filter(connection=ctx.integration.right, object_type=OBJECT)
    known = {
        hashes[row.email_hash].lower(): StoredContact(
            row.external_id, hashes[row.email_hash], permission=int(row.note or 1)
        )
        for row in membership.among(listed, "email_hash", hashes)
    }
    if told_of_all:
        return known
    return {**known, **_asked_for(ctx, [address for address in addresses if address.lower() not in known])}


def _asked_for(ctx: Session, addresses: Sequence[str]) -> dict[str, StoredContact]:
    """The contacts among these addresses, a call each."""
    found = {address: ctx.right.find_contact(address) for address in addresses}
    return {address.lower(): contact for address, contact in found.items() if contact is not None}


def _list_account(ctx: Session) -> bool:
    """Read all contacts once per hour into the index: a call per thousand instead of one per person.

    Returns whether that told of everybody: of a contact nobody can read it is not known whose address it has.
    """
    found = ctx.reference_list("right", LISTED, lambda: {"unreadable": _read_all(ctx)})
    return not found.get("unreadable")


@dataclass(frozen=True, kw_only=True)
class ListingPlace(Stored):
    """How far a listing of the account has come."""

    page: int | None = None
    began: str | None = None
    unreadable: Sequence[str] | None = None


def _read_all(ctx: Session) -> list[str]:
    """Fill the index, page by page. Returns the ids of contacts that cannot be read.

    Where it stopped is kept with each page. Raises GaveWay when the slice is over; the next one goes on there.
    """
    until = time.monotonic() + LISTING_SECONDS
    place = _place_of(ctx)
    kept = ListingPlace.read(place.entries) if place.fetched_at > timezone.now() - LIST_AGE else ListingPlace()
    began = datetime.fromisoformat(kept.began) if kept.began else timezone.now()
    unreadable = list(kept.unreadable or ())
    page: int | None = max((kept.page or 1) - 1, 1)  # again the last: deletions have moved others forward
    while page is not None:
        contacts, page, problems = ctx.right.contacts_page(page)
        unreadable += problems
        _note(ctx, contacts, began)
        if page is not None:
            reached = ListingPlace(page=page, began=began.isoformat(), unreadable=unreadable).stored
            ReferenceCache.objects.filter(pk=place.pk).update(entries=reached, fetched_at=timezone.now())
            further = page > (kept.page or 1)  # than where it stopped before; else it would never come to an end
            if further and time.monotonic() > until and not ctx.time_left():
                raise GaveWay
    place.delete()
    IdentityIndex.objects.filter(connection=ctx.integration.right, object_type=OBJECT, seen_at__lt=began).delete()
    return unreadable


def _place_of(ctx: Session) -> ReferenceCache:
    place, _ = ReferenceCache.objects.get_or_create(
        connection=ctx.integration.right, kind=f"{LISTED}:place", defaults={"fetched_at": timezone.now()}
    )
    return place


def _note(ctx: Session, contacts: Iterable[StoredContact], began: datetime) -> None:
    rows = [
        columnar.new(
            IdentityIndex, connection_id=ctx.integration.right_id, object_type=OBJECT,
            email_hash=email_hash(contact.email), external_id=contact.id, note=str(contact.permission or ""),
            seen_at=began,
        )
        for contact in contacts
        if contact.email
    ]  # fmt: skip
    columnar.insert(rows, unique=("connection", "object_type", "email_hash", "external_id"), update=("note", "seen_at"))


def leaving(ctx: Session, addresses: Sequence[str]) -> set[str]:
    """Which of these addresses opted out a moment ago, in lower case: Maileon shows them as they were for a while."""
    if not addresses:
        return set()
    since = timezone.now() - LEAVING
    reported = {row.email.lower() for row in ctx.right.iter_unsubscriptions(since=since) if row.email}
    return reported & {address.lower() for address in addresses}


def look_up(ctx: Session, email: str, link: RecordLink | None) -> dict[str, JSONValue] | None:
    """What Maileon has of this person now, by the fields this integration writes; None when there is nobody."""
    address = str(link.written.get("email") or email) if link else email
    if not address:
        return None
    known = ctx.fields("right", "contact")
    mapped = FieldMapping.objects.filter(integration=ctx.integration, flow__in=list(ctx.recipe.mapped_flows))
    targets = [key for key in mapped.values_list("target", flat=True) if key in known]
    contact = ctx.right.find_contact(
        address,
        standard_fields=[key for key in targets if not known[key].custom],
        custom_fields=[key for key in targets if known[key].custom],
    )
    if contact is None:
        return None
    permission = str(PERMISSION_NAMES.get(contact.permission or 0, _("not known")))
    own = {"email": contact.email, "external_id": contact.external_id, "permission": permission}
    return {**own, **contact.standard_fields, **contact.custom_fields}
