"""The consent invariant: who may be subscribed, and who has to be unsubscribed. Every write path asks here.

The strictest answer wins. A permission rises only by the person's own doing: what a record of ours remembers, what any
living record at the address says, and what the vendor itself knows of the address all count, and each of them can only
forbid. What we did ourselves says nothing about anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from integration.dry_run import is_dry
from integration.models import Connection, IdentityIndex, membership
from integration.reasons import NoReason, Reason, ReasonCode
from integration.secrets import email_hash

OWN_REMOVAL = "own_removal"  # kind of a row of the identity index
ASKED_SINCE = "asked since"  # in its note
ECHO_WINDOW = timedelta(days=1)  # as long a vendor may take to tell us of our own removal
# How people leave. Whatever else a vendor names, a call of ours among it, is no proof of a person.
BY_A_PERSON = frozenset({"link", "reply", "list-unsubscribe-header", "complaint", "abuse"})


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of a person whom somebody wants to write to a mailing system."""

    opted_out: bool = False  # our record of the person remembers an opt-out
    asked_anew: bool = False  # a No was seen since that opt-out, and now a Yes: a new wish
    by_confirmation: bool = False  # nothing is given before the person confirms it
    no_elsewhere: bool = False  # another living record at the address says No
    marked: bool = False  # the vendor knows an opt-out of the address that is not our own removal


def may_subscribe(known: Evidence) -> ReasonCode | NoReason:
    """Why this person may not be subscribed; empty when they may.

    After an opt-out only a new wish counts, and only as an invitation that the person has to confirm.
    """
    if known.no_elsewhere:
        return Reason.NO_ELSEWHERE
    if (known.opted_out or known.marked) and not (known.asked_anew and known.by_confirmation):
        return Reason.UNSUBSCRIBED
    return ""


def must_unsubscribe(*, subscribed: bool, says_no: bool, no_elsewhere: bool) -> bool:
    """Whether somebody who is subscribed has to leave: they say No, or another living record at their address does."""
    return subscribed and (says_no or no_elsewhere)


def note_own_removal(target: Connection, email: str, key: str = "") -> None:
    """Remember, before the call, that we take this address off a mailing system although its person said nothing.

    The record was deleted, merged, or has another address now. `key` is our own id of the contact there: what a vendor
    tells later may have lost the address.
    """
    if is_dry():
        return
    IdentityIndex.objects.update_or_create(
        connection=target, object_type=OWN_REMOVAL, email_hash=email_hash(email), external_id=key,
        defaults={"seen_at": timezone.now(), "note": ""},
    )  # fmt: skip


def withdraw_own_removal(target: Connection, digest: str) -> None:
    """Whatever the vendor knows of the address with this hash is its person's doing, not our removal's."""
    if digest and not is_dry():
        _own_removals(target).filter(email_hash=digest).delete()


def asked_since_removal(target: Connection, emails: Iterable[str]) -> None:
    """Somebody asks for these addresses anew, or they are subscribed: a later opt-out is the person's."""
    if not is_dry():
        membership.among(_own_removals(target), "email_hash", map(email_hash, emails)).update(note=ASKED_SINCE)


def own_removal(target: Connection, email: str) -> datetime | None:
    """When we took this address off without its person having said anything (UTC); None if it was asked for since."""
    rows = _own_removals(target).filter(email_hash=email_hash(email)).exclude(note=ASKED_SINCE)
    return rows.order_by("-seen_at").values_list("seen_at", flat=True).first()


def _own_removals(target: Connection) -> QuerySet[IdentityIndex]:
    return IdentityIndex.objects.filter(connection=target, object_type=OWN_REMOVAL)


def is_own_doing(target: Connection, *, digest: str, key: str, method: str = "") -> bool:
    """Whether a reported opt-out is only the echo of our own removal.

    It is known by the keyed hash of its address or, where the vendor has forgotten that, by our own id of the contact.
    `method` is how the vendor says it came about; a person's own way of leaving always counts.
    """
    if method.lower() in BY_A_PERSON or not (digest or key):
        return False
    rows = IdentityIndex.objects.filter(
        connection=target, object_type=OWN_REMOVAL, seen_at__gte=timezone.now() - ECHO_WINDOW
    )
    return rows.filter(**({"email_hash": digest} if digest else {"external_id": key})).exists()
