"""The codes of reasons: why a record was skipped, failed or waits. The sync log stores them.

These are the general ones; a connector or a recipe has those that name its own things. What people read of them is in
`engine/flow/general_reasons.py` and in each recipe.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import chain
from typing import Literal


class ReasonCode(StrEnum):
    """Base of all reason codes. Connectors and recipes derive the codes that name their own things."""


NoReason = Literal[""]  # beside a code, where there need not be a reason


class Reason(ReasonCode):
    """The codes that any recipe may give. The sync log stores the value."""

    UNKNOWN = "unknown"  # what `stored_reason` makes of a code that no version knows any more

    # Skipped by rule.
    UNCHANGED = "unchanged"
    ECHO = "echo"
    STALE_EVENT = "stale_event"
    NO_EMAIL = "no_email"
    INVALID_EMAIL = "invalid_email"
    DUPLICATE_EMAIL = "duplicate_email"
    UNSUBSCRIBED = "unsubscribed"
    NO_ELSEWHERE = "no_elsewhere"
    REMOVED_AT_TARGET = "removed_at_target"
    MERGED = "merged"
    DELETED_AT_SOURCE = "deleted_at_source"
    NOT_VISIBLE = "not_visible"
    NOT_LINKED = "not_linked"
    UNHANDLED_EVENT = "unhandled_event"
    TOO_MANY_EVENTS = "too_many_events"
    RECIPE_UNKNOWN = "recipe_unknown"
    WRONG_ACCOUNT = "wrong_account"
    BOTH_CHANGED = "both_changed"
    ADDRESS_ERASED = "address_erased"
    # The record will not go without a change.
    RECORD_REFUSED = "record_refused"
    RECORD_UNREADABLE = "record_unreadable"
    RECORD_NOT_FOUND = "record_not_found"
    RECORD_CONFLICT = "record_conflict"
    FIELD_UNKNOWN = "field_unknown"
    VALUE_INVALID = "value_invalid"
    UNEXPECTED_ANSWER = "unexpected_answer"
    ATTEMPTS_USED_UP = "attempts_used_up"
    CRASHED = "crashed"
    INTERNAL_ERROR = "internal_error"
    # A person must act; jobs are held and nothing is lost.
    CREDENTIALS_REFUSED = "credentials_refused"
    PERMISSION_MISSING = "permission_missing"
    ACCOUNT_CLOSED = "account_closed"
    APP_REMOVED = "app_removed"
    ADDRESS_REFUSED = "address_refused"
    WEBHOOK_LIMIT = "webhook_limit"
    FLOW_OFF = "flow_off"
    SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105
    MASS_DELETE = "mass_delete"
    OPT_IN_LIMIT = "opt_in_limit"
    PERSON_HELD = "person_held"
    # It will be tried again by itself.
    VENDOR_UNAVAILABLE = "vendor_unavailable"
    VENDOR_UNREACHABLE = "vendor_unreachable"
    RATE_LIMITED = "rate_limited"
    GAVE_WAY = "gave_way"
    LEASE_LOST = "lease_lost"
    SETUP_UNFINISHED = "setup_unfinished"
    PERSON_QUEUED = "person_queued"
    CAP_REACHED = "cap_reached"


def stored_reason(text: str, *kinds: type[ReasonCode]) -> ReasonCode:
    """Return the code that a row holds, of the general ones or of `kinds`; UNKNOWN for any other text."""
    for code in chain(Reason, *kinds):
        if code == text:
            return code
    return Reason.UNKNOWN
