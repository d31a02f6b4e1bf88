"""So many calls a minute to each endpoint; the vendor's numbers are not public, so the account says how many."""

from __future__ import annotations

import math
from collections import deque

from sandbox.clock import Clock
from sandbox.http import Refused, reply
from sandbox.leadboxer.model import Account

WINDOW_S = 60.0


def charge(account: Account, endpoint: str, clock: Clock) -> None:
    """Charge one call; raises Refused with 429."""
    if not account.calls_per_minute:
        return
    now, calls = clock.seconds(), account.calls.setdefault(endpoint, deque())
    while calls and calls[0] <= now - WINDOW_S:
        calls.popleft()
    if len(calls) >= account.calls_per_minute:
        headers = {"retry-after": str(math.ceil(calls[0] + WINDOW_S - now))} if account.retry_after else {}
        raise Refused(reply({"error": "Too Many Requests", "message": "Rate limit exceeded"}, 429, headers))
    calls.append(now)
