"""How many misses an address may have per minute before it is told to slow down; hits are never refused.

Counted in the memory of each process, for doors whose keys cannot be guessed anyway and that must not cost a write:
webhook addresses and their proofs, the token of /metrics.
"""

from __future__ import annotations

import threading
import time
from collections import Counter

from django.conf import settings
from django.http import HttpRequest

from tenants.address import client_address, place

MINUTE = 60.0
MOST = 10_000  # places; then all are forgotten

_lock = threading.Lock()
_counts: Counter[str] = Counter()
window_began = 0.0


def beyond(request: HttpRequest) -> bool:
    """Count a miss of this request's address and say whether it has had its share of this minute already."""
    global window_began
    where, now = place(client_address(request)), time.monotonic()
    with _lock:
        if now - window_began >= MINUTE or len(_counts) >= MOST:
            window_began = now
            _counts.clear()
        had = _counts[where]
        _counts[where] += 1
    return bool(had >= settings.MISSES_PER_MINUTE)


def seconds_left() -> int:
    """Seconds until the counts begin anew."""
    return max(int(window_began + MINUTE - time.monotonic()) + 1, 1)
