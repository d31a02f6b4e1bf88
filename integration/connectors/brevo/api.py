"""The plumbing under Brevo's client: the key, three budgets, error words, paging. Knows no nouns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from config.json_value import JSONValue
from integration.connectors.base import Credentials
from integration.errors import Conflict, ContractError, RecordError, TenantActionError, TransientError
from integration.guard import HostPolicy
from integration.http import Effect, Instrumentation, LimitStatus, Reply, Transport
from integration.reasons import Reason

POLICY = HostPolicy(("api.brevo.com",))
BASE_URL = "https://api.brevo.com/v3"
CONTACTS, EVENTS, OTHER = "contacts", "events", "other"
# Calls about contacts and events have a budget per second and one per hour, both hold; all others one (sheet §3).
BUDGETS = {CONTACTS: (CONTACTS, "contacts_hour"), EVENTS: (EVENTS, "events_hour"), OTHER: (OTHER,)}
PAGE_SIZE = 1000  # the most a list of contacts gives at once
Row = Mapping[str, JSONValue]

ERRORS = {
    402: (TenantActionError, Reason.ACCOUNT_CLOSED, "says the account has no credit left"),
    # How long it lasts is not documented (sheet §2).
    425: (TransientError, Reason.VENDOR_UNAVAILABLE, "is still working on an earlier change of this contact"),
}
_DUPLICATES = re.compile(r'"duplicate_identifiers"\s*:\s*\[([^\]]*)\]')


class Duplicate(Conflict):
    """Another contact has one of these identifiers already: email, SMS, ext_id, WHATSAPP, LANDLINE_NUMBER."""

    def __init__(self, exc: RecordError, identifiers: Sequence[str]) -> None:
        super().__init__(exc.public, detail=exc.detail)
        self.identifiers = frozenset(identifiers)


def explain(reply: Reply) -> str:
    """Find the vendor's words in `{"code", "message"}` (sheet §2)."""
    try:
        body = reply.json()
    except ContractError:
        return ""
    return str(body.get("message") or body.get("code") or "") if isinstance(body, dict) else ""


def limits_of(tier: str) -> Callable[[Reply], Sequence[LimitStatus]]:
    """Read the rate headers of one tier's answers. The reset is the time left, in seconds (sheet §3)."""

    def read(reply: Reply) -> Sequence[LimitStatus]:
        limit, left, reset = (_number(reply, name) for name in ("limit", "remaining", "reset"))
        return [] if left is None else [LimitStatus(tier, left, limit, reset)]

    return read


def _number(reply: Reply, name: str) -> float | None:
    try:
        return float(reply.headers[f"x-sib-ratelimit-{name}"])
    except (KeyError, ValueError):
        return None


def segment(value: str) -> str:
    """Quote one path segment. Nothing that comes from outside may lead to another path."""
    text = str(value)
    if text in ("", ".", ".."):
        raise RecordError("This is not an e-mail address or id.", detail=repr(text))
    return quote(text, safe="")


def time_text(moment: datetime) -> str:
    """A time with its zone, as the filters want it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


class Api:
    """Calls to one Brevo account. Every method raises only IntegrationErrors."""

    def __init__(self, credentials: Credentials, wire: Instrumentation | None = None) -> None:
        key = credentials.values["api_key"].strip()
        self._transports = {
            tier: Transport(
                "Brevo", credentials.base_url, POLICY, headers={"Accept": "application/json", "api-key": key},
                secrets=(key,), wire=wire, read_limits=limits_of(tier), errors=ERRORS, explain=explain,
            )
            for tier in BUDGETS
        }  # fmt: skip

    def call(
        self,
        tier: str,
        method: str,
        path: str,
        *,
        effect: Effect = Effect.WRITE,  # what declares nothing counts as a write, which a dry run refuses
        accepted: bytes | None = None,
        looks: str = "",
        **options: Any,
    ) -> Reply:
        """Make one call on its tier's budgets. Raises Duplicate when another contact stands in the way."""
        try:
            return self._transports[tier].request(
                method, path, effect=effect, accepted=accepted, looks=looks, windows=BUDGETS[tier], **options
            )
        except RecordError as exc:
            # The code has changed over the years, the metadata has not (sheet §2).
            if found := _DUPLICATES.search(exc.detail):
                raise Duplicate(exc, re.findall(r'"([^"]+)"', found.group(1))) from exc
            raise

    def get(self, tier: str, path: str, params: Any = ()) -> dict[str, JSONValue]:
        """Return the object one GET answers with."""
        return checked_object(self.call(tier, "GET", path, effect=Effect.READ, params=params).json(), path)

    def rows(self, tier: str, path: str, key: str, params: Any = ()) -> list[dict[str, JSONValue]]:
        """Return the objects below `key` of one GET."""
        return checked_rows(self.get(tier, path, params).get(key), path)

    def all_rows(self, tier: str, path: str, key: str, size: int, **params: Any) -> list[dict[str, JSONValue]]:
        """Return the objects of every page of a short list."""
        found: list[dict[str, JSONValue]] = []
        while True:
            query = {"limit": size, "offset": len(found), "sort": "asc", **params}
            rows = self.rows(tier, path, key, query)
            found += rows
            if len(rows) < size:
                return found


def checked_object(value: JSONValue, what: str) -> dict[str, JSONValue]:
    if not isinstance(value, dict):
        raise ContractError("Brevo answered in an unknown form.", detail=what)
    return value


def checked_rows(value: JSONValue, what: str) -> list[dict[str, JSONValue]]:
    """A list of objects; anything else is an unknown form."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ContractError("Brevo sent a list in an unknown form.", detail=what)
    return value
