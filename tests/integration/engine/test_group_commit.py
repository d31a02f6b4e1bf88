"""Rows of many threads in few commits; nobody's fault is somebody else's."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError

from integration.engine.intake import group_commit
from integration.engine.intake.group_commit import GroupCommit


def test_those_that_come_during_a_commit_are_written_together_and_none_is_lost():
    written = []

    def write(rows):
        time.sleep(0.01)
        written.append(list(rows))

    group = GroupCommit(write)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: group.store([number]), range(200)))

    assert sorted(row for rows in written for row in rows) == list(range(200))
    assert len(written) < 60


def test_alone_nobody_waits():
    written = []
    GroupCommit(written.append).store([1, 2])
    assert written == [[1, 2]]


def test_a_refused_row_fails_its_own_thread_only():
    gate, written = threading.Event(), []

    def write(rows):
        gate.wait(5)
        if "bad" in rows:
            raise ValueError("refused")
        written.extend(rows)

    group = GroupCommit(write)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(group.store, ["first"])
        time.sleep(0.05)
        others = {row: pool.submit(group.store, [row]) for row in ("good", "bad", "fine")}
        time.sleep(0.05)
        gate.set()
        first.result(5)
        with pytest.raises(ValueError, match="refused"):
            others["bad"].result(5)
        others["good"].result(5), others["fine"].result(5)

    assert sorted(written) == ["fine", "first", "good"]


def one_and_those_behind_it(write, gate, behind):
    """A thread is writing, others come meanwhile, then the gate opens; returns how each call ended."""
    group = GroupCommit(write)
    with ThreadPoolExecutor(behind + 1) as pool:
        calls = [pool.submit(group.store, [0])]
        time.sleep(0.05)
        calls += [pool.submit(group.store, [number]) for number in range(1, behind + 1)]
        time.sleep(0.05)
        gate.set()
    return calls


def test_a_database_that_is_away_is_asked_once_for_all_who_wait():
    gate, asked = threading.Event(), []

    def write(rows):
        gate.wait(5)
        asked.append(rows)
        raise OperationalError("gone")

    for call in one_and_those_behind_it(write, gate, 4):
        with pytest.raises(OperationalError, match="gone"):
            call.result()

    assert asked == [[0]]


def test_who_was_in_anothers_way_tries_once_more_alone():
    """A deadlock is an OperationalError too, but the database is there."""
    gate, asked = threading.Event(), []

    class Deadlock(Exception):
        sqlstate = "40P01"

    def write(rows):
        gate.wait(5)
        asked.append(sorted(rows))
        if len(rows) > 1:
            raise OperationalError("deadlock detected") from Deadlock()

    assert [call.result() for call in one_and_those_behind_it(write, gate, 3)] == [None] * 4

    assert asked[:2] == [[0], [1, 2, 3]]
    assert sorted(asked[2:]) == [[1], [2], [3]]


def test_who_gave_up_waiting_is_never_handed_the_lead(monkeypatch):
    monkeypatch.setattr(group_commit, "LONGEST_WAIT", 0.05)
    gate, written = threading.Event(), []

    def write(rows):
        gate.wait(5)
        written.extend(rows)

    group = GroupCommit(write)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(group.store, ["slow"])
        time.sleep(0.02)
        with pytest.raises(OperationalError, match="still being written"):
            group.store(["gave up"])
        gate.set()
        slow.result()
    group.store(["next"])

    assert written == ["slow", "next"]


def test_it_goes_on_after_a_failure():
    def write(rows):
        raise ValueError("away")

    group = GroupCommit(write)
    for _ in range(2):
        with pytest.raises(ValueError, match="away"):
            group.store([1])
