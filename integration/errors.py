"""The error tree every layer raises and only the runner and the forms catch.

Each error carries a reason code from `integration.reasons`, a public message a tenant may read and a detail for
operators. `http.py` builds most of them; a connector adds the ones only it can recognise.
"""

from __future__ import annotations


class IntegrationError(Exception):
    """Something went wrong with one call or one record.

    `public` may be shown to a tenant. `detail` is for operators and must already be redacted.
    `retry_after` is in seconds. `reason` is a code of `integration.reasons`.
    """

    reason = "internal_error"

    def __init__(
        self, public: str, *, detail: str = "", retry_after: float | None = None, reason: str | None = None
    ) -> None:
        super().__init__(public)
        self.public = public
        self.detail = detail
        self.retry_after = retry_after
        if reason is not None:
            self.reason = reason


class TransientError(IntegrationError):
    """It may work later without anybody doing anything: network, 5xx, a lock."""

    reason = "vendor_unavailable"


class RateLimited(TransientError):
    """The vendor asked us to slow down, or we know that the next call would make it ask."""

    reason = "rate_limited"


class LeaseLost(TransientError):
    """Another worker has taken over; whatever this one still wanted to write must not be written."""

    reason = "lease_lost"


class TenantActionError(IntegrationError):
    """A person must act: a key, a permission, a field, a mapping. Jobs are held until then."""

    reason = "permission_missing"


class AuthError(TenantActionError):
    """The vendor no longer accepts our credentials."""

    reason = "credentials_refused"


class RecordError(IntegrationError):
    """This one record will not go without a change; its neighbours go on."""

    reason = "record_refused"


class UnreadableRecord(RecordError):
    """The vendor sent this record in a form that cannot be read. Its neighbours can."""

    reason = "record_unreadable"


class NotFound(RecordError):
    """The record does not exist at the vendor (any more)."""

    reason = "record_not_found"


class Conflict(RecordError):
    """The vendor has another record that stands in the way."""

    reason = "record_conflict"


class ContractError(IntegrationError):
    """The vendor answered with success but not in the documented shape."""

    reason = "unexpected_answer"


class SetupUnfinished(IntegrationError):
    """What new settings need at a vendor is not made yet; only the records that need it wait."""

    reason = "setup_unfinished"


class TooManyEvents(IntegrationError):
    """One call brings more events than its vendor ever puts into one. Raised before any of them is built."""

    reason = "too_many_events"

    def __init__(self, count: int, most: int) -> None:
        super().__init__(f"One call brought {count:,} events; more than {most:,} are not taken at once.")
