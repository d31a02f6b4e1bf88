"""Rate limits: 110 calls in ten seconds per portal and app; five searches a second, which count apart."""

from __future__ import annotations

from collections import deque
from uuid import uuid4

from sandbox.http import Refused, reply
from sandbox.hubspot.model import App, Portal, Usage

WINDOW_S, CALLS = 10.0, 110
SEARCH_WINDOW_S, SEARCHES = 1.0, 5


def charge(portal: Portal, app: App, *, search: bool, now: float, tells: bool) -> dict[str, str]:
    """Count one call and return its headers; search answers carry none. Raises Refused with 429.

    `tells`: a 429 says for how long.
    """
    if portal.options.get("unlimited"):
        return {}
    if search:
        searches = portal.usage.setdefault("", Usage()).searches  # of the whole account, whoever asks
        if _full(searches, SEARCH_WINDOW_S, SEARCHES, now):
            _refuse("You have reached your secondly limit.", "SECONDLY", {"Retry-After": "1"} if tells else {})
        searches.append(now)
        return {"x-hubspot-rate-limit-exemptions": '["ten-secondly"]'}
    calls = portal.usage.setdefault(app.client_id, Usage()).calls
    most = int(portal.options.get("calls_per_window", CALLS))
    if _full(calls, WINDOW_S, most, now):
        _refuse(
            "You have reached your ten_secondly_rolling limit.",
            "TEN_SECONDLY_ROLLING",
            _headers(most, 0) | ({"Retry-After": "10"} if tells else {}),
        )
    calls.append(now)
    return _headers(most, most - len(calls))


def _full(window: deque[float], seconds: float, most: int, now: float) -> bool:
    while window and window[0] <= now - seconds:
        window.popleft()
    return len(window) >= most


def _headers(most: int, left: int) -> dict[str, str]:
    return {
        "X-HubSpot-RateLimit-Max": str(most),
        "X-HubSpot-RateLimit-Remaining": str(left),
        "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(WINDOW_S * 1000)),
    }


def _refuse(message: str, policy: str, headers: dict[str, str]) -> None:
    body = {"status": "error", "message": message, "errorType": "RATE_LIMIT", "correlationId": str(uuid4())}
    raise Refused(reply(body | {"policyName": policy, "requestId": str(uuid4())}, 429, headers))
