"""Three rate tiers per account: calls about contacts and events per second and hour, all others per hour."""

from __future__ import annotations

import math
from collections import deque

from starlette.responses import Response

from sandbox.brevo.api import CONTACTS, EVENTS, OTHER, SMALL
from sandbox.brevo.model import Account
from sandbox.clock import Clock
from sandbox.http import Refused, reply

UNLIMITED = "unlimited"
PLENTY = 1_000_000
# Tier → (seconds, calls) per plan; where there are two, both hold.
BRISK, DOUBLE = ((1.0, 10), (3600.0, 36_000)), ((1.0, 20), (3600.0, 72_000))
WINDOWS = {
    "general": {CONTACTS: BRISK, EVENTS: BRISK, OTHER: ((3600.0, 100),)},
    "advanced": {CONTACTS: DOUBLE, EVENTS: DOUBLE, OTHER: ((3600.0, 200),)},
}


def charge(account: Account, tier: str, clock: Clock) -> dict[str, str]:
    """Charge one call and return the headers of its tightest window; raises Refused with 429."""
    if account.plan == UNLIMITED:
        return _headers(PLENTY, PLENTY, 1)
    now = clock.seconds()
    tier = _tier(account, tier)
    windows = WINDOWS[account.plan][tier]
    used = [_slide(account.calls.setdefault((tier, seconds), deque()), now - seconds) for seconds, _ in windows]
    for (seconds, limit), calls in zip(windows, used, strict=True):
        if len(calls) >= limit:
            headers = _headers(limit, 0, calls[0] + seconds - now)
            if "brevo.retry_after" in account.thrown:
                headers["retry-after"] = headers["x-sib-ratelimit-reset"]
            raise Refused(_refusal(account, headers))
    for calls in used:
        calls.append(now)
    told = len(windows) - 1 if "brevo.limit_headers" in account.thrown else 0
    seconds, limit = windows[told]
    return _headers(limit, limit - len(used[told]), used[told][0] + seconds - now)


def _refusal(account: Account, headers: dict[str, str]) -> Response:
    if "brevo.body_429" in account.thrown:
        return reply({"code": "too_many_requests", "message": "Too many requests, please slow down"}, 429, headers)
    return Response(b"", 429, headers)


def _tier(account: Account, tier: str) -> str:
    """Which budget the endpoints of uncertain tier belong to."""
    if tier != SMALL:
        return tier
    return CONTACTS if "brevo.small_tier" in account.thrown else OTHER


def _slide(calls: deque[float], since: float) -> deque[float]:
    while calls and calls[0] <= since:
        calls.popleft()
    return calls


def _headers(limit: int, remaining: int, reset: float) -> dict[str, str]:
    return {
        "x-sib-ratelimit-limit": str(limit),
        "x-sib-ratelimit-remaining": str(remaining),
        "x-sib-ratelimit-reset": str(max(1, math.ceil(reset))),
    }
