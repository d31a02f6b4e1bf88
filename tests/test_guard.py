"""What a test patches itself ends with it, also where it is what the tests' own guard has patched."""

from __future__ import annotations

import socket

import pytest

from integration.engine.dispatch import wakeups
from tests.conftest import Guard

seen = (socket.socket.connect, wakeups.push, wakeups.wake_after)  # without any guard, as modules are read before


@pytest.fixture(scope="module")
def guarded():
    return socket.socket.connect, wakeups.push, wakeups.wake_after


@pytest.mark.parametrize("patched", [True, False], ids=["patches", "comes after it"])
def test_a_patch_ends_with_its_test(guarded, monkeypatch, rings, patched):
    assert (socket.socket.connect, wakeups.push, wakeups.wake_after) == guarded
    assert not set(guarded) & set(seen)
    if patched:
        for name in ("push", "wake_after"):
            monkeypatch.setattr(wakeups, name, lambda *args: None)
        monkeypatch.setattr(socket.socket, "connect", lambda self, to: None)


def test_no_address_but_loopback_is_reached():
    with socket.socket() as line, pytest.raises(AssertionError, match=r"wants to reach 10\.1\.2\.3"):
        line.connect(("10.1.2.3", 80))


def test_a_ring_is_noted_unless_the_doorbell_really_rings(monkeypatch, rings):
    sent = []
    monkeypatch.setattr(wakeups, "async_task", lambda *args: sent.append(args))
    wakeups.push("7")
    assert (rings, sent) == (["7"], [])

    Guard.rung = None
    wakeups.push("7")
    assert sent == [("integration.tasks.run_integration", "7")]
