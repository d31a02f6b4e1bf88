"""A worker that lives is heard; one that is dead, stands still, has no cluster or is stuck in a task falls silent."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from integration.engine.dispatch import heartbeat, sweeper
from integration.engine.dispatch.heartbeat import Pulse
from integration.engine.insight.delays import of_workers
from integration.models import Doorbell
from tests.support.factories import IntegrationFactory

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def beaten(seconds, key="worker:host:1"):
    Doorbell.objects.create(key=key, rung_at=timezone.now() - timedelta(seconds=seconds))


def test_a_beat_is_heard_for_fifteen_seconds():
    IntegrationFactory()
    heartbeat.beat()
    heartbeat.beat()
    assert heartbeat.heard().pulse == Pulse.ALIVE
    assert Doorbell.objects.filter(key__startswith="worker:").count() == 1
    Doorbell.objects.update(rung_at=timezone.now() - timedelta(seconds=14))
    assert heartbeat.heard().pulse == Pulse.ALIVE
    Doorbell.objects.update(rung_at=timezone.now() - timedelta(seconds=16))
    assert heartbeat.heard().pulse == Pulse.GONE
    assert heartbeat.heard(timedelta(minutes=5)).pulse == Pulse.ALIVE


def test_one_worker_that_lives_is_enough():
    IntegrationFactory()
    beaten(900, "worker:a:1")
    beaten(2, "worker:b:1")
    assert not heartbeat.nobody_works()


def test_nobody_is_missed_where_nothing_is_switched_on():
    IntegrationFactory(state="paused", activated_at=timezone.now() - HOUR)
    beaten(900)
    assert heartbeat.heard().pulse == Pulse.STARTING


def test_a_first_worker_is_given_time():
    row = IntegrationFactory(activated_at=timezone.now())
    assert heartbeat.heard().pulse == Pulse.STARTING
    row.activated_at = timezone.now() - timedelta(seconds=16)
    row.save()
    assert heartbeat.heard().pulse == Pulse.GONE


def test_pages_that_have_just_begun_are_neither_green_nor_alarmed(monkeypatch):
    IntegrationFactory()
    beaten(900)
    heartbeat.serving()
    assert heartbeat.heard().pulse == Pulse.STARTING
    monkeypatch.setattr(heartbeat.process, "serving_since", timezone.now() - timedelta(seconds=16))
    assert heartbeat.heard().pulse == Pulse.GONE


def test_a_task_that_takes_longer_than_the_queue_allows_is_stuck(monkeypatch, settings):
    monkeypatch.setattr(heartbeat.process, "busy_since", None)
    heartbeat.task_begins()
    assert not heartbeat.is_stuck()
    monkeypatch.setattr(heartbeat.process, "busy_since", time.monotonic() - settings.Q_CLUSTER["timeout"] - 31)
    assert heartbeat.is_stuck()
    heartbeat.task_ends()
    assert not heartbeat.is_stuck()


def test_workers_that_are_back_are_no_broken_schedule_yet():
    IntegrationFactory()
    Doorbell.objects.create(key="sweeper", rung_at=timezone.now() - HOUR)
    beaten(3600)
    heartbeat.announce()
    heartbeat.announce()
    assert told() == []
    Doorbell.objects.filter(key=heartbeat.RETURNED).update(rung_at=timezone.now() - timedelta(minutes=6))
    heartbeat.announce()  # another one, while the first lives
    assert told() == ["sweeper_silent"]
    sweeper.sweep()
    assert told() == []


def told():
    zone = ZoneInfo("UTC")
    return [row.code for row in of_workers(heartbeat.heard(), sweeper.last_sweep(), timezone.now(), zone)]


def test_an_orphan_is_silent():
    thread = heartbeat.HeartbeatThread(os.getppid() + 1)
    thread.run()  # ends at once
    assert not Doorbell.objects.exists()


def test_rows_of_ended_processes_go_but_the_newest_stays():
    beaten(8000, "worker:a:1")
    beaten(9000, "worker:a:2")
    heartbeat.forget_ended()
    assert list(Doorbell.objects.values_list("key", flat=True)) == ["worker:a:1"]
    sweeper.sweep()
    assert not Doorbell.objects.filter(key="worker:a:1").exists()
