"""Write what several threads want to store at the same time in one transaction: a commit costs the same for many rows.

Nobody waits for company: a thread that finds no commit under way writes at once. Those that come meanwhile are written
together by the first of them, and each returns when its own rows are committed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import InterfaceError, OperationalError

LONGEST_WAIT = 8.0  # seconds for a commit of somebody else's; a vendor waits ten for our answer
AWAY = ("08", "57")  # classes of SQLSTATE: the connection, and a server that stops


class GroupCommit:
    """One queue of rows with the function that writes them."""

    def __init__(self, write: Callable[[Sequence[Any]], None]) -> None:
        self.write = write
        self._lock = threading.Lock()
        self._queue: list[_Wish] = []
        self._busy = False

    def store(self, rows: Sequence[Any]) -> None:
        """Return when these rows are committed. Raises what writing them raised."""
        wish = _Wish(rows)
        with self._lock:
            self._queue.append(wish)
            leads = not self._busy
            self._busy = True
        if not leads:
            if not wish.called.wait(LONGEST_WAIT) and self._gives_up(wish):
                raise OperationalError("The rows of others are still being written.")
            if not wish.leads:
                wish.outcome()
                return
        try:
            self._lead()
        finally:
            self._hand_over()
        wish.outcome()

    def _gives_up(self, wish: _Wish) -> bool:
        """Leave the queue, lest the lead is handed to a thread that is gone. False when it was called meanwhile."""
        with self._lock:
            if wish.called.is_set():
                return False
            if wish in self._queue:
                self._queue.remove(wish)
            return True

    def _lead(self) -> None:
        with self._lock:
            group, self._queue = self._queue, []
        try:
            self.write([row for wish in group for row in wish.rows])
        except Exception as exc:
            if _is_away(exc):
                with self._lock:  # also those who came meanwhile: each would wait as long to hear the same
                    group, self._queue = group + self._queue, []
                for wish in group:
                    wish.error = exc
            else:
                self._one_by_one(group)
        finally:
            for wish in group:
                wish.called.set()

    def _one_by_one(self, group: Sequence[_Wish]) -> None:
        """Somebody's rows are refused, or two transactions were in each other's way: each on its own."""
        for wish in group:
            try:
                self.write(wish.rows)
            except Exception as exc:
                wish.error = exc

    def _hand_over(self) -> None:
        with self._lock:
            if self._queue:
                self._queue[0].leads = True
                self._queue[0].called.set()
            else:
                self._busy = False


def _is_away(exc: Exception) -> bool:
    """Whether there is no database to write to, in which case nobody else needs to find that out.

    A deadlock and the like are OperationalErrors too, but with a SQLSTATE of their own and on a living connection.
    """
    if not isinstance(exc, (OperationalError, InterfaceError)):
        return False
    state = getattr(exc.__cause__, "sqlstate", None)
    return state is None or state.startswith(AWAY)


class _Wish:
    """One thread's rows."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self.rows = rows
        self.called = threading.Event()
        self.leads = False
        self.error: Exception | None = None

    def outcome(self) -> None:
        if self.error is not None:
            raise self.error
