"""How many events one tenant may send per minute before its events give way to those of the others.

Counted in the memory of each web process: the intake needs no counter in the database, and a limit of fairness need
not be exact. Nothing is lost: what is beyond is stored all the same and routed when nobody else waits, or, where the
vendor itself delivers again after a 429, refused until the minute is over.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

MINUTE = 60.0

_lock = threading.Lock()
_counts: Counter[object] = Counter()
window_began = 0.0


class Share(NamedTuple):
    """What is left of a tenant's minute: `late` events give way to those of others, `used_up` before they came."""

    late: bool
    used_up: bool


def beyond(tenant_id: UUID, events: int) -> Share:
    """Count these events, the ones at hand included: a single call may be more than a minute's share."""
    global window_began
    now = time.monotonic()
    with _lock:
        if now - window_began >= MINUTE:
            window_began = now
            _counts.clear()
        had = _counts[tenant_id]
        _counts[tenant_id] += events
    most = settings.INTAKE_EVENTS_PER_MINUTE
    return Share(late=had + events > most, used_up=had >= most)


def late(tenant_id: UUID, events: int) -> bool:
    """Count these events and say whether they give way to those of others."""
    return beyond(tenant_id, events).late


def seconds_left() -> int:
    """Seconds until the counts begin anew."""
    return max(int(window_began + MINUTE - time.monotonic()) + 1, 1)
