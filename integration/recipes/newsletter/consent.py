"""Where a person stands with the newsletter, as the link's notes remember it. Pure rules, no calls.

A permission is never raised by accident and an unsubscribed person is never subscribed by a sync: only a No that turns
into a Yes under our eyes counts as a new wish, and only the person's own click on the opt-in mail makes it true.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.utils import timezone

from integration.engine.api import FlowState
from integration.models import LinkState, RecordLink

NONE = ""
PENDING = "pending"  # the opt-in mail went out
SUBSCRIBED = "subscribed"  # permission given without a confirmation
CONFIRMED = "confirmed"  # the person clicked
UNSUBSCRIBED = "unsubscribed"

IN_STEP = frozenset({PENDING, SUBSCRIBED, CONFIRMED})

PERMISSION_NONE, PERMISSION_SINGLE, PERMISSION_DOUBLE, PERMISSION_DOUBLE_PLUS = 1, 2, 4, 5
CONFIRMED_PERMISSIONS = frozenset({PERMISSION_DOUBLE, PERMISSION_DOUBLE_PLUS})


@dataclass(frozen=True, kw_only=True)
class ContactState(FlowState):
    """What the link of a person remembers of the newsletter."""

    consent: str | None = None  # one of the states above
    no_seen: bool | None = None  # a No was seen or written since the opt-out: a later Yes is a new wish
    reported: str | None = None  # the state of consent the source was last told of
    removed_at_target: bool | None = None  # somebody deleted the contact in Maileon
    asked_at: str | None = None  # when the opt-in mail went out, by our clock (ISO, UTC)
    report_seen: str | None = None  # the latest opt-out of the vendor's report that was dealt with, by its clock
    field: str | int | None = None  # the newsletter field at the source that was read; another one was made anew


def of(link: RecordLink | None) -> str:
    """The remembered state of consent."""
    return ContactState.of(link).consent or NONE


def in_step(link: RecordLink | None) -> bool:
    """Whether this person is a contact of ours in Maileon: asked, subscribed or confirmed."""
    return link is not None and link.state != LinkState.REMOVED and of(link) in IN_STEP


def is_new_wish(link: RecordLink | None) -> bool:
    """Whether a Yes is newer than the opt-out: we have seen or written a No since."""
    return bool(ContactState.of(link).no_seen)


def withdrawn(*, no_seen: bool) -> ContactState:
    """The state of a person who opted out. `no_seen`: the CRM already says No, so a later Yes is a new wish."""
    return ContactState(consent=UNSUBSCRIBED, no_seen=no_seen)


def asked(*, report_seen: str = "") -> ContactState:
    """The state of a person who was sent the opt-in mail. An opt-out from before that moment no longer counts.

    `report_seen` is the latest opt-out in the vendor's report, on the vendor's clock; our own clock judges webhooks.
    """
    return replace(_fresh(PENDING), asked_at=timezone.now().isoformat(), report_seen=report_seen or None)


def given(permission: int) -> ContactState:
    """The state of a person who has this permission now."""
    return _fresh(CONFIRMED if permission in CONFIRMED_PERMISSIONS else SUBSCRIBED)


def _fresh(state: str) -> ContactState:
    """A new state of consent: not told to the source yet, and everything older forgotten."""
    return ContactState(consent=state, reported="", no_seen=False, removed_at_target=False)
