"""Web and worker processes spare the collector what they have loaded."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest
from django.conf import settings
from django_q.signals import post_spawn

from integration import gc_tuning
from integration.engine.dispatch.heartbeat import HeartbeatThread


@pytest.fixture
def collector():
    """Python's collector, as it was before once the test is over."""
    before = gc.get_threshold()
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_there_is_spared_and_what_comes_is_collected(collector):
    gc_tuning.freeze_startup_objects()

    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] == gc_tuning.NEW_OBJECTS
    circle = []
    circle.append(circle)
    del circle
    assert gc.collect() >= 1


def test_a_worker_does_so_before_its_first_task_and_begins_to_beat(collector, monkeypatch):
    begun = []
    monkeypatch.setattr(HeartbeatThread, "start", lambda thread: begun.append(thread))
    post_spawn.send(sender="django_q", proc_name="worker")

    assert gc.get_freeze_count() > 10_000
    assert len(begun) == 1


def test_a_web_process_does_so_when_it_starts():
    code = "import config.wsgi, gc, sys; print(gc.get_freeze_count(), 'integration.portal.urls' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=settings.BASE_DIR, check=True
    )
    count, pages = said.stdout.split()[-2:]

    assert int(count) > 10_000
    assert pages == "True"
