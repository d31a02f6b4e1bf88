"""How work wakes a worker: after the commit, for the rest of a slice, after a wait, and when a message was lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from integration.engine.clients import connection_health
from integration.engine.dispatch import sweeper, wakeups
from integration.engine.setup import lifecycle
from integration.engine.sync import replay, runner, runs
from integration.errors import TransientError
from integration.models import Connection, Doorbell, Integration, SyncJob, SyncRun, WebhookEvent
from tests.support import hub
from tests.support.factories import EventFactory, IntegrationFactory, JobFactory, RunFactory
from tests.support.fake_recipe import FakeFlow, recipes_with
from tests.support.queue import QUEUE

pytestmark = pytest.mark.django_db(transaction=True)


def sent():
    """The keys of the messages that are on their way."""
    return [message.key for message in QUEUE.messages]


def test_a_ring_waits_for_the_commit():
    with transaction.atomic():
        wakeups.wake(wakeups.ROUTER)
        assert sent() == []
    assert sent() == [wakeups.ROUTER]


def test_what_is_rolled_back_wakes_nobody():
    with transaction.atomic():
        wakeups.wake(wakeups.ROUTER)
        transaction.set_rollback(True)
    assert sent() == []


def test_a_message_that_is_on_its_way_is_not_sent_again_and_one_that_was_answered_is():
    for _ in range(3):
        wakeups.wake(wakeups.ROUTER)
    assert sent() == [wakeups.ROUTER]

    wakeups.acknowledge(wakeups.ROUTER)
    wakeups.wake(wakeups.ROUTER)

    assert sent() == [wakeups.ROUTER] * 2


def test_a_lost_message_is_replaced_when_it_has_grown_stale():
    wakeups.wake(wakeups.ROUTER)
    assert QUEUE.lose() == 1
    wakeups.wake(wakeups.ROUTER)
    assert sent() == [], "it may still come"

    Doorbell.objects.update(rung_at=timezone.now() - wakeups.lost_after())
    wakeups.wake(wakeups.ROUTER)

    assert sent() == [wakeups.ROUTER]


def test_a_lost_event_message_is_the_sweepers(world):
    world.person("Ada Byron")
    [delivery] = world.held()
    assert world.post(delivery) == 200
    assert QUEUE.lose() == 1

    QUEUE.minute()
    hub.drain()

    assert world.mails() == ["ada.byron@example.com"]


@pytest.mark.parametrize("lost", ["job", "run"])
def test_the_lost_message_of_an_integration_is_the_sweepers(world, lost):
    person_id = world.person("Ada Byron")
    world.held()
    if lost == "job":
        replay.resync(world.integration, "person_to_contact", [person_id])
    else:
        runs.start(world.integration, "reconcile", "person_to_contact")
    assert QUEUE.lose() == 1

    QUEUE.minute()
    hub.drain()

    assert not SyncJob.objects.exclude(state="done").exists()
    assert not SyncRun.objects.exclude(state="done").exists()
    assert SyncJob.objects.count() + SyncRun.objects.count() == 1


def test_the_rest_of_a_slice_is_rung_for_when_the_lease_is_free():
    integration = IntegrationFactory()
    flow = FakeFlow(source={str(n): {"name": "x"} for n in range(25)}, batch_size=10)
    for key in flow.source:
        JobFactory(integration=integration, flow=flow.key, external_id=key)

    for done in (10, 20):
        assert runner.run(str(integration.pk), recipes_with(flow), slice_seconds=0) == "more"
        assert SyncJob.objects.filter(state="done").count() == done
        [message] = QUEUE.messages
        assert (message.key, message.busy) == (str(integration.pk), False)
        QUEUE.clear()
    assert runner.run(str(integration.pk), recipes_with(flow), slice_seconds=0) == "more"
    assert sent() == [], "nothing is left"


@pytest.mark.parametrize(("pause", "put_off"), [(20, True), (3600, False)], ids=["short", "long"])
def test_a_short_wait_puts_a_ring_off_and_a_long_one_is_the_sweepers(pause, put_off):
    integration = IntegrationFactory()

    def fail(ctx, writes):
        raise TransientError("down", retry_after=float(pause))

    flow = FakeFlow(source={"1": {"name": "x"}}, before_write=fail)
    JobFactory(integration=integration, flow=flow.key, external_id="1")

    runner.run(str(integration.pk), recipes_with(flow))

    assert [one.key for one in QUEUE.later] == [str(integration.pk)] * put_off
    assert sent() == []
    sweeper.sweep()
    assert sent() == [], "it is not due yet"
    SyncJob.objects.update(next_attempt_at=timezone.now())
    Connection.objects.update(not_before=None)
    sweeper.sweep()
    assert sent() == [str(integration.pk)]


def test_a_worker_that_finds_another_at_work_leaves_the_ringing_to_it():
    integration = IntegrationFactory()
    flow = FakeFlow(source={"1": {"name": "x"}, "2": {"name": "y"}})
    JobFactory(integration=integration, flow=flow.key, external_id="1")

    def more_comes_in(ctx, writes):
        if not SyncJob.objects.filter(external_id="2").exists():
            JobFactory(integration=integration, flow=flow.key, external_id="2", next_attempt_at=timezone.now())
            assert runner.run(str(integration.pk), recipes_with(flow)) == "busy"

    flow.before_write = more_comes_in
    runner.run(str(integration.pk), recipes_with(flow), slice_seconds=0)

    [message] = QUEUE.messages
    assert (message.key, message.busy) == (str(integration.pk), False)
    runner.run(str(integration.pk), recipes_with(flow))
    assert dict(SyncJob.objects.values_list("external_id", "state")) == {"1": "done", "2": "done"}


def start_a_run(integration, job):
    runs.start(integration, "fetch_all", "person_to_contact")


def cancel_a_run(integration, job):
    run = RunFactory(integration=integration, kind="fetch_all", flow="person_to_contact")
    assert runs.cancel(run)


def resync(integration, job):
    replay.resync(integration, "person_to_contact", ["77"])


def release_one(integration, job):
    SyncJob.objects.update(state="dead")
    assert replay.release([job]) == 1


def release_all_held(integration, job):
    SyncJob.objects.update(state="held", reason="credentials_refused")
    assert connection_health.release_held(integration) == 1


def resume(integration, job):
    Integration.objects.update(state="paused")
    lifecycle.resume(Integration.objects.get())


@pytest.mark.parametrize("way", [start_a_run, cancel_a_run, resync, release_one, release_all_held, resume])
def test_whatever_puts_work_into_the_rows_rings(way):
    integration = IntegrationFactory()
    job = JobFactory(integration=integration, next_attempt_at=timezone.now() - timedelta(seconds=1))

    way(integration, job)

    assert sent() == [str(integration.pk)]


def test_a_replay_rings_for_the_router():
    EventFactory(state="routed")

    assert replay.replay(WebhookEvent.objects.all()) == 1

    assert sent() == [wakeups.ROUTER]


def test_the_drain_of_tests_notices_work_that_nobody_rang_for(world):
    """The net itself: an event in the rows without a message, and a transaction that is still open."""
    EventFactory(connection=world.integration.left)
    with pytest.raises(AssertionError, match="nobody rang for it"):
        hub.drain()

    with pytest.raises(AssertionError, match="before the transaction"), transaction.atomic():
        wakeups.wake_now(wakeups.ROUTER)
