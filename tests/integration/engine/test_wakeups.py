"""Rings that are put off: one thread rings them all in their order, and outlives one that fails."""

from __future__ import annotations

import threading
import time

import pytest
from django.utils import timezone

from integration.engine.dispatch import wakeups
from integration.models import Doorbell

wake_all_now = wakeups.wake_all_now
later = wakeups.wake_after  # the real one: every test has a quiet one in its place


@pytest.fixture
def rung(monkeypatch):
    """What is rung, by which thread."""
    found: list[tuple[str, threading.Thread]] = []

    def ring_now(key):
        found.append((key, threading.current_thread()))
        if key == "fails":
            raise ConnectionError("the database is down")

    monkeypatch.setattr(wakeups, "wake_now", ring_now)
    monkeypatch.setattr(wakeups, "late_ringers", {})
    return found


def wait_for(rung, count, patience=5.0):
    until = time.monotonic() + patience
    while len(rung) < count and time.monotonic() < until:
        time.sleep(0.005)
    return [key for key, _ in rung]


def test_rings_come_in_the_order_they_are_due(rung):
    began = time.monotonic()
    later("third", 0.3)
    later("first", 0.05)
    later("second", 0.1)

    assert wait_for(rung, 3) == ["first", "second", "third"]
    assert time.monotonic() - began >= 0.3
    assert {thread.name for _, thread in rung} == {"wakeups"}
    assert len({thread for _, thread in rung}) == 1


def test_one_that_fails_takes_no_other_along(rung, caplog):
    later("fails", 0.0)
    assert wait_for(rung, 1) == ["fails"]

    later("next", 0.01)
    assert wait_for(rung, 2) == ["fails", "next"]
    assert "wait for the sweeper" in caplog.text


def test_its_connection_is_given_back_when_nothing_is_put_off(rung, monkeypatch):
    closed = threading.Event()
    monkeypatch.setattr(wakeups, "IDLE", 0.05)
    monkeypatch.setattr(type(wakeups.database), "close", lambda self: closed.set(), raising=False)

    later("one", 0.0)
    assert wait_for(rung, 1) == ["one"]
    assert closed.wait(2.0)

    later("two", 0.01)  # and it still rings
    assert wait_for(rung, 2) == ["one", "two"]


def test_a_forked_process_has_a_thread_of_its_own(rung, monkeypatch):
    later("before", 0.0)
    assert wait_for(rung, 1) == ["before"]
    monkeypatch.setattr(wakeups.os, "getpid", lambda: -1)

    later("after", 0.0)
    assert wait_for(rung, 2) == ["before", "after"]
    assert len({thread for _, thread in rung}) == 2


def test_a_thread_that_could_not_be_started_disturbs_nobody_and_is_tried_again(rung, monkeypatch, caplog):
    start = threading.Thread.start

    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    later("lost", 0.0)
    assert "wait for the sweeper" in caplog.text

    monkeypatch.setattr(threading.Thread, "start", start)
    later("next", 0.0)
    assert wait_for(rung, 1) == ["next"]


def test_a_thread_that_ended_is_replaced(rung, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(wakeups.DelayedWaker, "run", lambda self: None)
        later("lost", 0.0)
        wakeups.late_ringers[wakeups.os.getpid()].join(5.0)

    later("next", 0.0)
    assert wait_for(rung, 1) == ["next"]


@pytest.mark.django_db(transaction=True)
def test_many_are_rung_for_with_few_statements_and_nobody_twice(monkeypatch, django_assert_max_num_queries):
    sent = []
    monkeypatch.setattr(wakeups, "push", sent.append)
    Doorbell.objects.create(key="b", rung_at=timezone.now())

    with django_assert_max_num_queries(8):
        wake_all_now(["a", "b", "c"])
    wake_all_now(["a", "b", "c"])

    assert sent == ["a", "c"]
