"""The error tree every layer raises and only the runner and the forms catch.

Each error carries a reason code from `integration.reasons`, a public message a tenant may read and a detail for
operators. `http.py` builds most of them; a connector adds the ones only it can recognise.
"""

from __future__ import annotations

from integration.reasons import Reason, ReasonCode


class IntegrationError(Exception):
    """Something went wrong with one call or one record.

    `public` may be shown to a tenant. `detail` is for operators and must already be redacted.
    `retry_after` is in seconds.
    """

    reason: ReasonCode = Reason.INTERNAL_ERROR

    def __init__(
        self, public: str, *, detail: str = "", retry_after: float | None = None, reason: ReasonCode | None = None
    ) -> None:
        super().__init__(public)
        self.public = public
        self.detail = detail
        self.retry_after = retry_after
        if reason is not None:
            self.reason = reason


class TransientError(IntegrationError):
    """It may work later without anybody doing anything: network, 5xx, a lock."""

    reason = Reason.VENDOR_UNAVAILABLE


class RateLimited(TransientError):
    """The vendor asked us to slow down, or we know that the next call would make it ask.

    `windows` are the budgets that are used up, none where that is not known. `only_reserve`: what is left is the
    customer's own, and an opt-out may still use it.
    """

    reason = Reason.RATE_LIMITED
    windows: tuple[str, ...] = ()
    only_reserve = False


class GaveWay(TransientError):
    """The slice of time is over. What was done so far is kept, and the next slice goes on behind it at once."""

    reason = Reason.GAVE_WAY

    def __init__(self) -> None:
        super().__init__("Others are at work first.", retry_after=0.0)


class LeaseLost(TransientError):
    """Another worker has taken over; whatever this one still wanted to write must not be written."""

    reason = Reason.LEASE_LOST


class TenantActionError(IntegrationError):
    """A person must act: a key, a permission, a field, a mapping. Jobs are held until then."""

    reason = Reason.PERMISSION_MISSING


class AuthError(TenantActionError):
    """The vendor no longer accepts our credentials."""

    reason = Reason.CREDENTIALS_REFUSED


class RecordError(IntegrationError):
    """This one record will not go without a change; its neighbours go on."""

    reason = Reason.RECORD_REFUSED


class PartlyDone(RecordError):
    """A step of the set-up left out what the vendor refused; all the rest is done, and nobody has to wait."""

    reason = Reason.FIELD_UNKNOWN


class UnreadableRecord(RecordError):
    """The vendor sent this record in a form that cannot be read. Its neighbours can."""

    reason = Reason.RECORD_UNREADABLE


class NotFound(RecordError):
    """The record does not exist at the vendor (any more)."""

    reason = Reason.RECORD_NOT_FOUND


class Conflict(RecordError):
    """The vendor has another record that stands in the way."""

    reason = Reason.RECORD_CONFLICT


class ContractError(IntegrationError):
    """The vendor answered with success but not in the documented shape."""

    reason = Reason.UNEXPECTED_ANSWER


class SetupUnfinished(IntegrationError):
    """What new settings need at a vendor is not made yet; only the records that need it wait."""

    reason = Reason.SETUP_UNFINISHED


class TooManyEvents(IntegrationError):
    """One call brings more events than its vendor ever puts into one. Raised before any of them is built."""

    reason = Reason.TOO_MANY_EVENTS

    def __init__(self, count: int, most: int) -> None:
        super().__init__(f"One call brought {count:,} events; more than {most:,} are not taken at once.")
