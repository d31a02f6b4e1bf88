"""What a process keeps in its memory for a while: bounded in number and in age, safe for threads.

Every process has its own, so nothing may be kept here that two processes must agree on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import TLRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TtlCache(Generic[K, V]):
    """At most `most` entries, each for the seconds that `seconds` says when it is put in.

    Beyond that the entries go first that were not asked for the longest.
    """

    def __init__(self, most: int, seconds: Callable[[], float]) -> None:
        self._lock = threading.Lock()
        self._entries: TLRUCache[K, V] = TLRUCache(most, ttu=lambda key, value, now: now + seconds(), timer=_now)

    def get(self, key: K) -> V | None:
        """Return the entry; None when there is none or it is too old."""
        with self._lock:
            return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep it, in place of what was there."""
        with self._lock:
            self._entries.pop(key, None)  # with no time to live the library would leave the older one
            self._entries[key] = value

    def get_or_put(self, key: K, make: Callable[[], V]) -> V:
        """Return the entry, made when there is none. Two threads get the same one."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                found = make()
                self._entries[key] = found
            return found

    def forget(self, key: K) -> None:
        """Drop one entry, if it is there."""
        with self._lock:
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Drop all."""
        with self._lock:
            self._entries.clear()


def _now() -> float:
    return time.monotonic()
