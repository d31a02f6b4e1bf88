"""The heartbeat of worker processes: the proof that somebody would take a task now.

A thread in each worker process writes the time into a Doorbell row every few seconds. It falls silent when the process
dies or stands still, when the cluster that hands out its tasks is gone, and when one task takes longer than the queue
allows. That tasks come through the whole queue, the sweeper proves once a minute.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import connection as database
from django.db.models import Max, Q
from django.utils import timezone

from integration.models import Doorbell, Integration, State

log = logging.getLogger(__name__)

PREFIX = "worker:"
RETURNED = "workers returned"  # the row that says since when there has always been a worker
EVERY = 5.0  # seconds between two beats
KEPT = timedelta(hours=1)  # rows of processes that have ended, but for the newest
GRACE = 30.0  # seconds beyond the queue's timeout, after which a task counts as stuck


class Pulse(StrEnum):
    """Whether a worker lives. STARTING is the first moment, in which nobody can know yet."""

    ALIVE = "alive"
    STARTING = "starting"
    GONE = "gone"


@dataclass(frozen=True)
class Heartbeat:
    """What is known of the workers: when one was last heard, and since when there has always been one."""

    pulse: Pulse
    last: datetime | None = None
    since: datetime | None = None


@dataclass
class _Process:
    """What this process knows of itself."""

    serving_since: datetime | None = None  # of a web process
    busy_since: float | None = None  # time.monotonic() at the start of the task in hand, of a worker process


process = _Process()


def heard(after: timedelta | None = None) -> Heartbeat:
    """Say whether a worker was heard within `after` (WORKER_SILENT_SECONDS); GONE only where one is needed."""
    now, patience = timezone.now(), after or timedelta(seconds=settings.WORKER_SILENT_SECONDS)
    beats, returned = Q(key__startswith=PREFIX), Q(key=RETURNED)
    rows = Doorbell.objects.filter(beats | returned)
    found = rows.aggregate(last=Max("rung_at", filter=beats), since=Max("rung_at", filter=returned))
    last: datetime | None = found["last"]
    if last is not None and now - last <= patience:
        return Heartbeat(Pulse.ALIVE, last, found["since"])
    if process.serving_since is not None and now - process.serving_since <= patience:
        return Heartbeat(Pulse.STARTING, last)
    needed = Integration.objects.filter(state=State.ACTIVE)
    if last is None:  # there may be a first worker on its way
        needed = needed.filter(activated_at__lt=now - patience)
    return Heartbeat(Pulse.GONE if needed.exists() else Pulse.STARTING, last)


def nobody_works(after: timedelta | None = None) -> bool:
    """Whether no worker was heard within `after` although an integration is switched on."""
    return heard(after).pulse == Pulse.GONE


def heard_here() -> bool:
    """Whether a worker process of this host was heard within WORKER_SILENT_SECONDS."""
    since = timezone.now() - timedelta(seconds=settings.WORKER_SILENT_SECONDS)
    return Doorbell.objects.filter(key__startswith=_here(), rung_at__gte=since).exists()


def _here() -> str:
    """How the keys of this host's processes begin."""
    return f"{PREFIX}{socket.gethostname()[:40]}:"


def serving() -> None:
    """Note that this process has just begun to serve pages: workers that start with it need a moment."""
    process.serving_since = timezone.now()


def beat() -> None:
    """Note that this process lives."""
    now = timezone.now()
    key = f"{_here()}{os.getpid()}"
    if not Doorbell.objects.filter(key=key).update(rung_at=now):
        Doorbell.objects.bulk_create([Doorbell(key=key, rung_at=now)], ignore_conflicts=True)


def announce() -> None:
    """Note that a worker begins; where none was there before, that workers are back."""
    if heard().pulse != Pulse.ALIVE:
        Doorbell.objects.update_or_create(key=RETURNED, defaults={"rung_at": timezone.now()})
    beat()


def forget_ended() -> None:
    """Delete the rows of processes that ended long ago. The newest row stays: it says since when nobody works."""
    rows = Doorbell.objects.filter(key__startswith=PREFIX)
    newest = rows.order_by("-rung_at").values_list("key", flat=True).first()
    rows.filter(rung_at__lt=timezone.now() - KEPT).exclude(key=newest).delete()


def task_begins() -> None:
    """Note that this worker has a task in hand."""
    process.busy_since = time.monotonic()


def task_ends() -> None:
    """Note that this worker is free again."""
    process.busy_since = None


def start() -> None:
    """Begin to beat, in a worker process, until it ends."""
    task_ends()
    HeartbeatThread(os.getppid()).start()


class HeartbeatThread(threading.Thread):
    """The thread that beats, for as long as tasks can come and are worked off."""

    def __init__(self, parent: int) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._parent = parent

    def run(self) -> None:
        """Beat. Its database connection is given back each time: a worker process needs no second one."""
        write = announce
        while os.getppid() == self._parent:  # an orphan is given no more tasks
            try:
                if not is_stuck():
                    write()
                    write = beat
            except Exception:
                log.warning("The heartbeat could not be written.", exc_info=True)
            finally:
                database.close()
            time.sleep(EVERY)


def is_stuck() -> bool:
    """Whether the task in hand takes longer than the queue allows, so that it will never end."""
    since = process.busy_since
    limit = float(str(settings.Q_CLUSTER["timeout"])) + GRACE
    return since is not None and time.monotonic() - since > limit
