"""The router: events become jobs, many events one job, and every event says what became of it."""

from __future__ import annotations

import contextlib
import threading
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from integration.engine.dispatch import wakeups
from integration.engine.flow.base import Route, Skip
from integration.engine.sync import router
from integration.models import Doorbell, SyncJob, WebhookEvent
from tests.support.factories import EventFactory, IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

push = wakeups.push  # the real one: every test has a quiet one in its place
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def integration():
    return IntegrationFactory()


def event(integration, external_id, name="person.change", **values):
    return EventFactory(connection=integration.left, external_id=external_id, vendor_event=name, **values)


@pytest.mark.chaos("W3")
def test_many_events_of_one_record_become_one_job_with_the_newest_event(integration):
    events = [event(integration, "7") for _ in range(3)]

    assert router.route_new_events(recipes_with(FakeFlow())) == 3

    job = SyncJob.objects.get()
    assert (job.external_id, job.event, job.state) == ("7", events[-1], "waiting")
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {"routed"}


@pytest.mark.chaos("W12")
def test_an_event_nobody_listens_to_is_kept_and_says_so(integration):
    event(integration, "7", "stage.change")

    router.route_new_events(recipes_with(FakeFlow()))

    assert WebhookEvent.objects.values_list("state", "reason").get() == ("ignored", "unhandled_event")


def test_a_flow_that_is_off_gets_nothing(integration):
    integration.settings = {"off": True}
    integration.save(update_fields=["settings"])
    event(integration, "7")

    router.route_new_events(recipes_with(FakeFlow()))

    assert not SyncJob.objects.exists()


@pytest.mark.parametrize("state", ["done", "dead", "held", "running"])
def test_a_new_event_puts_any_job_back_to_waiting(integration, state):
    JobFactory(integration=integration, external_id="7", state=state, attempts=5, claim_token="x", reason="r")
    event(integration, "7")

    router.route_new_events(recipes_with(FakeFlow()))

    job = SyncJob.objects.get()
    assert (job.state, job.attempts, job.claim_token, job.reason) == ("waiting", 0, "", "")


def test_what_waiting_events_knew_is_kept(integration):
    event(integration, "7", payload={"merged_into": "9"})
    router.route_new_events(recipes_with(FakeFlow()))
    event(integration, "7", payload={"other": 1})

    router.route_new_events(recipes_with(FakeFlow()))

    assert SyncJob.objects.get().hint == {"merged_into": "9", "other": 1}


def test_a_paused_integration_collects_jobs(integration):
    integration.state = "paused"
    integration.save(update_fields=["state"])
    event(integration, "7")

    router.route_new_events(recipes_with(FakeFlow()))

    assert list(SyncJob.objects.values_list("state", flat=True)) == ["waiting"]


def test_each_integration_on_a_connection_gets_its_job(integration):
    other = IntegrationFactory(tenant=integration.tenant, left=integration.left)
    event(integration, "7")

    router.route_new_events(recipes_with(FakeFlow()))

    assert set(SyncJob.objects.values_list("integration", flat=True)) == {integration.pk, other.pk}


def test_the_doorbell_rings_once_for_a_burst(integration, rings):
    for _ in range(5):
        wakeups.wake("router")
    assert rings == ["router"]

    wakeups.acknowledge("router")
    wakeups.wake("router")
    assert rings == ["router", "router"]


def test_a_broken_broker_disturbs_nobody(monkeypatch):
    monkeypatch.setattr(wakeups, "push", push)
    monkeypatch.setattr(wakeups, "broker_down_until", 0.0)

    def down(*args, **kwargs):
        raise ConnectionError("redis is down")

    monkeypatch.setattr(wakeups, "async_task", down)

    try:
        wakeups.wake("router")
    except ConnectionError:
        pytest.fail("whoever rang is disturbed")

    assert Doorbell.objects.get(key="router").rung_at is None
    monkeypatch.setattr(wakeups, "broker_down_until", 0.0)


def test_a_burst_waits_once_and_is_never_put_off_again(integration):
    class Patient(FakeFlow):
        def route(self, ctx, event):
            return [Route(event.external_id, delay=event.payload.get("delay", 0))]

    recipes = recipes_with(Patient())
    before = timezone.now()
    event(integration, "7", payload={"delay": 30})
    event(integration, "7", payload={"delay": 5})
    router.route_new_events(recipes)
    first = SyncJob.objects.get().next_attempt_at
    assert timedelta(seconds=4) < first - before < timedelta(seconds=7)

    event(integration, "7", payload={"delay": 60})
    router.route_new_events(recipes)
    assert SyncJob.objects.get().next_attempt_at == first

    event(integration, "7")
    router.route_new_events(recipes)
    assert SyncJob.objects.get().next_attempt_at <= timezone.now()


def test_a_job_that_backs_off_does_not_wait_longer_for_a_new_event(integration):
    later = timezone.now() + timedelta(hours=4)
    JobFactory(integration=integration, external_id="7", attempts=9, next_attempt_at=later)
    event(integration, "7")

    router.route_new_events(recipes_with(FakeFlow()))

    assert SyncJob.objects.get().next_attempt_at <= timezone.now()


def test_two_events_of_one_portion_keep_what_both_knew(integration):
    event(integration, "7", payload={"unsubscription": "2026-11-20", "said": 1})
    event(integration, "7", payload={"said": 2})

    router.route_new_events(recipes_with(FakeFlow()))

    assert SyncJob.objects.get().hint == {"unsubscription": "2026-11-20", "said": 2}


def test_a_later_event_of_one_portion_never_makes_the_record_wait_longer(integration):
    class Patient(FakeFlow):
        def route(self, ctx, event):
            return [Route(event.external_id, delay=event.payload["delay"])]

    for delay in (0, 600):
        event(integration, "7", payload={"delay": delay})
    router.route_new_events(recipes_with(Patient()))

    assert SyncJob.objects.get().next_attempt_at <= timezone.now()


def test_one_event_that_cannot_be_routed_keeps_no_other_waiting(integration, caplog):
    class Choosy(FakeFlow):
        def route(self, ctx, event):
            if event.external_id == "bad":
                raise KeyError("properties")
            return super().route(ctx, event)

    first, bad, last = (event(integration, key) for key in ("1", "bad", "2"))
    try:
        assert router.route_new_events(recipes_with(Choosy())) == 3
    except KeyError:
        pytest.fail("it stopped them all")

    assert set(SyncJob.objects.values_list("external_id", flat=True)) == {"1", "2"}
    bad.refresh_from_db()
    assert (bad.state, bad.reason) == ("ignored", "internal_error")
    assert str(bad.pk) in caplog.text
    assert set(WebhookEvent.objects.filter(pk__in=(first.pk, last.pk)).values_list("state", flat=True)) == {"routed"}


def test_a_flow_that_fails_on_an_event_keeps_no_other_from_hearing_of_it(integration):
    class Failing(FakeFlow):
        def route(self, ctx, event):
            raise KeyError("properties")

    event(integration, "7")
    router.route_new_events(recipes_with(Failing(), FakeFlow(key="other")))

    assert list(SyncJob.objects.values_list("flow", "external_id")) == [("other", "7")]


def test_more_events_than_one_portion_are_routed_in_one_go(integration, monkeypatch, rings):
    monkeypatch.setattr(router, "PORTION", 2)
    for key in "12345":
        event(integration, key)

    assert router.route_new_events(recipes_with(FakeFlow())) == 5

    assert SyncJob.objects.count() == 5
    assert not WebhookEvent.objects.filter(state="new").exists()
    assert set(rings) == {str(integration.pk)}


def test_a_router_killed_in_the_middle_leaves_its_events_new_and_no_job(integration):
    def die(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and WebhookEvent._meta.db_table in sql:
            raise KeyboardInterrupt
        return execute(sql, params, many, context)

    event(integration, "7")
    with database.execute_wrapper(die), pytest.raises(KeyboardInterrupt):
        router.route_new_events(recipes_with(FakeFlow()))

    assert not SyncJob.objects.exists()
    assert WebhookEvent.objects.get().state == "new"


@pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite has one writer")
def test_a_second_router_passes_over_what_the_first_has_in_hand(integration):
    event(integration, "1")
    claimed, routed = threading.Event(), threading.Event()
    counts = []

    class Slow(FakeFlow):
        def route(self, ctx, event):
            claimed.set()
            routed.wait(5)
            return super().route(ctx, event)

    def first():
        counts.append(router.route_new_events(recipes_with(Slow())))
        database.close()

    worker = threading.Thread(target=first)
    worker.start()
    assert claimed.wait(5)
    event(integration, "2")

    second = router.route_new_events(recipes_with(FakeFlow()))

    assert (counts, second) == ([], 1)
    routed.set()
    worker.join(10)
    assert counts == [1]


@pytest.mark.parametrize("hint", ["run", "resync", "allow_doi"])
def test_what_a_resync_said_of_itself_does_not_stick_to_a_later_event(integration, hint):
    JobFactory(integration=integration, external_id="7", hint={hint: "x", "merged_into": "9"})
    event(integration, "7", payload={"other": 1})

    router.route_new_events(recipes_with(FakeFlow()))

    assert SyncJob.objects.get().hint == {"merged_into": "9", "other": 1}


def test_a_deferred_event_never_speaks_over_a_newer_one(integration):
    older = event(integration, "7", payload={"said": "older", "more": 1}, deferred=True)
    newer = event(integration, "7", payload={"said": "newer"})
    JobFactory(integration=integration, external_id="7", event=newer, hint={"said": "newer"})
    WebhookEvent.objects.filter(pk=newer.pk).update(state="routed")

    router.route_new_events(recipes_with(FakeFlow()))

    assert older.pk < newer.pk
    assert SyncJob.objects.get().hint == {"said": "newer", "more": 1}


def test_no_worker_comes_before_what_it_shall_find_is_committed(integration, rings):
    with transaction.atomic():
        wakeups.wake("router")
        assert rings == []

    assert rings == ["router"]


def test_what_was_rolled_back_rings_nobody(integration, rings):
    with contextlib.suppress(KeyError), transaction.atomic():
        wakeups.wake("router")
        raise KeyError

    assert rings == []


@pytest.mark.parametrize(("age", "rung"), [(25, []), (35, ["router"])], ids=["on its way", "lost"])
def test_a_ring_that_was_lost_silences_nobody_for_ever(rings, age, rung):
    Doorbell.objects.create(key="router", rung_at=timezone.now() - timedelta(seconds=age))

    wakeups.wake("router")

    assert rings == rung


@pytest.mark.parametrize("broken_first", [True, False])
def test_a_flow_that_cannot_route_an_event_keeps_no_other_flow_from_hearing_of_it(integration, broken_first):
    class Broken(FakeFlow):
        def route(self, ctx, event):
            raise KeyError("properties")

    flows = [Broken(key="broken"), FakeFlow()]
    routed = event(integration, "7")

    router.route_new_events(recipes_with(*(flows if broken_first else flows[::-1])))

    assert list(SyncJob.objects.values_list("flow", "external_id")) == [("person_to_contact", "7")]
    routed.refresh_from_db()
    assert routed.state == "routed"


def test_a_flow_that_passes_over_an_event_keeps_no_other_flow_from_hearing_of_it(integration):
    class Choosy(FakeFlow):
        def route(self, ctx, event):
            return Skip("echo")

    routed = event(integration, "7")
    router.route_new_events(recipes_with(Choosy(key="choosy"), FakeFlow(), Choosy(key="another")))

    assert list(SyncJob.objects.values_list("flow", flat=True)) == ["person_to_contact"]
    routed.refresh_from_db()
    assert (routed.state, routed.reason) == ("routed", "")

    passed_over = event(integration, "8")
    router.route_new_events(recipes_with(Choosy(key="choosy")))

    passed_over.refresh_from_db()
    assert (passed_over.state, passed_over.reason) == ("ignored", "echo")
