"""How many events one tenant may send per minute before its events give way to those of the others.

Counted in the memory of each web process: the intake needs no counter in the database, and a limit of fairness need
not be exact. Nothing is lost: what is beyond is stored all the same and routed when nobody else waits, or, where the
vendor itself delivers again after a 429, refused until the minute is over.
"""

from __future__ import annotations

import threading
import time
from collections import Counter

from django.conf import settings

MINUTE = 60.0

_lock = threading.Lock()
_counts: Counter[object] = Counter()
window_began = 0.0


def beyond(tenant_id: object, events: int) -> bool:
    """Count these events and say whether the tenant has had its share of this minute already."""
    global window_began
    now = time.monotonic()
    with _lock:
        if now - window_began >= MINUTE:
            window_began = now
            _counts.clear()
        had = _counts[tenant_id]
        _counts[tenant_id] += events
    return bool(had >= settings.INTAKE_EVENTS_PER_MINUTE)


def seconds_left() -> int:
    """Seconds until the counts begin anew."""
    return max(int(window_began + MINUTE - time.monotonic()) + 1, 1)
