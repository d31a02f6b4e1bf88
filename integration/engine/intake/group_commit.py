"""Write what several threads want to store at the same time in one transaction: a commit costs the same for many rows.

Nobody waits for company: a thread that finds no commit under way writes at once. Those that come meanwhile are written
together by the first of them, and each returns when its own rows are committed. A transaction is bounded in rows and in
bytes, and who brought very much shares each one with all others who wait.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError

LONGEST_WAIT = 8.0  # seconds for a commit of somebody else's; a vendor waits ten for our answer
MOST_ROWS = 500  # of one transaction
MOST_BYTES = 1024 * 1024  # of one transaction; a single row may be larger
AT_A_TIME = 50  # rows of one thread before it is the next one's turn
AWAY = ("08", "57")  # classes of SQLSTATE: the connection, and a server that stops

R = TypeVar("R")  # a row


class GroupCommit(Generic[R]):
    """One queue of rows with the function that writes them."""

    def __init__(self, write: Callable[[Sequence[R]], None], weigh: Callable[[R], int] = lambda row: 0) -> None:
        self.write = write
        self.weigh = weigh  # bytes of a row
        self._lock = threading.Lock()
        self._queue: list[_Commit[R]] = []
        self._busy = False

    def store(self, rows: Sequence[R]) -> None:
        """Return when these rows are committed. Raises what writing them raised."""
        if not rows:
            return
        wish = _Commit(rows)
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
            while not wish.over:
                self._lead()
        finally:
            self._hand_over()
        wish.outcome()

    def _gives_up(self, wish: _Commit[R]) -> bool:
        """Leave the queue, lest the lead is handed to a thread that is gone. False when it was called meanwhile."""
        with self._lock:
            if wish.called.is_set():
                return False
            if wish in self._queue:
                self._queue.remove(wish)
            return True

    def _lead(self) -> None:
        """Write one portion."""
        with self._lock:
            portion = self._portion()
        group: Iterable[_Commit[R]] = portion
        try:
            group = self._write(portion)
        except BaseException:  # this thread is to end: what it has taken is not known to be stored
            for wish in portion:
                wish.error = wish.error or OperationalError("Whoever wrote these rows was stopped.")
            raise
        finally:
            with self._lock:
                over = [wish for wish in group if wish.over]
                self._queue = [wish for wish in self._queue if not wish.over]
            for wish in over:
                wish.called.set()

    def _write(self, portion: Mapping[_Commit[R], Sequence[R]]) -> Iterable[_Commit[R]]:
        """Write one portion. Returns those whose rows it decided about."""
        try:
            self.write([row for rows in portion.values() for row in rows])
        except Exception as exc:
            if not _is_away(exc):
                self._one_by_one(portion)
                return portion
            with self._lock:  # also those who came meanwhile: each would wait as long to hear the same
                group = {*portion, *self._queue}
            for wish in group:
                wish.error = exc
            return group
        return portion

    def _portion(self) -> dict[_Commit[R], list[R]]:
        """The next rows of those who wait, in turns, until it is full."""
        portion: dict[_Commit[R], list[R]] = {}
        rows = size = 0
        waiting = deque(self._queue)
        while waiting and rows < MOST_ROWS and size < MOST_BYTES:
            wish = waiting.popleft()
            taken = portion.setdefault(wish, [])
            for _ in range(min(AT_A_TIME, len(wish.rest), MOST_ROWS - rows)):
                row = wish.rest.popleft()
                taken.append(row)
                rows, size = rows + 1, size + self.weigh(row)
                if size >= MOST_BYTES:
                    break
            if wish.rest:
                waiting.append(wish)
        return portion

    def _one_by_one(self, portion: Mapping[_Commit[R], Sequence[R]]) -> None:
        """Somebody's rows are refused, or two transactions were in each other's way: each on its own."""
        for wish, rows in portion.items():
            try:
                self.write(rows)
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


class _Commit(Generic[R]):
    """One thread's rows."""

    def __init__(self, rows: Sequence[R]) -> None:
        self.rest = deque(rows)  # not in any transaction yet
        self.called = threading.Event()
        self.leads = False
        self.error: Exception | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more of it will be written. Asked by the leader between two portions."""
        return self.error is not None or not self.rest

    def outcome(self) -> None:
        if self.error is not None:
            raise self.error
