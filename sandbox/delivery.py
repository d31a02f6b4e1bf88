"""The courier: sends webhooks from a thread pool, with the vendor's timeout and retry schedule.

Vendors hand over a `Delivery` and are told the outcome of each attempt through its `on_attempt`.
Due times follow the sandbox clock, so pushing the clock forward makes waiting retries due.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from sandbox.clock import Clock
from sandbox.misbehave import Misbehaviour

SENDERS = 8
KEPT_DELIVERIES = 10_000
REORDER_WINDOW_S = 0.4  # long enough that neighbours really change places
SOON_S = 2.0  # a first try due within this time counts as under way


@dataclass
class Delivery:
    vendor: str
    account: str
    webhook_id: str
    event: str
    method: str
    url: str
    body: Callable[[int], bytes]  # attempt number -> bytes: a vendor may number its attempts in the body
    headers: dict[str, str]
    timeout_s: float
    auth: tuple[str, str] | None = None
    retries_s: tuple[float, ...] = ()
    signed: Callable[[bytes], dict[str, str]] = lambda body: {}  # headers made anew for each attempt
    wanted: Callable[[int], bool] = lambda attempt: True
    retried: Callable[[int | None], bool] = lambda status: True  # whether the vendor tries again after this answer
    on_attempt: Callable[[int, bool, int | None], None] = lambda attempt, success, status: None
    n: int = 0
    epoch: int = 0
    state: str = "waiting"
    attempts: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "n": self.n, "vendor": self.vendor, "account": self.account, "webhook_id": self.webhook_id,
            "event": self.event, "method": self.method, "url": self.url, "state": self.state,
            "attempts": list(self.attempts), "body": self.body(1).decode("utf-8", "replace"),
        }  # fmt: skip


class Courier:
    def __init__(self, clock: Clock, misbehaviour: Misbehaviour, time_scale: float = 1.0) -> None:
        self.clock = clock
        self.misbehaviour = misbehaviour
        self.time_scale = time_scale
        self.deliveries: deque[Delivery] = deque(maxlen=KEPT_DELIVERIES)
        self.held: list[Delivery] = []
        self._counter = itertools.count(1)
        self._due: list[tuple[float, int, int, Delivery]] = []
        self._wake = threading.Condition()
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="courier")
        self._local = threading.local()
        self._stopped = False
        self._epoch = 0  # counts resets: what was under way before one never comes back after it
        self._busy = 0
        self._thread = threading.Thread(target=self._run, name="courier-clock", daemon=True)
        self._thread.start()

    def submit(self, delivery: Delivery, after_s: float = 0.0) -> None:
        """Take over one delivery, due after some seconds, once the account's webhook switches had their say."""
        delivery.n, delivery.epoch = next(self._counter), self._epoch
        self.deliveries.append(delivery)
        faults = self.misbehaviour.of(delivery.vendor, delivery.account).webhooks
        rng = self.misbehaviour.rng
        if faults.drop_rate and rng.random() < faults.drop_rate:
            delivery.state = "dropped"
            return
        if faults.hold:
            delivery.state = "held"
            self.held.append(delivery)
            return
        delay = after_s + faults.delay_ms / 1000 + (rng.random() * REORDER_WINDOW_S if faults.reorder else 0.0)
        self._schedule(delivery, 1, delay)
        if faults.duplicate_rate and rng.random() < faults.duplicate_rate:
            self._schedule(delivery, 1, delay + 0.01)

    def note_lost(self, delivery: Delivery, reason: str) -> None:
        """Record an event the vendor itself throws away, so a reader of the list can see it."""
        delivery.n = next(self._counter)
        delivery.state = reason
        self.deliveries.append(delivery)

    def release(self, *, shuffle: bool = False) -> int:
        held, self.held = self.held, []
        if shuffle:
            self.misbehaviour.rng.shuffle(held)
        for delivery in held:
            delivery.state = "waiting"
            self._schedule(delivery, 1, 0.0)
        return len(held)

    def reset(self) -> None:
        with self._wake:
            self._due.clear()
            self._epoch += 1
        self.held.clear()
        self.deliveries.clear()

    def wake(self) -> None:
        with self._wake:
            self._wake.notify()

    def idle(self) -> bool:
        """Tell whether nothing is under way: neither a due retry nor a first try that is only a little delayed."""
        with self._wake:
            soon = self.clock.seconds() + SOON_S
            first = any(due <= soon for due, _, attempt, _ in self._due if attempt == 1)
            now = any(due <= self.clock.seconds() for due, *_ in self._due)
            return not (self._busy or first or now)

    def stop(self) -> None:
        with self._wake:
            self._stopped = True
            self._wake.notify()
        self._thread.join(timeout=2)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _schedule(self, delivery: Delivery, attempt: int, delay: float) -> None:
        with self._wake:
            heapq.heappush(self._due, (self.clock.seconds() + delay, next(self._counter), attempt, delivery))
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._stopped:
                    return
                now = self.clock.seconds()
                if not self._due or self._due[0][0] > now:
                    self._wake.wait(self._due[0][0] - now if self._due else None)
                    continue
                _, _, attempt, delivery = heapq.heappop(self._due)
                self._busy += 1
            self._pool.submit(self._send, delivery, attempt)

    def _send(self, delivery: Delivery, attempt: int) -> None:
        try:
            self._attempt(delivery, attempt)
        finally:
            with self._wake:
                self._busy -= 1

    def _attempt(self, delivery: Delivery, attempt: int) -> None:
        if delivery.epoch != self._epoch or not delivery.wanted(attempt):
            delivery.state = "cancelled"
            return
        started = self.clock.seconds()
        status, error = self._post(delivery, attempt)
        if delivery.epoch != self._epoch:
            return
        success = status is not None and 200 <= status < 300
        delivery.attempts.append(
            {"attempt": attempt, "at": self.clock.rfc3339_ms(), "status": status, "error": error,
             "ms": round((self.clock.seconds() - started) * 1000, 1)}
        )  # fmt: skip
        if not success and attempt <= len(delivery.retries_s) and delivery.retried(status):
            delivery.state = "retrying"
            self._schedule(delivery, attempt + 1, delivery.retries_s[attempt - 1] * self.time_scale)
        else:
            delivery.state = "delivered" if success else "failed"
        delivery.on_attempt(attempt, success, status)

    def _post(self, delivery: Delivery, attempt: int) -> tuple[int | None, str | None]:
        session = self._session()
        body = delivery.body(attempt)
        try:
            answer = session.request(
                delivery.method, delivery.url, data=body, headers={**delivery.headers, **delivery.signed(body)},
                auth=delivery.auth, timeout=delivery.timeout_s, allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            return None, type(error).__name__
        return answer.status_code, None

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            self._local.session = session
        return session
