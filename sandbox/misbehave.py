"""Switches that make a vendor slow, failing, odd or forgetful, and the one place that decides about each call."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.responses import Response

from sandbox.http import Incoming, reply

HTML_FAILURE = "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>{status}</h1></body></html>"


@dataclass
class Failure:
    """One planned failure. `after` commits the write first and loses the answer."""

    status: int
    times: int = 1
    path_contains: str = ""
    method: str = ""
    body: str = "json"
    after: bool = False
    retry_after: int | None = None

    def fits(self, incoming: Incoming) -> bool:
        wanted = not self.method or self.method.upper() == incoming.method
        return self.times > 0 and wanted and self.path_contains in incoming.path

    def response(self) -> Response:
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        if self.body == "html":
            return Response(HTML_FAILURE.format(status=self.status), self.status, headers, "text/html")
        if self.body == "empty":
            return Response(b"", self.status, headers)
        return reply({"success": False, "error": "Injected failure", "code": "ERR_SANDBOX"}, self.status, headers)


@dataclass(frozen=True)
class WebhookFaults:
    drop_rate: float = 0.0
    duplicate_rate: float = 0.0
    reorder: bool = False
    delay_ms: int = 0
    hold: bool = False


@dataclass
class Switches:
    latency_ms: int = 0
    error_rate: float = 0.0
    error_status: int = 500
    search_delay_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)  # of every answer, beside its own
    fail_next: list[Failure] = field(default_factory=list)
    webhooks: WebhookFaults = WebhookFaults()
    odd_rows: tuple[str, ...] = ()  # ids of records that come with nothing in its usual form but the id


@dataclass(frozen=True)
class Verdict:
    latency_s: float
    failure: Failure | None
    headers: Mapping[str, str]
    odd_rows: tuple[str, ...] = ()


class Misbehaviour:
    """Switches per vendor and account; an account's own switches win over its vendor's."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.switches: dict[tuple[str, str], Switches] = {}

    def clear(self) -> None:
        self.switches.clear()

    def of(self, vendor: str, account: str) -> Switches:
        found = self.switches.get((vendor, account)) or self.switches.get((vendor, ""))
        return found or Switches()

    def change(self, vendor: str, account: str, wish: dict[str, Any]) -> Switches:
        switches = self.switches.setdefault((vendor, account), Switches())
        for key in ("latency_ms", "error_rate", "error_status", "search_delay_s", "headers"):
            if key in wish:
                setattr(switches, key, wish[key])
        if "odd_rows" in wish:
            switches.odd_rows = tuple(map(str, wish["odd_rows"]))
        switches.fail_next += [read_failure(item) for item in wish.get("fail_next", [])]
        switches.webhooks = replace(switches.webhooks, **wish.get("webhooks", {}))
        return switches

    def judge(self, vendor: str, account: str, incoming: Incoming) -> Verdict:
        switches = self.of(vendor, account)
        failure = _take(switches, incoming)
        if failure is None and switches.error_rate and self.rng.random() < switches.error_rate:
            failure = Failure(switches.error_status)
        return Verdict(switches.latency_ms / 1000, failure, switches.headers, switches.odd_rows)


def read_failure(item: dict[str, Any]) -> Failure:
    """Read one `fail_next` item; accepts `"after": true`, `"before": false` or `"when": "after"`."""
    after = bool(item.get("after", False)) or item.get("before") is False or item.get("when") == "after"
    known = {key: item[key] for key in ("times", "path_contains", "method", "body", "retry_after") if key in item}
    return Failure(status=int(item["status"]), after=after, **known)


def _take(switches: Switches, incoming: Incoming) -> Failure | None:
    for failure in switches.fail_next:
        if failure.fits(incoming):
            failure.times -= 1
            return failure
    return None


IDS = ("id", "_id", "use_id")
ODD = ["odd"]


def with_odd_rows(response: Response, ids: tuple[str, ...]) -> Response:
    """The same answer, in which these records have nothing in its usual form but their id."""
    body = bytes(response.body)
    if body.lstrip()[:1] in (b"{", b"["):
        changed = json.dumps(_odd(json.loads(body), ids)).encode()
    else:
        changed = body
        for key in map(str.encode, ids):
            pattern = rb"(<id>%s</id>.*?<permission>)[^<]*" % re.escape(key)
            changed = re.sub(pattern, rb"\1odd", changed, count=1, flags=re.DOTALL)
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(changed, response.status_code, headers)


def _odd(part: Any, ids: tuple[str, ...]) -> Any:
    if isinstance(part, list):
        return [_odd(item, ids) for item in part]
    if not isinstance(part, dict):
        return part
    if any(str(part.get(name)) in ids for name in IDS):
        return {name: value if name in IDS else ODD for name, value in part.items()}
    return {name: _odd(value, ids) for name, value in part.items()}
