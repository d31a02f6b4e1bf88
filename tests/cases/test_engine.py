"""Runs that never end, updates that a poll passes over, one bad record or row that stops everybody."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from integration import tasks
from integration.engine.clients import connection_health
from integration.engine.clients.rate_limits import ConnectionMeter
from integration.engine.intake.group_commit import GroupCommit
from integration.engine.sync import cursors, router, runner, runs
from integration.errors import RateLimited
from integration.http import LimitStatus
from integration.models import (
    Connection,
    EventState,
    SyncJob,
    SyncRun,
)
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tests.support import hub
from tests.support.factories import ConnectionFactory, EventFactory, IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

db = pytest.mark.django_db(transaction=True)


@db
def test_a_page_that_kills_its_worker_ends_the_run_after_some_tries():
    """Jobs count their crashes; a run is taken again for ever."""
    integration = IntegrationFactory()
    flow = FakeFlow(source={str(n): {"name": "x"} for n in range(3)})

    def killed(ctx, writes):
        raise SystemExit("out of memory")  # stands for SIGKILL by the kernel or by django-q's time limit

    flow.before_write = killed
    runs.start(integration, "fetch_all", flow.key)
    for _ in range(40):
        try:
            runner.run(str(integration.pk), recipes_with(flow))
        except SystemExit:
            pass
    run = SyncRun.objects.get()
    assert run.state == "failed"


def test_a_poll_finds_what_changed_while_the_hubs_clock_is_ahead(world, monkeypatch):
    """Our clock is five minutes ahead of the vendor's: changes in the gap are older than the next poll's `since`."""
    ahead = timedelta(minutes=5)
    real = timezone.now
    offset = {"by": timedelta(0)}  # how far real time has moved on, for the vendor and for us

    # the sandbox's clock is the vendor's; ours is ahead of it
    monkeypatch.setattr(timezone, "now", lambda: real() + ahead + offset["by"])
    start_runs(world.integration, "poll")
    hub.drain()
    # one minute later somebody changes; the webhook is lost
    world.person("Ada")
    world.held()
    # the next poll, after its usual time
    start_runs(world.integration, "poll")
    hub.drain()
    assert world.mails() == ["ada@example.com"], "the poll passed over a change that was made after the last one"


@db
def test_a_cursor_that_a_wrong_clock_put_into_the_future_does_not_blind_the_poll():
    """Our clock jumps an hour ahead, a poll runs, the clock is put right. What changes within that hour is lost."""
    integration = IntegrationFactory()
    cursors.advance(integration, "person_to_contact", timezone.now() + timedelta(hours=1))
    # the clock is right again; a poll begins and ends
    started = timezone.now()
    cursors.advance(integration, "person_to_contact", started)
    since = cursors.since(integration, "person_to_contact", started)
    assert since <= started


@db
def test_an_integration_of_a_recipe_this_code_does_not_know_stops_nobody_elses_events():
    """During a deploy (or after a roll-back) a worker meets a recipe it does not have."""
    fine = IntegrationFactory()
    strange = IntegrationFactory(recipe="pipedrive_mailchimp")
    mine = EventFactory(connection=fine.left, external_id="1")
    EventFactory(connection=strange.left, external_id="2")
    for _ in range(3):
        with suppress(Exception):
            router.route_new_events(get_recipe)
    mine.refresh_from_db()
    assert mine.state == EventState.ROUTED


@db
@pytest.mark.parametrize(
    "task",
    [tasks.poll_all, tasks.poll_by_clock, tasks.reconcile_all],
)
def test_the_same_for_the_schedules(task):
    IntegrationFactory(recipe="pipedrive_mailchimp")
    IntegrationFactory()
    assert task().split()[1] in ("polls", "reconciles")


@db
def test_a_cancelled_run_that_waits_for_its_next_try_ends_at_once():
    integration = IntegrationFactory()
    flow = FakeFlow(source={"1": {"name": "x"}})

    def limited(ctx, writes):
        raise RateLimited("wait", retry_after=3600.0)

    flow.before_write = limited
    run = runs.start(integration, "fetch_all", flow.key)
    runner.run(str(integration.pk), recipes_with(flow))
    Connection.objects.update(not_before=None)
    assert runs.cancel(run)
    runner.run(str(integration.pk), recipes_with(flow))
    run.refresh_from_db()
    assert run.state == "cancelled"


@db
def test_the_daily_reserve_does_not_stop_everything_for_a_day():
    """80 percent of Pipedrive's day are used at ten in the morning; its day ends at midnight, ours a day later."""
    connection = ConnectionFactory()
    meter = ConnectionMeter(connection)
    meter.after([LimitStatus("day", 6000, 30000, None)])  # as api.read_limits makes it while tokens are left
    with pytest.raises(RateLimited) as caught:
        ConnectionMeter(connection).before(("day",), 10)
    connection_health.note_error(connection, caught.value)
    connection.refresh_from_db()
    assert connection.not_before - timezone.now() <= timedelta(hours=2), "nobody knocks before 24 hours are over"


def test_group_commit_never_tells_a_follower_that_its_rows_are_stored_when_the_leader_died():
    """A BaseException (SystemExit at a time-out, GreenletExit) in the leader: its followers return as if committed."""
    stored, entered, go = [], threading.Event(), threading.Event()

    def write(rows):
        if rows == ["first"]:
            entered.set()
            go.wait(5)
            return stored.extend(rows)
        raise SystemExit("the worker is ending")

    group = GroupCommit(write)
    outcomes = {}

    def store(name):
        try:
            group.store([name])
            outcomes[name] = "2xx"
        except BaseException as exc:
            outcomes[name] = type(exc).__name__

    threads = [threading.Thread(target=store, args=(name,)) for name in ("first", "second", "third")]
    threads[0].start()
    entered.wait(5)
    for thread in threads[1:]:
        thread.start()
    import time

    time.sleep(0.3)
    go.set()
    for thread in threads:
        thread.join(10)
    assert all(name in stored for name, word in outcomes.items() if word == "2xx")


@db
def test_what_is_put_aside_because_its_flow_is_off_is_left_alone_by_the_connection_check(monkeypatch):
    """Every quarter of an hour all of them are released and held again."""
    integration = IntegrationFactory(settings={"off": True})
    flow = FakeFlow()
    JobFactory(integration=integration, flow=flow.key, external_id="1")
    runner.run(str(integration.pk), recipes_with(flow))
    job = SyncJob.objects.get()
    assert (job.state, job.reason) == ("held", "flow_off")
    released = connection_health.release_held(integration)  # what a connection check does when the connection works
    assert released == 0


def test_a_lost_deletion_of_a_deal_is_found_again(world):
    """What a webhook may have missed is found again by polling and reconciling."""
    hub.save(world.integration, deals_enabled=True)
    ada = world.person("Ada")
    world.deliver()
    world.click("ada@example.com")
    world.deliver()
    deal = world.deal(title="Engine", person_id=int(ada))
    world.deliver()
    world.sandbox.control("DELETE", f"/pipedrive/acme/deals/{deal}")
    world.held()
    for kind in ("poll", "reconcile"):
        start_runs(world.integration, kind)
        hub.drain()
    assert any("deleted" in str(row) for row in world.events_sent())
