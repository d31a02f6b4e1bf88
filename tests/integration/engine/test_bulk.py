"""Bulk work as runs: what was chosen is worked on once, live traffic first, cancellable, stopped jobs settled."""

from __future__ import annotations

import pytest

from integration.engine.sync import bulk_runs, runs
from integration.errors import RecordError
from integration.models import SyncJob, SyncLog, SyncRun
from tests.support.factories import EventFactory, IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, people, recipes_with, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def integration():
    return IntegrationFactory()


@pytest.mark.chaos("H6")
def test_each_chosen_record_is_worked_on_once(integration):
    flow = FakeFlow(source=people(12))
    chosen = [(integration, flow.key, key) for key in ("003", "007", "003", "011")]

    (run,) = bulk_runs.start_resync(chosen, None).runs
    work(integration, flow)

    run.refresh_from_db()
    assert (run.kind, run.state, run.done, run.total) == ("resync", "done", 3, 3)
    assert sorted(flow.target) == ["003", "007", "011"]
    assert SyncLog.objects.filter(run=run).count() == 3


def test_one_run_per_integration_and_flow(integration):
    other = IntegrationFactory()
    uninstalled = IntegrationFactory(state="uninstalled")

    started = bulk_runs.start_resync([(row, "f", "1") for row in (integration, other, uninstalled)], None)

    assert {run.integration_id for run in started.runs} == {integration.pk, other.pk}


def test_a_second_one_waits_for_the_first_and_the_others_start(integration):
    other = IntegrationFactory()
    bulk_runs.start_resync([(integration, "f", "1")], None)

    started = bulk_runs.start_resync([(other, "f", "1"), (integration, "f", "2")], None)

    assert [run.integration_id for run in started.runs] == [other.pk]
    assert started.refused == [f"{integration}: A resync of f is already under way. Wait for it or cancel it first."]


def test_a_dead_job_is_settled_with_what_its_events_knew(integration):
    flow = FakeFlow(source=people(2))
    job = JobFactory(integration=integration, flow=flow.key, external_id="001", state="dead",
                     reason="record_refused", hint={"merged_into": "002"})  # fmt: skip
    seen = []
    flow.before_write = lambda ctx, writes: seen.extend(dict(write.item.hint) for write in writes)

    bulk_runs.start_resync([(integration, flow.key, "001")], None)
    work(integration, flow)

    job.refresh_from_db()
    assert (job.state, job.reason, job.hint) == ("done", "", {})
    assert seen[0]["merged_into"] == "002"
    assert seen[0]["resync"] is True


def test_a_record_that_fails_again_stays_dead_and_its_neighbours_go_on(integration):
    flow = FakeFlow(source=people(3))
    JobFactory(integration=integration, flow=flow.key, external_id="002", state="dead", reason="record_refused")

    def refuse(ctx, writes):
        if any(write.item.external_id == "002" for write in writes):
            raise RecordError("The vendor says no.")

    flow.before_write = refuse
    bulk_runs.start_resync([(integration, flow.key, key) for key in people(3)], None)
    work(integration, flow)

    assert sorted(flow.target) == ["001", "003"]
    assert SyncJob.objects.get(external_id="002").state == "dead"
    assert SyncRun.objects.get().counts == {"update": 2, "failed:record_refused": 1}


@pytest.mark.chaos("H6")
def test_live_changes_go_first(integration):
    flow = FakeFlow(source=people(30))
    bulk_runs.start_resync([(integration, flow.key, key) for key in people(20)], None)
    JobFactory(integration=integration, flow=flow.key, external_id="030")

    work(integration, flow, slice_seconds=0)

    assert flow.writes[0] == ["030"]


@pytest.mark.chaos("H6")
def test_it_stops_when_cancelled_and_keeps_what_was_done(integration):
    flow = FakeFlow(source=people(25))
    (run,) = bulk_runs.start_resync([(integration, flow.key, key) for key in people(25)], None).runs
    work(integration, flow, slice_seconds=0)
    runs.cancel(run)
    work(integration, flow)

    run.refresh_from_db()
    assert (run.state, run.done, len(flow.target)) == ("cancelled", flow.batch_size, flow.batch_size)


def test_events_are_replayed_oldest_first_and_once_per_record(integration):
    flow = FakeFlow(source=people(3))
    event = next(iter(flow.events))
    rows = [
        EventFactory(connection=integration.left, vendor_event=event, external_id=key, state="routed")
        for key in ("001", "002", "001")
    ]
    silent = EventFactory(connection=integration.left, vendor_event="nobody.listens", state="ignored")

    (run,) = bulk_runs.start_replay([*rows, silent], recipes_with(flow), None).runs
    work(integration, flow)

    run.refresh_from_db()
    assert (run.kind, run.state, run.total) == ("replay", "done", 2)
    assert sorted(flow.target) == ["001", "002"]
    assert SyncLog.objects.get(source_id="001").event_id == rows[2].pk
