"""Three rate tiers per account: calls about contacts and events per second and hour, all others per hour."""

from __future__ import annotations

import math
from collections import deque

from sandbox.brevo.api import CONTACTS, EVENTS, OTHER
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
    windows = WINDOWS[account.plan][tier]
    used = [_slide(account.calls.setdefault((tier, seconds), deque()), now - seconds) for seconds, _ in windows]
    for (seconds, limit), calls in zip(windows, used, strict=True):
        if len(calls) >= limit:
            headers = _headers(limit, 0, calls[0] + seconds - now)
            body = {"code": "too_many_requests", "message": "Too many requests, please slow down"}
            raise Refused(reply(body, 429, headers))
    for calls in used:
        calls.append(now)
    seconds, limit = windows[0]
    return _headers(limit, limit - len(used[0]), used[0][0] + seconds - now)


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
