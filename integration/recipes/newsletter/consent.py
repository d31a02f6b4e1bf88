"""Where a person stands with the newsletter, as the link's notes remember it. Pure rules, no calls.

A permission is never raised by accident and an unsubscribed person is never subscribed by a sync: only a No that turns
into a Yes under our eyes counts as a new wish, and only the person's own click on the opt-in mail makes it true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from integration.models import RecordLink

NONE = ""
PENDING = "pending"  # the opt-in mail went out
SUBSCRIBED = "subscribed"  # permission given without a confirmation
CONFIRMED = "confirmed"  # the person clicked
UNSUBSCRIBED = "unsubscribed"

IN_STEP = frozenset({PENDING, SUBSCRIBED, CONFIRMED})

PERMISSION_NONE, PERMISSION_SINGLE, PERMISSION_DOUBLE, PERMISSION_DOUBLE_PLUS = 1, 2, 4, 5
CONFIRMED_PERMISSIONS = frozenset({PERMISSION_DOUBLE, PERMISSION_DOUBLE_PLUS})

# A new state of consent: not told to the source yet, and everything older forgotten.
_FRESH = {"reported": "", "no_seen": False, "removed_at_target": False}


def of(link: RecordLink | None) -> str:
    """The remembered state of consent."""
    return str(link.notes.get("consent", NONE)) if link else NONE


def is_new_wish(link: RecordLink | None) -> bool:
    """Whether a Yes is newer than the opt-out: we have seen or written a No since."""
    return bool(link and link.notes.get("no_seen"))


def withdrawn(*, no_seen: bool) -> Mapping[str, Any]:
    """Notes for a person who opted out. `no_seen`: the CRM already says No, so a later Yes is a new wish."""
    return {"consent": UNSUBSCRIBED, "no_seen": no_seen}


def asked(*, report_seen: str = "") -> Mapping[str, Any]:
    """Notes for a person who was sent the opt-in mail. An opt-out from before that moment no longer counts.

    `report_seen` is the latest opt-out in the vendor's report, on the vendor's clock; our own clock judges webhooks.
    """
    notes = {**_FRESH, "consent": PENDING, "asked_at": timezone.now().isoformat()}
    return {**notes, "report_seen": report_seen} if report_seen else notes


def given(permission: int) -> Mapping[str, Any]:
    """Notes for a person who has this permission now."""
    state = CONFIRMED if permission in CONFIRMED_PERMISSIONS else SUBSCRIBED
    return {**_FRESH, "consent": state}
