"""The plumbing under HubSpot's client: version, auth header, budgets, batches, paging and error words. Knows no nouns.

`client.py` is built on it. Nothing else calls it.
"""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from config.json_value import JSONValue
from integration import retry
from integration.connectors.base import Credentials
from integration.errors import ContractError, RateLimited, RecordError, TransientError
from integration.guard import HostPolicy
from integration.http import Effect, Instrumentation, LimitStatus, Reply, StatusErrors, Transport
from integration.reasons import Reason

# The one place that names the dated API version (hubspot sheet §0): released each March and September, good for 18
# months. The bodies are the same in 2026-03. No file of 2026-09 is published for the timeline.
VERSION = "2026-09"
TIMELINE_VERSION = "2026-03"
OBJECTS = f"/crm/objects/{VERSION}"
CONTACTS = f"{OBJECTS}/contacts"
NOTES = f"{OBJECTS}/notes"
ASSOCIATIONS = f"/crm/associations/{VERSION}"
PIPELINES = f"/crm/pipelines/{VERSION}"
ALL_PROPERTIES = f"/crm/properties/{VERSION}"
PROPERTIES = f"{ALL_PROPERTIES}/contacts"
TOKEN = f"/oauth/{VERSION}/token"
UNINSTALL = f"/appinstalls/{VERSION}/external-install"
ACCOUNT = f"/account-info/{VERSION}/details"
USERS = "/settings/users/2026-03"  # the newest version that is published for it
TIMELINE_EVENTS = f"/integrators/timeline/{TIMELINE_VERSION}/events"

BASE_URL = "https://api.hubapi.com"
SANDBOX_PATH = "/hubspot"
POLICY = HostPolicy(("api.hubapi.com",))
BATCH = 100  # records per batch call
Row = dict[str, JSONValue]

# hubspot sheet §2: beyond the usual ones, and documented as such.
ERRORS: StatusErrors = {
    414: (RecordError, Reason.RECORD_REFUSED, "refused the call as too large"),
    423: (TransientError, Reason.VENDOR_UNAVAILABLE, "has locked this record for a moment"),
    477: (TransientError, Reason.VENDOR_UNAVAILABLE, "is moving this account to another place"),
}
_INVALID = re.compile(r"^Property values were not valid: (\[.*\])$", re.DOTALL)


def explain(reply: Reply) -> str:
    """Find the vendor's own words in an error body; every field of it is optional (hubspot sheet §2)."""
    try:
        body = reply.json()
    except ContractError:
        return ""
    if not isinstance(body, dict):
        return ""
    message = str(body.get("message") or body.get("error_description") or "")
    if found := _INVALID.match(message):
        return _invalid_values(found[1]) or message
    scopes = [scope for item in _dicts(body.get("errors")) for scope in _scopes(item)]
    return f"{message} Missing: {', '.join(scopes)}." if scopes else message


def _invalid_values(text: str) -> str:
    try:
        rows = _dicts(jsonlib.loads(text))
    except ValueError:
        return ""
    return "; ".join(f"{row.get('name')}: {row.get('message')} ({row.get('error')})" for row in rows)


def _scopes(item: Mapping[str, JSONValue]) -> list[str]:
    context = item.get("context")
    if not isinstance(context, dict):
        return []
    return [str(scope) for key in ("requiredScopes", "requiredGranularScopes") for scope in context.get(key) or ()]


def _dicts(value: JSONValue) -> list[Row]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def read_limits(reply: Reply) -> Sequence[LimitStatus]:
    """Read the ten-second window; answers of searches carry no such headers (hubspot sheet §7)."""
    remaining, limit, interval = (
        reply.number(f"X-HubSpot-RateLimit-{name}") for name in ("Remaining", "Max", "Interval-Milliseconds")
    )
    if remaining is None:
        return ()
    return (LimitStatus("burst", remaining, limit, interval / 1000 if interval else None),)


class Api:
    """Calls to one portal. Every method raises only IntegrationErrors."""

    def __init__(self, credentials: Credentials, wire: Instrumentation | None = None) -> None:
        self.access_token = credentials.values["access_token"]
        # The consent's scopes; empty for one given before we kept them.
        self.granted_scopes = frozenset(credentials.values.get("scope", "").split())
        self._transport = Transport(
            "HubSpot", credentials.base_url, POLICY,
            headers={"Accept": "application/json", "Authorization": f"Bearer {self.access_token}"},
            secrets=(self.access_token,), wire=wire, read_limits=read_limits, errors=ERRORS, explain=explain,
        )  # fmt: skip

    def call(
        self,
        method: str,
        path: str,
        *,
        effect: Effect = Effect.WRITE,  # what declares nothing counts as a write, which a dry run refuses
        accepted: JSONValue = None,
        looks: str = "",
        params: Mapping[str, Any] | None = None,
        json: JSONValue = None,
        search: bool = False,
    ) -> JSONValue:
        """Make one call and return its JSON, None for an empty answer. `accepted`: what a dry run takes for it."""
        windows = ("search",) if search else ("burst",)
        try:
            reply = self._transport.request(
                method,
                path,
                effect=effect,
                accepted=None if accepted is None else jsonlib.dumps(accepted).encode(),
                looks=looks,
                params=params or {},
                json=json,
                windows=windows,
            )
        except RateLimited as exc:
            exc.retry_after = _pause(exc)
            raise
        except RecordError as exc:
            if "PROPERTY_DOESNT_EXIST" in exc.detail:
                exc.reason = Reason.FIELD_UNKNOWN
            raise
        return reply.json() if reply.content.strip() else None

    def get(self, method: str, path: str, *, effect: Effect, accepted: JSONValue = None, **options: Any) -> Row:
        """The same for an answer that must be an object."""
        body = self.call(method, path, effect=effect, accepted=accepted, **options)
        if not isinstance(body, dict):
            raise ContractError("HubSpot answered in an unknown form.", detail=f"{path}: {type(body).__name__}")
        return body

    def page(self, method: str, path: str, **options: Any) -> tuple[list[Row], str | None]:
        """Return the rows of one page and the cursor of the next; without `paging` it was the last."""
        body = self.get(method, path, effect=Effect.READ, **options)
        paging = body.get("paging") or {}
        following = (paging.get("next") or {}).get("after") if isinstance(paging, dict) else None
        return results(body), str(following) if following is not None else None


def results(body: Mapping[str, JSONValue]) -> list[Row]:
    """The rows of a list, a search or a batch."""
    rows = body.get("results")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ContractError("HubSpot sent a list in an unknown form.", detail=f"keys: {sorted(body)[:20]}")
    return rows


def problems(body: Mapping[str, JSONValue]) -> list[Row]:
    """The errors of a batch, on any success: whether the newest version answers 207 is not settled (sheet §2)."""
    return _dicts(body.get("errors"))


def segment(value: str) -> str:
    """Quote one path segment. Ids come from outside: none may lead to another path."""
    text = str(value)
    if text in ("", ".", ".."):
        raise RecordError("This is not an id.", detail=repr(text))
    return quote(text, safe="")


def _pause(exc: RateLimited) -> float:
    """A 429 tells its policy in the body and usually no Retry-After (hubspot sheet §7)."""
    policy = retry.DAY_LIMIT if '"DAILY"' in exc.detail else retry.SEARCH_LIMIT
    return retry.next_delay(policy, asked=exc.retry_after)
