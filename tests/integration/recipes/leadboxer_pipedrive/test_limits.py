"""Ten calls a minute to each endpoint: however little that is, everything arrives, as soon as the limit allows it."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from integration import tasks
from integration.engine.sync import runner
from integration.models import Connection, RateBudget, SyncJob, SyncRun, VendorCall
from integration.recipes.registry import get_recipe
from tests.support.leadboxer_world import ACTIVITIES, LEADS, SITE

pytestmark = pytest.mark.usefixtures("full_slices")

MINUTE = 60.0


class OneClock:
    """The time of the hub and of the sandbox, which passes only here."""

    def __init__(self, world, monkeypatch):
        self.world, self.passed, self.began = world, 0.0, datetime.now(UTC)
        monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) + timedelta(seconds=self.passed))

    def advance(self, seconds):
        self.passed += seconds
        self.world.sandbox.control("POST", "/time", {"advance_seconds": seconds})

    def work(self):
        """One worker does what is due now."""
        while runner.run(str(self.world.integration.pk), get_recipe) == "more":
            pass

    def work_until_done(self, most=7200):
        """Work, and let time pass to the next moment at which something is due. Returns the seconds it took."""
        while True:
            self.work()
            due = [*SyncRun.objects.filter(state__in=("waiting", "running")).values_list("next_attempt_at", flat=True)]
            due += self._waiting().values_list("next_attempt_at", flat=True)
            if not due:
                return (timezone.now() - self.began).total_seconds()
            pauses = [moment for moment in Connection.objects.values_list("not_before", flat=True) if moment]
            self.advance(max((max([min(due), *pauses]) - timezone.now()).total_seconds(), 0.1))
            assert self.passed < most, list(SyncRun.objects.values("flow", "problem", "cursor"))

    @staticmethod
    def _waiting():
        return SyncJob.objects.filter(state="waiting")


@pytest.fixture
def limited(leadboxer_install, monkeypatch):
    """An installation that keeps LeadBoxer's limits, and its clock."""

    def install(calls=10, **settings):
        world = leadboxer_install(**settings)
        world.sandbox.control("PATCH", "/leadboxer/401", {"calls_per_minute": calls})
        RateBudget.objects.filter(connection=world.integration.left).delete()
        world.sandbox.control("DELETE", "/calls")
        return world, OneClock(world, monkeypatch)

    return install


def seed(world, count, **how):
    world.sandbox.control("POST", f"/leadboxer/401/{SITE}/seed", {"count": count, "minutes_ago": 30, **how})


def refused(world):
    return VendorCall.objects.filter(connection=world.integration.left, status=429).count()


def test_two_hundred_leads_take_the_least_time_that_ten_calls_a_minute_allow(limited):
    world, clock = limited(**ACTIVITIES)
    seed(world, 200)
    tasks.start_runs(world.integration, "poll")
    took = clock.work_until_done()

    assert len(world.activities()) == 200
    least = (200 / 10 - 1) * MINUTE  # the visits of each lead cost a call
    assert least <= took <= least * 1.1
    calls = Counter(call["path"] for call in world.sandbox.control("GET", "/calls") if call["vendor"] == "leadboxer")
    assert calls["/leadboxer/v1/leads/sessions"] <= 200 + refused(world)
    assert calls["/leadboxer/v1/leads/events"] <= 200 + refused(world)


def test_a_visitor_with_more_visits_than_calls_a_minute_arrives(limited):
    world, clock = limited(calls=4, **ACTIVITIES)
    world.sandbox.control("PATCH", "/pipedrive/acme", {"plan": "unlimited"})
    made = world.ada(minutes_ago=60 * 20)
    for hours in range(1, 16):
        world.ada(lead=made["lead"], minutes_ago=60 * hours)
    tasks.start_runs(world.integration, "fetch_all")
    clock.work_until_done()

    assert len(world.activities()) == 16
    world.at_rest()


def test_leads_that_are_tried_again_are_read_in_portions(limited):
    world, clock = limited(calls=3, **LEADS)
    seed(world, 8)
    for lead in list(world.sandbox.state.leadboxer.accounts["401"].datasets[SITE].leads):
        SyncJob.objects.create(integration=world.integration, flow="lead_to_lead", external_id=lead)
    took = clock.work_until_done()

    assert len(world.leads()) == 8
    assert took <= math.ceil(8 / 3) * MINUTE + MINUTE


def test_a_token_that_is_lost_on_the_way_costs_no_lead(limited):
    """The vendor answers a stale token with the first page, and nothing says so."""
    world, clock = limited(**ACTIVITIES)
    seed(world, 60)
    tasks.start_runs(world.integration, "fetch_all")
    while len(world.activities()) < 30:
        clock.work()
        clock.advance(MINUTE)
    clock.advance(700)
    world.sandbox.state.leadboxer.accounts["401"].tokens.clear()
    clock.work_until_done()

    assert len(world.activities()) == 60
    world.at_rest()


@pytest.mark.parametrize(("leads", "read"), [(60, 40), (1, 1)], ids=["first page", "single lead"])
def test_a_list_that_does_not_lead_on_ends_with_a_sentence(limited, monkeypatch, leads, read):
    """What we take for a token is none: the vendor answers the first page for ever, and each lead is read once."""
    from integration.connectors.leadboxer import client

    world, clock = limited(calls=1000, **LEADS)
    world.no_limits()
    seed(world, leads)
    monkeypatch.setattr(client, "next_token", lambda answer, *, full: "not-a-token")
    tasks.start_runs(world.integration, "fetch_all")
    clock.work()

    assert "does not lead on" in SyncRun.objects.get().problem
    assert len(world.leads()) == read


def test_a_visit_that_cannot_be_read_keeps_no_other_back(limited):
    world, clock = limited(**ACTIVITIES)
    seed(world, 4)
    world.sandbox.control("POST", "/misbehave", {"vendor": "leadboxer", "fail_next": [
        {"status": 400, "path_contains": "leads/events"},
    ]})  # fmt: skip
    tasks.start_runs(world.integration, "poll")
    clock.work_until_done()

    assert len(world.activities()) == 3
    assert SyncJob.objects.filter(state="dead", reason="record_unreadable").count() == 1
