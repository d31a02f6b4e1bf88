"""The single place that talks to the network. Connectors build a `Transport` and never import requests themselves.

It reuses connections, always has a deadline, retries only safe calls, maps status codes to error classes in one
table, reads rate limits into the meter, redacts what it reports and refuses hosts that are not the vendor's.
"""

from __future__ import annotations

import email.utils
import json as jsonlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlencode, urlsplit

import requests
from django.utils import timezone

from config.json_value import parse_json
from integration import answers, guard, retry
from integration.dry_run import is_dry
from integration.errors import (
    AuthError,
    Conflict,
    ContractError,
    IntegrationError,
    NotFound,
    RateLimited,
    RecordError,
    TenantActionError,
    TransientError,
)
from integration.guarded_session import CONNECT_TIMEOUT, NO_ANSWER, READ_TIMEOUT, guarded
from integration.reasons import Reason, ReasonCode
from integration.redact import redact_text
from integration.sunset import Sunset, sunset_in

Body: TypeAlias = "bytes | str | Mapping[str, str] | None"
type_of_params = Mapping[str, Any] | Sequence[tuple[str, Any]]


class Effect(StrEnum):
    """What a call does at the vendor. The method does not tell: a search can be a POST.

    A sign-in renews a token, which is a write of its own kind: without it nothing could be read.
    """

    READ = "read"
    WRITE = "write"
    SIGN_IN = "sign-in"


@dataclass(frozen=True)
class LimitStatus:
    """What a vendor said about one budget: `remaining` of `limit` calls (or tokens), full again in `resets_in` s."""

    window: str
    remaining: float
    limit: float | None = None
    resets_in: float | None = None


class RateLimiter(Protocol):
    """Keeps a connection's budgets. `before` raises RateLimited instead of letting us run into the limit."""

    def before(self, windows: Sequence[str], cost: float) -> None: ...

    def after(self, readings: Sequence[LimitStatus]) -> None: ...


class NoMeter:
    """A meter that neither counts nor refuses; for calls made before a connection exists."""

    def before(self, windows: Sequence[str], cost: float) -> None:
        """Allow everything."""

    def after(self, readings: Sequence[LimitStatus]) -> None:
        """Forget everything."""


@dataclass(frozen=True)
class Exchange:
    """One call as it may be stored: redacted, cut to size. `ms` is milliseconds, `status` 0 when nothing came back.

    `skew` is how many seconds our clock is ahead of the one that answered, None when it told no time.
    """

    method: str
    path: str
    status: int
    ms: int
    request: str
    response: str
    at: datetime = field(default_factory=timezone.now)
    skew: float | None = None
    sunset: Sunset | None = None


@dataclass(frozen=True)
class Reply:
    """A vendor's answer, read completely."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", errors="replace")

    def number(self, header: str) -> float | None:
        """The number a header holds; None if there is none."""
        try:
            return float(self.headers[header])
        except (KeyError, ValueError):
            return None

    def json(self) -> Any:
        """Parse the body. Raises ContractError when it is not JSON."""
        try:
            return parse_json(self.content)
        except ValueError as exc:
            raise ContractError("The answer is not JSON.", detail=redact_text(self.text, limit=500)) from exc


@dataclass(frozen=True)
class Instrumentation:
    """What the engine plugs into a connector's client: budgets, the record of calls, a memory of the account, tokens.

    The memory outlives the client, and what is in it may be old: a client keeps there only what never changes.
    `renew` takes an access token that was refused and returns a newer one, None when there is none.
    """

    meter: RateLimiter = field(default_factory=NoMeter)
    record: Callable[[Exchange], None] = lambda exchange: None
    memory: dict[str, Any] = field(default_factory=dict)
    renew: Callable[[str], str | None] = lambda refused: None


def _statuses(
    *rows: tuple[int, type[IntegrationError], ReasonCode, str],
) -> dict[int, tuple[type[IntegrationError], ReasonCode, str]]:
    return {status: (error, reason, public) for status, error, reason, public in rows}


STATUS_ERRORS = _statuses(
    (400, RecordError, Reason.RECORD_REFUSED, "refused the data"),
    (401, AuthError, Reason.CREDENTIALS_REFUSED, "does not accept our credentials"),
    (402, TenantActionError, Reason.ACCOUNT_CLOSED, "says the account is not open (trial over or unpaid)"),
    (403, TenantActionError, Reason.PERMISSION_MISSING, "does not permit this call"),
    (404, NotFound, Reason.RECORD_NOT_FOUND, "does not know this record"),
    (405, RecordError, Reason.RECORD_REFUSED, "does not offer this call"),
    (408, TransientError, Reason.VENDOR_UNAVAILABLE, "took too long"),
    (409, Conflict, Reason.RECORD_CONFLICT, "has another record in the way"),
    (410, NotFound, Reason.RECORD_NOT_FOUND, "has removed this record"),
    (422, RecordError, Reason.RECORD_REFUSED, "refused the data"),
    (425, TransientError, Reason.VENDOR_UNAVAILABLE, "is not ready for this call yet"),
    (429, RateLimited, Reason.RATE_LIMITED, "asks us to slow down"),
)
StatusErrors = Mapping[int, tuple[type[IntegrationError], ReasonCode, str]]


BEARER = "Bearer "
sessions: dict[int, requests.Session] = {}


def _session() -> requests.Session:
    """One session per process: a forked worker must never share its parent's sockets."""
    pid = os.getpid()
    if pid not in sessions:
        sessions.clear()
        sessions[pid] = guarded(requests.Session(), answers.MAX_ANSWER_BYTES)
    return sessions[pid]


class Transport:
    """A vendor's API root with its auth, host policy, budgets and error table. Raises only IntegrationErrors."""

    def __init__(
        self,
        vendor: str,
        base_url: str,
        policy: guard.HostPolicy,
        *,
        headers: Mapping[str, str],
        secrets: Sequence[str] = (),
        wire: Instrumentation | None = None,
        read_limits: Callable[[Reply], Sequence[LimitStatus]] = lambda reply: (),
        errors: StatusErrors | None = None,
        explain: Callable[[Reply], str] = lambda reply: "",
        timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT),
    ) -> None:
        self.vendor = vendor
        self.base_url = policy.check(base_url)
        self._headers = dict(headers)
        self._secrets = tuple(secrets)
        self._wire = wire or Instrumentation()
        self._read_limits = read_limits
        self._errors: StatusErrors = {**STATUS_ERRORS, **(errors or {})}
        self._explain = explain
        self._timeout = timeout

    def request(
        self,
        method: str,
        path: str,
        *,
        params: type_of_params = (),
        json: Any = None,
        data: Body = None,
        headers: Mapping[str, str] | None = None,
        effect: Effect,
        accepted: bytes | None = None,
        looks: str = "",
        cost: float = 1,
        windows: Sequence[str] = (),
        answers: Callable[[Reply], bool] = lambda reply: False,
    ) -> Reply:
        """Make one call. `cost` is charged to each of the budget `windows` before the call is made.

        A dry run sends no write: it looks whether the record at the path `looks` is there and goes on with `accepted`,
        what the vendor answers a write that it takes. It stops where that is not known. `answers` says of a reply with
        an error's status that it is an answer all the same.
        """
        if effect is Effect.WRITE and is_dry():
            if looks:
                self.request("GET", looks, effect=Effect.READ, cost=cost, windows=windows)
            return self._unsent(method, path, accepted)
        if json is not None:
            data = jsonlib.dumps(json, ensure_ascii=False, allow_nan=False).encode()
            headers = {"Content-Type": "application/json", **(headers or {})}
        query = urlencode(list(params.items() if isinstance(params, Mapping) else params), doseq=True)
        self._wire.meter.before(windows, cost)
        reply = self._exchange(method, path, query, data, headers or {})
        if reply.status == 401 and self._renewed():
            self._wire.meter.before(windows, cost)
            reply = self._exchange(method, path, query, data, headers or {})
        return reply if answers(reply) else self._checked(reply)

    def _exchange(self, method: str, path: str, query: str, data: Body, headers: Mapping[str, str]) -> Reply:
        """Make one call and report it."""
        url = f"{self.base_url}{path}" + (f"?{query}" if query else "")
        started = time.monotonic()
        try:
            reply = self._send(method, url, data, {**self._headers, **headers})
        except TransientError as exc:
            self._report(method, path, query, data, None, started, exc.detail)
            raise
        self._report(method, path, query, data, reply, started)
        self._wire.meter.after(self._read_limits(reply))
        return reply

    def _renewed(self) -> bool:
        """Put a newer access token in the place of one that was refused. Whether there is one."""
        refused = self._headers.get("Authorization", "").removeprefix(BEARER)
        token = self._wire.renew(refused)
        if token is None:
            return False
        self._headers["Authorization"] = f"{BEARER}{token}"
        self._secrets += (token,)
        return True

    def _unsent(self, method: str, path: str, accepted: bytes | None) -> Reply:
        """What a dry run takes for the answer of a write."""
        if accepted is None:
            raise IntegrationError("A dry run must not do this.", detail=f"{method} {path}")
        return Reply(200, {}, accepted)

    def _send(self, method: str, url: str, data: Any, headers: Mapping[str, str]) -> Reply:
        try:
            response = _session().request(
                method, url, data=data, headers=headers, timeout=self._timeout, allow_redirects=False
            )
            return Reply(response.status_code, response.headers, response.content)
        except guard.AddressRefused as exc:
            raise TenantActionError(exc.public, reason=Reason.ADDRESS_REFUSED) from exc
        except NO_ANSWER as exc:
            if refused := guard.refusal_in(exc):
                raise TenantActionError(refused.public, reason=Reason.ADDRESS_REFUSED) from exc
            public = f"{self.vendor} could not be reached."
            detail = redact_text(f"{type(exc).__name__}: {exc}", self._secrets, limit=300)
            raise TransientError(public, detail=detail, reason=Reason.VENDOR_UNREACHABLE) from exc

    def _report(
        self, method: str, path: str, query: str, data: Any, reply: Reply | None, started: float, problem: str = ""
    ) -> None:
        body = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data or "")
        self._wire.record(
            Exchange(
                method=method,
                path=redact_text(
                    urlsplit(self.base_url).path + path + (f"?{query}" if query else ""), self._secrets, 1000
                ),
                status=reply.status if reply else 0,
                ms=round((time.monotonic() - started) * 1000),
                request=redact_text(body, self._secrets),
                response=redact_text(reply.text if reply else problem, self._secrets),
                skew=clock_skew(reply.headers.get("Date"), time.monotonic() - started) if reply else None,
                sunset=sunset_in(reply.headers) if reply else None,
            )
        )

    def _checked(self, reply: Reply) -> Reply:
        if 200 <= reply.status < 300:
            return reply
        detail = redact_text(reply.text, self._secrets, limit=1000)
        if 300 <= reply.status < 400:
            raise TenantActionError(
                f"{self.vendor} sends us to another address.", detail=detail, reason=Reason.ADDRESS_REFUSED
            )
        if reply.status == 403 and _is_cloudflare_page(reply):
            pause = retry.next_delay(retry.BLOCKED_CLIENT)
            raise RateLimited(f"{self.vendor} blocks us for a while.", detail=detail, retry_after=pause)
        error, reason, words = self._errors.get(
            reply.status,
            (TransientError, Reason.VENDOR_UNAVAILABLE, "has a problem of its own")
            if reply.status >= 500
            else (RecordError, Reason.RECORD_REFUSED, "refused the call"),
        )
        said = redact_text(self._explain(reply), self._secrets, limit=300)
        public = f"{self.vendor} {words}" + (f": {said}" if said else f" (HTTP {reply.status}).")
        asked = self._pause(reply) if issubclass(error, TransientError) else None
        raise error(public, detail=detail, retry_after=asked, reason=reason)

    def _pause(self, reply: Reply) -> float | None:
        asked = retry_after(reply.headers.get("Retry-After"), _date(reply.headers.get("Date")))
        if asked is not None or reply.status != 429:
            return asked
        resets = [
            reading.resets_in for reading in self._read_limits(reply) if reading.resets_in and reading.remaining <= 0
        ]
        return min(max(resets), retry.MAX_RETRY_AFTER) if resets else None


def clock_skew(header: str | None, took: float, now: datetime | None = None) -> float | None:
    """Return how many seconds our clock is ahead of the one that wrote a Date header; None without a readable one.

    The header has whole seconds and was written somewhere within the call that `took` so long: good to a second or two.
    """
    theirs = _date(header)
    if theirs is None:
        return None
    return ((now or timezone.now()) - theirs).total_seconds() - took / 2 - 0.5


def _date(header: str | None) -> datetime | None:
    """The moment an HTTP date names; None where it names none."""
    try:
        found = email.utils.parsedate_to_datetime(header or "")
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds a Retry-After header asks for (number or HTTP date), between 0 and one day; None if absurd.

    A date is the vendor's, so that `now` should be what its clock said.
    """
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        until = _date(header)
        if until is None:
            return None
        seconds = (until - (now or timezone.now())).total_seconds()
    if seconds != seconds:  # NaN
        return None
    return min(max(seconds, 0.0), retry.MAX_RETRY_AFTER)


def _is_cloudflare_page(reply: Reply) -> bool:
    """A 403 in HTML is the limit guard in front of the API, not a missing permission (pipedrive sheet §13).

    Plain words that are only called HTML are the vendor's own answer (planhat sheet §2).
    """
    start = reply.content[:64].lstrip().lower()
    called_html = "html" in reply.headers.get("Content-Type", "").lower()
    return start.startswith((b"<!doctype html", b"<html")) or (called_html and start.startswith(b"<"))
