"""So many calls a minute to each endpoint; ten unless the account says otherwise (page “rate limit exceeded”)."""

from __future__ import annotations

import math
from collections import deque

from sandbox.http import Refused
from sandbox.leadboxer.api import problem
from sandbox.leadboxer.model import Account
from sandbox.state import Sandbox

WINDOW_S = 60.0


def charge(sandbox: Sandbox, account: Account, endpoint: str) -> None:
    """Charge one call; raises Refused with 429, which says in its body how long to wait."""
    if not account.calls_per_minute:
        return
    now, calls = sandbox.clock.seconds(), account.calls.setdefault(endpoint, deque())
    while calls and calls[0] <= now - WINDOW_S:
        calls.popleft()
    if len(calls) >= account.calls_per_minute:
        seconds = math.ceil(calls[0] + WINDOW_S - now)
        answer = problem(
            sandbox, 429, "Too Many Requests", "Rate limit exceeded",
            **{"rate-limit": account.calls_per_minute, "retry-after": seconds},
        )  # fmt: skip
        if "leadboxer.retry_header" in sandbox.thrown:
            answer.headers["retry-after"] = str(seconds)
        raise Refused(answer)
    calls.append(now)
