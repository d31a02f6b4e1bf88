"""The queue of a test: messages are what the doorbell really rang, and workers look only where it rang.

`conftest` notes here every ring that would have become a message, and every one that was put off. `QUEUE.work` answers
them like the workers of one host would. What nobody rang for is never looked at: work that is left over fails the test,
so a forgotten ring, or one that came before its rows were committed, is noticed.

Time does not pass by itself. Where all that is left waits for a moment, its due times are moved to now; a wait without
a ring of its own is the sweeper's, whose minute is played then.

What becomes of work that was there before `QUEUE.work` began depends on `QUEUE.sweeps`. Off, as in the walks and the
tests of the recipes, new work must have been rung for, so a ring that is missing where jobs or runs are made is
noticed; what was tried before is the sweeper's all the same. On, as everywhere else and in those tests of recipes that
ask for `sweeper_helps`, the sweeper finds jobs and runs that were made or moved by hand, and such a missing ring goes
unseen. An event, and work that comes up while `QUEUE.work` is at it, must be rung for in any case.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection as database
from django.db.models import F, Q
from django.utils import timezone

from integration import tasks
from integration.engine.dispatch import wakeups
from integration.engine.sync import runner
from integration.models import Doorbell, EventState, Health, Integration, SyncJob, SyncRun, WebhookEvent
from integration.recipes.registry import get_recipe

MINUTE = timedelta(seconds=60)
MOST = 3000  # messages until the hub must have come to rest
TRIES = 3  # a back-off after so many tries is left alone
UNFINISHED = ("waiting", "running")
NAP, PATIENCE = 0.25, 15.0  # seconds: a vendor's limit passes in real time only, and is full again within these
WORKABLE = Q(state="active", tenant__is_active=True, left__health__in=(Health.OK, Health.UNCHECKED)) & Q(
    right__health__in=(Health.OK, Health.UNCHECKED)
)


@dataclass
class Message:
    """One message on its way, and what the quickest worker would find."""

    key: str
    newest: int = 0  # the newest event that was committed when it was rung last
    busy: bool = False  # the integration's lease was held: the worker would have gone away again


@dataclass
class PutOff:
    """A ring that was put off."""

    key: str
    due: float  # of time.monotonic


class Queue:
    """Messages and rings put off, in order."""

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()
        self.later: list[PutOff] = []
        self.slice_seconds = 0.0  # with slices of no length each batch has to ring for the rest of the work
        self.sweeps = True  # the sweeper looks for work that was there before

    # What the doorbell says

    def push(self, key: str) -> None:
        """A message was sent."""
        self.messages.append(Message(key))

    def put_off(self, key: str, seconds: float) -> None:
        """Somebody will ring after so many seconds."""
        self.later.append(PutOff(key, time.monotonic() + seconds))

    def rung(self, key: str) -> None:
        """Somebody rang, whether that made a message or there was one on its way."""
        assert not _open_transactions(), f"{key} was rung for before the transaction was committed"
        for message in self.messages:
            if message.key == key:
                message.newest, message.busy = _newest_event(), _is_leased(key)

    # What tests do with it

    def clear(self) -> None:
        """Begin a test: nothing is on its way."""
        self.messages.clear()
        self.later.clear()
        self.slice_seconds, self.sweeps = 0.0, True

    def lose(self) -> int:
        """The broker forgets its messages, and the process that put rings off ends. Returns how many there were."""
        count = len(self.messages) + len(self.later)
        self.messages.clear()
        self.later.clear()
        return count

    def work(self, *, due_now: bool) -> None:
        """Answer messages until none is left and no work either. With `due_now` short and long waits pass at once."""
        _commit()
        self._look_for_what_was_there()
        for _ in range(MOST):
            _commit()
            if self.messages:
                self._answer(self.messages.popleft())
            elif not self._ring_what_was_put_off(due_now) and not (due_now and self._minutes_pass()):
                forgotten = self._unrung()
                assert not forgotten, f"work waits and nobody rang for it: {forgotten}"
                return
        raise AssertionError("the hub does not come to rest")

    def minute(self) -> None:
        """A minute passes without anybody's doing: rings grow stale, and the sweeper looks."""
        Doorbell.objects.filter(rung_at__isnull=False).update(rung_at=F("rung_at") - MINUTE)
        tasks.sweep()

    # A worker

    def _answer(self, message: Message) -> None:
        if message.key == wakeups.ROUTER:
            late = WebhookEvent.objects.filter(state=EventState.NEW, pk__gt=message.newest).values_list("pk", flat=True)
            assert not late, f"events {list(late)} were committed after the last ring for the router"
            tasks.route_events()
        elif message.key == wakeups.CLOSING:
            tasks.close_tenants()
        elif not message.busy:
            runner.run(message.key, get_recipe, slice_seconds=self.slice_seconds)

    # The clock

    def _ring_what_was_put_off(self, due_now: bool) -> bool:
        """Ring for the next of them. Returns whether there may be something to do."""
        if not self.later:
            return False
        put_off = min(self.later, key=lambda one: one.due)
        resting = _rests_for(put_off.key)
        if resting > PATIENCE or not (due_now or resting):
            return False
        self.later.remove(put_off)
        if resting:
            time.sleep(min(resting, NAP))
            self.put_off(put_off.key, 0.0)
        if _rests_for(put_off.key) <= 0:
            self.later = [one for one in self.later if one.key != put_off.key]
            _move(put_off.key)
            if any(work.key == put_off.key for work in _due_work()):
                wakeups.wake_now(put_off.key)
        return True

    def _minutes_pass(self) -> bool:
        """Move the waits nobody put a ring off for, and play the sweeper's minute. Returns whether there were any."""
        moved = [_move(key) for key in _workable() if _rests_for(key) <= 0]
        if any(moved):
            self.minute()
        return any(moved)

    def _look_for_what_was_there(self) -> None:
        """Work of dead workers, or made or moved by hand, is the sweeper's. An event always rings by itself."""
        unrung = self._unrung()
        new = [work for work in unrung if work.key == wakeups.ROUTER or not (work.tried or self.sweeps)]
        assert not new, f"work waits and nobody rang for it: {new}"
        if unrung:
            self.minute()

    def _unrung(self) -> list[Work]:
        """Due work that no message will find."""
        coming = {message.key for message in self.messages if not message.busy} | {one.key for one in self.later}
        return [work for work in _due_work() if work.key not in coming]


@dataclass(frozen=True)
class Work:
    """Something that is due now."""

    key: str  # who would have to be rung for
    what: str
    tried: bool = False  # it is not new


def _due_work() -> Iterable[Work]:
    now = timezone.now()
    for event in WebhookEvent.objects.filter(state=EventState.NEW):
        yield Work(wakeups.ROUTER, f"event {event.pk} {event.vendor_event}")
    for key in _workable():
        if _rests_for(key) > 0:
            continue
        due = {"integration": key, "next_attempt_at__lte": now}
        for job in SyncJob.objects.filter(**due, state="waiting"):
            yield Work(key, f"job {job.flow} {job.external_id}", bool(job.attempts))
        if not _is_leased(key):
            for job in SyncJob.objects.filter(integration__id=key, state="running"):
                yield Work(key, f"job {job.flow} {job.external_id} of a dead worker", tried=True)
        for run in SyncRun.objects.filter(**due, state__in=UNFINISHED):
            yield Work(key, f"run {run.kind} {run.flow}", bool(run.attempts or run.done))


def _workable() -> list[str]:
    """The integrations a worker would work for."""
    return [str(pk) for pk in Integration.objects.filter(WORKABLE).values_list("pk", flat=True)]


def _move(key: str) -> int:
    """Let what waits be due now, but for what failed often, and for pages that failed. Returns how many."""
    now = timezone.now()
    waiting = {"integration": key, "next_attempt_at__gt": now}
    jobs = SyncJob.objects.filter(**waiting, state="waiting", attempts__lt=TRIES)
    limited = SyncRun.objects.filter(**waiting, state__in=UNFINISHED, attempts=0)
    return jobs.update(next_attempt_at=now) + limited.update(next_attempt_at=now)


def _rests_for(key: str) -> float:
    """For how many seconds more one of an integration's accounts may not be called."""
    moments = Integration.objects.filter(pk=key).values_list("left__not_before", "right__not_before")
    now = timezone.now()
    return max([(moment - now).total_seconds() for row in moments for moment in row if moment] + [0.0])


def _open_transactions() -> list[object]:
    """The transactions of the code under test; one around the whole test does not count."""
    return [block for block in database.atomic_blocks if not getattr(block, "_from_testcase", False)]


def _commit() -> None:
    """Let what waits for a commit happen, in a test that is one transaction from its beginning to its end."""
    if database.in_atomic_block and not _open_transactions():
        waiting, database.run_on_commit = database.run_on_commit, []
        for entry in waiting:
            entry[1]()


def _newest_event() -> int:
    """Asked below Django, since tests count its queries."""
    database.ensure_connection()
    row = database.connection.execute(f"SELECT max(id) FROM {WebhookEvent._meta.db_table}").fetchone()
    return row[0] or 0


def _is_leased(key: str) -> bool:
    if key in wakeups.TASKS:
        return False
    lease = Integration.objects.filter(pk=key).values_list("lease_until", flat=True).first()
    return lease is not None and lease > timezone.now()


QUEUE = Queue()
