"""Keep working while our clock is ahead of the vendor's: no NTP for a while, a host that was suspended.

Poll-only sources lose records, create-only calls are doubled: both compare the vendor's times with our own clock.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration import tasks
from tests.support import hub
from tests.support.leadboxer_world import LEADS


@pytest.fixture
def ahead(monkeypatch):
    real = timezone.now

    def by(minutes):
        monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(minutes=minutes))

    return by


@pytest.mark.chaos("E5")
@pytest.mark.parametrize("minutes", [0, 5])
def test_a_lead_between_two_polls_is_not_lost(leadboxer_install, ahead, minutes):
    world = leadboxer_install(**LEADS)
    world.integration.activated_at = timezone.now() - timedelta(hours=1)
    ahead(minutes)
    world.poll()
    world.ada(minutes_ago=0)  # visits right after the poll
    tasks.start_runs(world.integration, "poll")  # an hour later in truth; all that counts is that it is the next one
    hub.drain()
    assert len(world.leads()) == 1


@pytest.mark.parametrize("minutes", [0, 10])
def test_a_lost_answer_makes_no_second_lead(leadboxer_install, ahead, minutes):
    world = leadboxer_install(**LEADS)
    world.ada()
    ahead(minutes)
    world.no_limits()
    world.fail("pipedrive", 502, "/v1/leads", method="POST", after=True)
    tasks.start_runs(world.integration, "fetch_all")
    hub.drain()
    for _ in range(3):
        world.wait()
    assert len(world.leads()) == 1
