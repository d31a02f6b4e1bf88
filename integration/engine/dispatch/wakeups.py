"""Wake a worker. A ring is one queue message with an id; losing it costs at most a minute, the sweeper rings again.

A burst rings once: the Doorbell row says that a message for this key is on its way, and is cleared when work starts.
A broker that is down never disturbs the caller: the intake needs the database and nothing else.
"""

from __future__ import annotations

import heapq
import logging
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from integration import retry
from integration.models import Doorbell

log = logging.getLogger(__name__)

ROUTER = "router"
CLOSING = "closing"  # of tenants that leave
TASKS = {ROUTER: "integration.tasks.route_events", CLOSING: "integration.tasks.close_tenants"}  # others: integrations
PORTION = 500  # keys of one statement
IDLE = 1.0  # seconds without a ring that was put off, after which its database connection is given back
broker_down_until = 0.0
ring_times: dict[str, float] = {}  # key → when it was last rung in this process, or when a ring put off is due
_moment_lock = threading.Lock()


def wake(key: str) -> None:
    """Ask for a worker once the current transaction has committed. `key` is one of TASKS or an integration's id."""
    transaction.on_commit(lambda: wake_now(key))


def wake_many(keys: Sequence[str]) -> None:
    """The same for many integrations: one message each, and a few statements for all of them."""
    for start in range(0, len(keys), PORTION):
        portion = keys[start : start + PORTION]
        transaction.on_commit(partial(wake_all_now, portion))


def wake_debounced(key: str) -> None:
    """The same for who rings very often: within a moment after a ring it is put off to the moment's end, once."""
    now = time.monotonic()
    with _moment_lock:
        due = ring_times.get(key, 0.0)
        if now < due:
            return  # somebody rings at the end of this moment anyway
        early = now < due + settings.DOORBELL_MOMENT_SECONDS
        ring_times[key] = now + settings.DOORBELL_MOMENT_SECONDS if early else now
    if early:
        wake_after(key, settings.DOORBELL_MOMENT_SECONDS)
    else:
        wake(key)


def wake_after(key: str, seconds: float) -> None:
    """Ring after a short pause without keeping a worker waiting. Should this process end before, the sweeper covers."""
    try:
        _bell().add(key, time.monotonic() + seconds)
    except RuntimeError:  # no more threads: what was stored is stored, and whoever called must not suffer
        log.warning("A ring could not be put off; its rows wait for the sweeper.", exc_info=True)


def acknowledge(key: str) -> None:
    """Say that a worker is here. Called before it looks for work, so that later work rings again."""
    Doorbell.objects.filter(key=key, rung_at__isnull=False).update(rung_at=None)


def _bell() -> DelayedWaker:
    """This process's thread: a forked one has none of its parent's, and one that ended is replaced."""
    pid = os.getpid()
    with _moment_lock:
        bell = late_ringers.get(pid)
        if bell is None or not bell.is_alive():
            bell = DelayedWaker()
            bell.start()
            late_ringers.clear()
            late_ringers[pid] = bell
        return bell


def wake_now(key: str) -> None:
    if _is_ringing(key):
        return
    now = timezone.now()
    free = Doorbell.objects.filter(Q(rung_at__isnull=True) | Q(rung_at__lt=now - lost_after()), key=key)
    rung = free.update(rung_at=now)
    if not rung and not Doorbell.objects.filter(key=key).exists():
        Doorbell.objects.bulk_create([Doorbell(key=key)], ignore_conflicts=True)
        rung = free.update(rung_at=now)
    if rung:
        push(key)


def wake_all_now(keys: Sequence[str]) -> None:
    Doorbell.objects.bulk_create([Doorbell(key=key) for key in keys], ignore_conflicts=True)
    now = timezone.now()
    free = Doorbell.objects.filter(Q(rung_at__isnull=True) | Q(rung_at__lt=now - lost_after()), key__in=keys)
    with transaction.atomic():
        locked = free.order_by("key").select_for_update(skip_locked=database.features.has_select_for_update_skip_locked)
        rung = list(locked.values_list("key", flat=True))
        Doorbell.objects.filter(key__in=rung).update(rung_at=now)
    for key in rung:
        push(key)


def lost_after() -> timedelta:
    """Return the age from which on a ring counts as lost."""
    return timedelta(seconds=retry.next_delay(retry.LOST_WAKEUP))


def _is_ringing(key: str) -> bool:
    rung_at = Doorbell.objects.filter(key=key).values_list("rung_at", flat=True).first()
    return rung_at is not None and rung_at > timezone.now() - lost_after()


def push(key: str) -> None:
    global broker_down_until
    if time.monotonic() < broker_down_until:
        return
    try:
        if key in TASKS:
            async_task(TASKS[key])
        else:
            async_task("integration.tasks.run_integration", key)
    except Exception:
        broker_down_until = time.monotonic() + retry.next_delay(retry.BROKER)
        Doorbell.objects.filter(key=key).update(rung_at=None)
        log.warning("The queue broker does not answer; rows wait for the sweeper.", exc_info=True)


class DelayedWaker(threading.Thread):
    """The thread that rings what was put off. One for all, since a new one would open its own database connection."""

    def __init__(self) -> None:
        super().__init__(name="wakeups", daemon=True)
        self._due: list[tuple[float, str]] = []  # moment of time.monotonic, key; a heap
        self._changed = threading.Condition()

    def add(self, key: str, moment: float) -> None:
        """Ring at this moment."""
        with self._changed:
            heapq.heappush(self._due, (moment, key))
            self._changed.notify()

    def run(self) -> None:
        """Ring what is due, for as long as the process lives."""
        while True:
            try:
                key = self._next(IDLE)
                if key is None:
                    database.close()
                    key = self._next()
                database.close_if_unusable_or_obsolete()
                wake_now(str(key))
            except Exception:
                log.warning("A ring that was put off is lost; its rows wait for the sweeper.", exc_info=True)
                with suppress(Exception):
                    database.close()

    def _next(self, patience: float | None = None) -> str | None:
        """Wait for the next ring that is due; None when there was none within so many seconds."""
        until = None if patience is None else time.monotonic() + patience
        with self._changed:
            while True:
                now = time.monotonic()
                if self._due and self._due[0][0] <= now:
                    return heapq.heappop(self._due)[1]
                if until is not None and until <= now:
                    return None
                ends = [moment for moment in (until, self._due[0][0] if self._due else None) if moment is not None]
                self._changed.wait(min(ends) - now if ends else None)


late_ringers: dict[int, DelayedWaker] = {}  # process id → its thread
