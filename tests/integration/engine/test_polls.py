"""Polls by the clock: on the mark, once; a missed mark is made up for, never doubled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from integration import tasks
from integration.engine.sync import cursors, polls, runner
from integration.models import Cursor, SyncRun
from tests.support.factories import IntegrationFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def integration():
    return IntegrationFactory(activated_at=NOON - timedelta(days=1))


@pytest.fixture
def at(monkeypatch):
    """Say what time it is for the polls, and pretend that runs are made then."""

    def set_time(moment):
        monkeypatch.setattr(polls.timezone, "now", lambda: moment)

    return set_time


def hourly(flow=None):
    return replace(recipes_with(flow or FakeFlow())("any"), poll_minutes=lambda settings: settings.get("every", 60))


def finished(since):
    """The last poll is done, and was started then."""
    SyncRun.objects.update(state="done", created_at=since)


def start(integration, recipe):
    return polls.start_due([integration], lambda key: recipe)


@pytest.mark.parametrize(
    ("minutes", "now", "mark"),
    [
        (60, NOON + timedelta(minutes=59, seconds=59), NOON),
        (60, NOON, NOON),
        (15, NOON + timedelta(minutes=29), NOON + timedelta(minutes=15)),
        (240, NOON + timedelta(hours=3), NOON),
        (1440, NOON, NOON.replace(hour=0)),
    ],
)
def test_marks_are_whole_multiples_of_the_interval(minutes, now, mark):
    assert polls.mark(minutes, now) == mark


def test_a_poll_starts_with_the_mark_and_once(integration, at):
    at(NOON + timedelta(seconds=20))
    assert start(integration, hourly()) == 1
    finished(NOON + timedelta(seconds=20))
    for minute in (1, 30, 59):
        at(NOON + timedelta(minutes=minute))
        assert start(integration, hourly()) == 0
    at(NOON + timedelta(hours=1))
    assert start(integration, hourly()) == 1


def test_missed_marks_are_made_up_for_by_one_poll(integration, at):
    at(NOON)
    start(integration, hourly())
    finished(NOON)
    at(NOON + timedelta(hours=5, minutes=7))

    assert start(integration, hourly()) == 1
    assert start(integration, hourly()) == 0
    assert SyncRun.objects.count() == 2


def test_what_was_missed_is_read_from_where_the_last_poll_began(integration):
    began = NOON - timedelta(hours=3)
    Cursor.objects.create(integration=integration, name="person_to_contact", position=began)
    flow, seen = FakeFlow(), []
    page = flow.page
    flow.page = lambda ctx, kind, cursor, since: (seen.append(since), page(ctx, kind, cursor, since))[1]
    start(integration, hourly(flow))

    runner.run(str(integration.pk), recipes_with(flow))

    assert seen == [began - timedelta(minutes=2)]


def test_a_long_run_is_not_doubled_and_the_next_follows_it(integration, at):
    at(NOON)
    start(integration, hourly())
    SyncRun.objects.update(created_at=NOON)
    at(NOON + timedelta(hours=1, minutes=2))
    assert start(integration, hourly()) == 0  # still at work
    finished(NOON)

    assert start(integration, hourly()) == 1


def test_the_interval_is_a_setting(integration, at):
    integration.settings = {"every": 15}
    at(NOON)
    start(integration, hourly())
    finished(NOON)
    at(NOON + timedelta(minutes=15))

    assert start(integration, hourly()) == 1


def test_nothing_is_polled_before_the_first_mark_after_switching_on(integration, at):
    integration.activated_at = NOON + timedelta(minutes=10)
    at(NOON + timedelta(minutes=40))
    assert start(integration, hourly()) == 0
    at(NOON + timedelta(hours=1))
    assert start(integration, hourly()) == 1


def test_flows_that_are_off_or_take_no_part_are_left_out(integration, at):
    at(NOON)
    integration.settings = {"off": True}
    assert start(integration, hourly()) == 0
    integration.settings = {}
    assert start(integration, hourly(FakeFlow(runs=frozenset({"fetch_all"})))) == 0


def test_each_recipe_is_polled_by_one_of_the_two_schedules():
    quarter = IntegrationFactory(activated_at=NOON)
    own = IntegrationFactory(recipe="leadboxer_pipedrive", activated_at=NOON, settings={"leads_enabled": True})

    tasks.poll_all()
    assert set(SyncRun.objects.values_list("integration", flat=True)) == {quarter.pk}
    assert tasks.poll_by_clock() == "1 polls"
    assert tasks.poll_by_clock() == "0 polls"
    assert list(SyncRun.objects.filter(integration=own).values_list("flow", flat=True)) == ["lead_to_lead"]


def test_a_paused_integration_is_not_polled():
    IntegrationFactory(
        recipe="leadboxer_pipedrive", activated_at=NOON, settings={"leads_enabled": True}, state="paused"
    )

    assert tasks.poll_by_clock() == "0 polls"


@pytest.mark.chaos("E5")
@pytest.mark.parametrize("day", ["2028-02-29", "2026-03-29", "2026-10-25", "2026-12-31"])
def test_a_day_has_as_many_marks_whatever_the_clocks_of_people_do(day):
    """A leap day, the nights in which Europe changes its clocks, the end of a year."""
    midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    looks = [midnight + timedelta(minutes=minute) for minute in range(24 * 60)]

    assert len({polls.mark(60, look.astimezone(ZoneInfo("Europe/Berlin"))) for look in looks}) == 24


def test_an_integration_that_cannot_be_asked_keeps_no_other_from_polling(at):
    at(NOON)
    broken, fine = (IntegrationFactory(activated_at=NOON - timedelta(days=1)) for _ in range(2))

    def enabled(settings):
        if settings.get("broken"):
            raise KeyError("a setting of another version")
        return True

    flow = FakeFlow()
    flow.enabled = enabled
    broken.settings = {"broken": True}

    assert polls.start_due([broken, fine], lambda key: hourly(flow)) == 1


@pytest.mark.chaos("E5")
def test_a_cursor_of_the_future_says_nothing_so_the_poll_starts_where_the_last_one_began(integration, at):
    at(NOON)
    began = NOON - timedelta(minutes=30)
    SyncRun.objects.create(integration=integration, kind="poll", flow="any", state="done", started_at=began)
    Cursor.objects.create(integration=integration, name="any", position=NOON + timedelta(hours=1))

    assert cursors.since(integration, "any", NOON - timedelta(days=9)) == began - cursors.OVERLAP
