"""The plumbing under LeadBoxer's client: the key, error words, lists in their envelope. Knows no nouns."""

from __future__ import annotations

from typing import Any

from integration import retry
from integration.connectors.base import Credentials, JSONValue
from integration.errors import ContractError, RateLimited
from integration.guard import HostPolicy
from integration.http import Instrumentation, Reply, Transport

# The vendor's texts name both hosts for version 1 (sheet §1).
POLICY = HostPolicy(("api.leadboxer.com", "data.leadboxer.com"))
BASE_URL = "https://api.leadboxer.com/v1"
# Where a list stands in an answer: today's name first, then those of the older API (sheet §3, §5).
ENVELOPES = ("data", "resultsList", "sessions", "events", "segments", "smartlists", "datasets")
Row = dict[str, JSONValue]


def explain(reply: Reply) -> str:
    """Find the vendor's words in `{"error", "message"}`; other forms are not documented (sheet §1)."""
    try:
        body = reply.json()
    except ContractError:
        return ""
    return str(body.get("message") or body.get("error") or "") if isinstance(body, dict) else ""


class Api:
    """Calls to one LeadBoxer account. Every method raises only IntegrationErrors."""

    def __init__(self, credentials: Credentials, wire: Instrumentation | None = None) -> None:
        key = credentials.values["api_key"].strip()
        self.email = credentials.values.get("email", "").strip()
        self._transport = Transport(
            "LeadBoxer", credentials.base_url, POLICY, headers={"Accept": "application/json", "x-api-key": key},
            secrets=(key,), wire=wire, explain=explain,
        )  # fmt: skip

    def get(self, path: str, **params: Any) -> JSONValue:
        """Return what one GET answers with; parameters without a value are left out."""
        given = {name: value for name, value in params.items() if value not in (None, "")}
        try:
            return self._transport.request("GET", path, params=given).json()
        except RateLimited as exc:
            # Limits are per minute and endpoint, their numbers not public (sheet §1).
            exc.retry_after = retry.next_delay(retry.MINUTE_LIMIT, asked=exc.retry_after)
            raise


def rows_of(answer: JSONValue, what: str) -> list[Row]:
    """The objects of a list, bare or in one of the vendor's envelopes."""
    found = answer
    if isinstance(answer, dict):
        found = next((answer[name] for name in ENVELOPES if name in answer), None)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ContractError("LeadBoxer sent a list in an unknown form.", detail=what)
    return found
