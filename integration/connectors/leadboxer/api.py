"""The plumbing under LeadBoxer's client: the key, its budgets, error words, lists in their envelope. Knows no nouns."""

from __future__ import annotations

from functools import partial

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue, whole_number
from integration import retry
from integration.connectors.base import Credentials, RateWindow
from integration.errors import ContractError, NotFound
from integration.guard import HostPolicy
from integration.http import Effect, Instrumentation, LimitStatus, Reply, Transport, retry_after

# The vendor's texts name both hosts for version 1 (sheet §1).
POLICY = HostPolicy(("api.leadboxer.com", "data.leadboxer.com"))
BASE_URL = "https://api.leadboxer.com/v1"
# Where a list stands in an answer: today's name first, then those of the older API (sheet §3, §5).
ENVELOPES = ("data", "resultsList", "sessions", "events", "segments", "smartlists", "datasets")
Row = dict[str, JSONValue]
# Ten calls a minute to each endpoint (developers.leadboxer.com, page “rate limit exceeded”), perhaps more for some: the
# first 429 tells the number, and it is kept from then on.
WINDOWS = tuple(
    RateWindow(key, format_lazy(_("{kind}, calls a minute"), kind=label), 60)
    for key, label in (
        ("leads", _("List of leads")), ("lead", _("Single leads")), ("sessions", _("Visits of a lead")),
        ("events", _("Events of a visit")), ("datasets", _("Datasets")), ("segments", _("Segments")),
    )
)  # fmt: skip


def explain(reply: Reply) -> str:
    """Find the vendor's words in a problem document, or in `{"error", "message"}` (sheet §1 and its corrections)."""
    body = _fields(reply)
    return next((str(body[name]) for name in ("detail", "message", "title", "error") if body.get(name)), "")


def _fields(reply: Reply) -> dict[str, JSONValue]:
    try:
        body = reply.json()
    except ContractError:
        return {}
    return body if isinstance(body, dict) else {}


def limits(window: str, reply: Reply) -> list[LimitStatus]:
    """What a 429 says of its endpoint: `retry-after` in seconds and the `rate-limit`, both in its body."""
    if reply.status != 429:
        return []
    body = _fields(reply)
    asked = retry_after(reply.headers.get("Retry-After") or str(body.get("retry-after") or ""))
    limit = str(body.get("rate-limit") or "")
    known = whole_number(limit)
    return [LimitStatus(window, 0, float(known) if known else None, retry.next_delay(retry.MINUTE_LIMIT, asked=asked))]


class Api:
    """Calls to one LeadBoxer account. Every method raises only IntegrationErrors."""

    def __init__(self, credentials: Credentials, wire: Instrumentation | None = None) -> None:
        self._key = credentials.values["api_key"].strip()
        self.email = credentials.values.get("email", "").strip()
        self._base_url = POLICY.check(credentials.base_url)
        self._wire = wire or Instrumentation()
        self._transports: dict[str, Transport] = {}  # by endpoint: each has a budget of its own

    def get(self, window: str, path: str, **params: str | int | None) -> JSONValue:
        """Return what one GET answers with; parameters without a value are left out. `window` is its endpoint's."""
        given = {name: value for name, value in params.items() if value not in (None, "")}
        answer: JSONValue = (
            self._transport(window).request("GET", path, effect=Effect.READ, params=given, windows=(window,)).json()
        )
        return answer

    def get_either(self, window: str, paths: tuple[str, ...], **params: str | int | None) -> JSONValue:
        """The same where the vendor's texts name several paths. The one that answered is asked first from then on."""
        known, missing = self._wire.memory.get(window), NotFound("")
        for path in sorted(paths, key=lambda path: path != known):
            try:
                answer = self.get(window, path, **params)
            except NotFound as exc:
                missing = exc
                continue
            self._wire.memory[window] = path
            return answer
        raise missing

    def _transport(self, window: str) -> Transport:
        if window not in self._transports:
            self._transports[window] = Transport(
                "LeadBoxer", self._base_url, POLICY,
                headers={"Accept": "application/json", "x-api-key": self._key}, secrets=(self._key,), wire=self._wire,
                read_limits=partial(limits, window), explain=explain,
            )  # fmt: skip
        return self._transports[window]


def rows_of(answer: JSONValue, what: str) -> list[Row]:
    """The objects of a list, bare or in one of the vendor's envelopes."""
    found = answer
    if isinstance(answer, dict):
        found = next((answer[name] for name in ENVELOPES if name in answer), None)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ContractError("LeadBoxer sent a list in an unknown form.", detail=what)
    return found
