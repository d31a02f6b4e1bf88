"""The router: events become jobs, many events one job, and every event says what became of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration.engine import doorbell, router
from integration.engine.flow import Route
from integration.models import SyncJob, WebhookEvent
from tests.support.factories import EventFactory, IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

push = doorbell._push  # the real one: every test has a quiet one in its place
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

    assert SyncJob.objects.get().state == "waiting"


def test_each_integration_on_a_connection_gets_its_job(integration):
    other = IntegrationFactory(tenant=integration.tenant, left=integration.left)
    event(integration, "7")

    router.route_new_events(recipes_with(FakeFlow()))

    assert set(SyncJob.objects.values_list("integration", flat=True)) == {integration.pk, other.pk}


def test_the_doorbell_rings_once_for_a_burst(integration, rings):
    for _ in range(5):
        doorbell.ring("router")
    assert rings == ["router"]

    doorbell.answered("router")
    doorbell.ring("router")
    assert rings == ["router", "router"]


def test_a_broken_broker_disturbs_nobody(monkeypatch):
    monkeypatch.setattr(doorbell, "_push", push)
    monkeypatch.setattr(doorbell, "_broker_down_until", 0.0)

    def down(*args, **kwargs):
        raise ConnectionError("redis is down")

    monkeypatch.setattr(doorbell, "async_task", down)

    doorbell.ring("router")

    from integration.models import Doorbell

    assert Doorbell.objects.get(key="router").rung_at is None
    monkeypatch.setattr(doorbell, "_broker_down_until", 0.0)


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
