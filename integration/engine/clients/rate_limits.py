"""The meter of one connection: what is left of its rate budgets, kept in rows so that all workers share it.

`before` raises RateLimited instead of letting a call run into a known limit. Who calls may be ready to wait for one
that is over in a moment: giving way costs reading everything again, out of the same budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from integration import retry
from integration.connectors.base import RateWindow
from integration.errors import RateLimited
from integration.http import LimitStatus
from integration.models import Connection, RateBudget, columnar


class ConnectionMeter:
    """Implements `http.Meter` for one connection."""

    def __init__(
        self,
        connection: Connection,
        on_call: Callable[[], None] = lambda: None,
        wait: Callable[[float], bool] = lambda seconds: False,
        charged: Callable[[str, float], None] = lambda window, cost: None,
        uses_reserve: Callable[[], bool] = lambda: False,
    ) -> None:
        """`wait` is asked to wait so many seconds and says whether it did; `charged` hears of each cost.

        `uses_reserve` says whether what is done now may take what is left for the customer: an opt-out may.
        """
        self._connection = connection
        self._on_call = on_call
        self._wait_for = wait
        self._charged = charged
        self._uses_reserve = uses_reserve
        self._windows = {window.key: window for window in connection.connector.windows}
        self._rows: dict[str, RateBudget] | None = None

    def before(self, windows: Sequence[str], cost: float) -> None:
        """Charge `cost` to each window. Raises RateLimited with the seconds until the tightest one is free."""
        self._on_call()
        wait = self._longest_wait(windows, cost)
        if wait and self._wait_for(wait):
            self._rows = None  # others have used it meanwhile
            wait = self._longest_wait(windows, cost)
        if wait:
            raise self._used_up(windows, cost, wait)
        for key in windows:
            row = self._row(key)
            if row is not None and not self._charge(row, cost):
                self._rows = None  # others have used it meanwhile: is it only the customer's share that is left?
                raise self._used_up((key,), cost, self._rest(row))
            self._charged(key, cost)

    def _used_up(self, windows: Sequence[str], cost: float, wait: float) -> RateLimited:
        """Build the error that names the budgets which do not allow this call."""
        error = RateLimited(
            f"{self._connection.connector.label}'s rate budget is used up for now.",
            detail=f"budget {', '.join(windows)} asked for {cost:g}",
            retry_after=wait,
        )
        rows = {key: self._row(key) for key in windows}
        short = {key: row for key, row in rows.items() if row is not None and self._lacks(row, cost)}
        error.windows = tuple(short) or tuple(windows)
        error.only_reserve = bool(short) and all(row.remaining >= cost for row in short.values())
        return error

    def _lacks(self, row: RateBudget, cost: float) -> bool:
        return row.remaining - self._reserve(row) < cost

    def _charge(self, row: RateBudget, cost: float) -> bool:
        """Take `cost` from the shared row, unless another worker was quicker."""
        left = RateBudget.objects.filter(
            connection=self._connection, window=row.window, remaining__gte=cost + self._reserve(row)
        )
        taken = left.update(remaining=F("remaining") - cost, updated_at=timezone.now())
        if taken:
            row.remaining -= cost
        return bool(taken)

    def after(self, readings: Sequence[LimitStatus]) -> None:
        """Note what the vendor said is left."""
        now = timezone.now()
        rows = []
        for reading in readings:
            window = self._windows.get(reading.window)
            seconds = reading.resets_in if reading.resets_in is not None else _unknown_end(window)
            before = self._load().get(reading.window)
            limit = reading.limit if reading.limit is not None else (before.limit if before else None)
            rows.append(self._made(reading.window, limit, reading.remaining, now + timedelta(seconds=seconds)))
        self._note(rows)

    def _made(self, window: str, limit: float | None, remaining: float, resets_at: datetime) -> RateBudget:
        return RateBudget(
            connection_id=self._connection.pk, window=window, limit=limit, remaining=remaining, resets_at=resets_at
        )

    def _note(self, rows: Sequence[RateBudget]) -> None:
        """Write these rows over what was known of their windows; of two readings of one window the last counts."""
        if not rows:
            return
        rows = list({row.window: row for row in rows}.values())
        columnar.insert(rows, unique=("connection", "window"), update=("limit", "remaining", "resets_at", "updated_at"))
        self._load().update({row.window: row for row in rows})

    def _longest_wait(self, windows: Sequence[str], cost: float) -> float:
        return max((self._wait(key, cost) for key in windows), default=0.0)

    def _wait(self, key: str, cost: float) -> float:
        row = self._row(key)
        return 0.0 if row is None or not self._lacks(row, cost) else self._rest(row)

    def _reserve(self, row: RateBudget) -> float:
        """What is left for the customer's own use."""
        if self._uses_reserve():
            return 0.0
        return self._windows[row.window].reserve * (row.limit or 0) if row.window in self._windows else 0.0

    @staticmethod
    def _rest(row: RateBudget) -> float:
        return max((row.resets_at - timezone.now()).total_seconds(), 0.05)

    def _row(self, key: str) -> RateBudget | None:
        """The live row of a window; an elapsed one starts afresh when we know its limit, else it knows nothing."""
        rows = self._load()
        row, window, now = rows.get(key), self._windows.get(key), timezone.now()
        if row is not None and row.resets_at > now:
            return row
        limit = (row.limit if row else None) or (window.limit if window else None)
        if limit is None or window is None:
            return None
        row = self._made(key, limit, limit, now + timedelta(seconds=window.seconds))
        self._note([row])
        return row

    def _load(self) -> dict[str, RateBudget]:
        if self._rows is None:
            self._rows = {row.window: row for row in RateBudget.objects.filter(connection=self._connection)}
        return self._rows


def _unknown_end(window: RateWindow | None) -> float:
    """For how many seconds a reading holds whose vendor does not say when its window ends.

    A day may end at any hour, so that a long window is asked about again: the next answer says what is left.
    """
    asked_again = retry.next_delay(retry.DAY_LIMIT)
    return min(window.seconds, asked_again) if window is not None else retry.MINUTE
