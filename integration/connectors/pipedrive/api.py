"""The plumbing under Pipedrive's client: auth header, budgets, envelopes, paging and error words. Knows no nouns.

`client.py` is built on it. Nothing else calls it.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from config.json_value import JSONValue, json_object
from integration import retry
from integration.connectors.base import Credentials
from integration.dry_run import is_dry
from integration.errors import ContractError, RateLimited, RecordError, TenantActionError
from integration.guard import HostPolicy
from integration.http import Effect, Instrumentation, LimitStatus, Reply, Transport
from integration.reasons import Reason

POLICY = HostPolicy((".pipedrive.com",))
PAGE_LIMIT = 500  # the most a list gives at once
IDS_PER_CALL = 100  # the most `ids` takes (pipedrive sheet §4)
SEARCH_LIMIT = 10  # searches per 2 s on every plan; other bursts start at 20 (pipedrive sheet §13)
LIST_PARAMS = {"limit": PAGE_LIMIT}
Row = dict[str, JSONValue]

ERRORS = {
    402: (TenantActionError, Reason.ACCOUNT_CLOSED, "says the account is not open (trial over or unpaid)"),
}
# 422 is documented for one thing only: too many webhooks (pipedrive sheet §12, §14). Elsewhere it stays a record error.
WEBHOOK_ERRORS = {
    **ERRORS,
    422: (TenantActionError, Reason.WEBHOOK_LIMIT, "allows no further webhooks for this user (at most 40)"),
}


def auth_headers(credentials: Credentials) -> tuple[dict[str, str], str]:
    """Return the auth header and the secret in it. The API token goes in a header, never in the query."""
    if credentials.kind == "oauth":
        token = credentials.values["access_token"]
        return {"Authorization": f"Bearer {token}"}, token
    token = credentials.values["api_token"]
    return {"x-api-token": token}, token


def explain(reply: Reply) -> str:
    """Find the vendor's own words in an error body (pipedrive sheet §14)."""
    try:
        body = reply.json()
    except ContractError:
        return ""
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors")
    if isinstance(errors, dict):  # webhooks answer {"errors": {"field": ["words"]}}
        return "; ".join(f"{name}: {', '.join(map(str, words))}" for name, words in errors.items())
    words = [body.get("error"), body.get("message"), body.get("error_info")]
    code = str(body.get("code") or "")
    if code.startswith("feature_capping"):
        words.append(code)
    return ". ".join(str(word) for word in words if word and not str(word).startswith("Please check developers"))


def read_limits(reply: Reply) -> Sequence[LimitStatus]:
    """Read the rate-limit headers. `x-ratelimit-reset` is in seconds, not an epoch (pipedrive sheet §13)."""
    readings = []
    limit, remaining = reply.number("x-ratelimit-limit"), reply.number("x-ratelimit-remaining")
    if remaining is not None:
        window = "search" if limit is not None and limit <= SEARCH_LIMIT else "burst"
        readings.append(LimitStatus(window, remaining, limit, reply.number("x-ratelimit-reset")))
    left = reply.number("x-daily-ratelimit-token-remaining")
    if left is not None:
        resets_in = retry.next_delay(retry.DAY_LIMIT) if left <= 0 else None
        readings.append(LimitStatus("day", left, reply.number("x-daily-ratelimit-token-limit"), resets_in))
    return readings


class Api:
    """Calls to one Pipedrive company. Every method raises only IntegrationErrors."""

    def __init__(self, credentials: Credentials, wire: Instrumentation | None = None) -> None:
        self._wire = wire or Instrumentation()
        headers, secret = auth_headers(credentials)
        self._transport = self._open(credentials, headers, secret, ERRORS)
        self._webhook_transport = self._open(credentials, headers, secret, WEBHOOK_ERRORS)

    def _open(self, credentials: Credentials, headers: Mapping[str, str], secret: str, errors: Any) -> Transport:
        return Transport(
            "Pipedrive", credentials.base_url, POLICY, headers={"Accept": "application/json", **headers},
            secrets=(secret,), wire=self._wire, read_limits=read_limits, errors=errors, explain=explain,
        )  # fmt: skip

    def call(
        self,
        method: str,
        path: str,
        *,
        cost: float,
        effect: Effect = Effect.WRITE,  # what declares nothing counts as a write, which a dry run refuses
        accepted: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        json: JSONValue = None,
        search: bool = False,
    ) -> Row:
        """Make one call and return the checked envelope. The burst counts calls, the day counts tokens."""
        if not (effect is Effect.WRITE and is_dry()):
            self._wire.meter.before(("burst", "search") if search else ("burst",), 1)
        transport = self._webhook_transport if path.startswith("/api/v1/webhooks") else self._transport
        try:
            reply = transport.request(
                method, path, effect=effect, accepted=accepted, params=params or {}, json=json, cost=cost,
                windows=("day",),
            )  # fmt: skip
        except RateLimited as exc:
            exc.retry_after = retry.next_delay(retry.BURST_LIMIT, asked=exc.retry_after)
            raise
        return _envelope(reply)

    def get(self, path: str, *, cost: float, **params: Any) -> Row:
        """Return `data` of one GET, which must be an object."""
        data = self.call("GET", path, effect=Effect.READ, cost=cost, params=params)["data"]
        if not isinstance(data, dict):
            raise ContractError("Pipedrive sent a record in an unknown form.", detail=path)
        return data

    def rows(self, path: str, *, cost: float, **params: Any) -> list[Row]:
        """Return `data` of one GET as a list of objects; null means none."""
        return _rows(self.call("GET", path, effect=Effect.READ, cost=cost, params=params))

    def write(self, method: str, path: str, body: JSONValue, *, cost: float, stored: Row | None = None) -> Row:
        """Create or change something and return it as the vendor stored it.

        `stored` is what a dry run takes for that; without it a dry run may not come here.
        """
        accepted = None if stored is None else jsonlib.dumps({"success": True, "data": stored}).encode()
        if is_dry() and method != "POST" and path.endswith(f"/{(stored or {}).get('id')}"):
            self.get(path, cost=1)  # it raises where the record is not there
        data = self.call(method, path, cost=cost, effect=Effect.WRITE, accepted=accepted, json=body)["data"]
        if not isinstance(data, dict):
            raise ContractError("Pipedrive did not return the record it stored.", detail=path)
        return data

    def page_v2(self, path: str, cursor: str | None, *, cost: float, **params: Any) -> tuple[list[Row], str | None]:
        """Return one page of a v2 list. The cursor is opaque and wants the other parameters unchanged."""
        query = {**LIST_PARAMS, **params, **({"cursor": cursor} if cursor else {})}
        envelope = self.call("GET", path, effect=Effect.READ, cost=cost, params=query)
        following = _additional(envelope).get("next_cursor")
        if following is not None and not isinstance(following, str):
            raise ContractError("Pipedrive sent a cursor in an unknown form.", detail=path)
        return _rows(envelope), following or None

    def page_v1(self, path: str, cursor: str | None, *, cost: float, **params: Any) -> tuple[list[Row], str | None]:
        """Return one page of a v1 list; our cursor is its `start` as text."""
        query = {**LIST_PARAMS, **params, "start": int(cursor or 0)}
        envelope = self.call("GET", path, effect=Effect.READ, cost=cost, params=query)
        pagination = json_object(_additional(envelope).get("pagination"))
        following = pagination.get("next_start") if pagination.get("more_items_in_collection") else None
        return _rows(envelope), None if following is None else str(following)

    def all_v2(self, path: str, *, cost: float, **params: Any) -> Iterator[Row]:
        """Yield every row of a v2 list, page by page."""
        cursor: str | None = None
        while True:
            rows, cursor = self.page_v2(path, cursor, cost=cost, **params)
            yield from rows
            if cursor is None:
                return

    def many_v2(self, path: str, ids: Iterable[str], **params: Any) -> Iterator[Row]:
        """Yield the rows with these ids, 100 per call. Unknown, deleted and invisible ones are silently missing."""
        wanted = list(dict.fromkeys(str(item) for item in ids))
        for start in range(0, len(wanted), IDS_PER_CALL):
            chunk = ",".join(wanted[start : start + IDS_PER_CALL])
            yield from self.all_v2(path, cost=10, **{**params, "ids": chunk, "limit": IDS_PER_CALL})


def segment(value: str) -> str:
    """Quote one path segment. Ids come from outside: none may lead to another path."""
    text = str(value)
    if text in ("", ".", ".."):
        raise RecordError("This is not an id.", detail=repr(text))
    return quote(text, safe="")


def _envelope(reply: Reply) -> Row:
    body = reply.json() if reply.content.strip() else {"success": True}
    if not isinstance(body, dict) or body.get("success") is not True:
        raise ContractError("Pipedrive answered with success, but not in its usual form.", detail=reply.text[:300])
    return {"data": None, **body}


def _additional(envelope: Mapping[str, JSONValue]) -> Row:
    found = envelope.get("additional_data") or {}
    if not isinstance(found, dict):
        raise ContractError("Pipedrive answered in an unknown form.", detail="additional_data")
    return found


def _rows(envelope: Mapping[str, JSONValue]) -> list[Row]:
    rows = envelope["data"] or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ContractError("Pipedrive sent a list in an unknown form.", detail=type(rows).__name__)
    return rows
