"""Records that go together: their order, what is stored when, who is to blame, and runs that wait for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integration.engine.flow.base import Course, Item, Record, Stage
from integration.engine.flow.session import SyncSession
from integration.engine.sync import runner, runs
from integration.errors import RecordError, TransientError
from integration.models import RecordLink, SyncJob, SyncLog, SyncRun
from tests.support.factories import IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def integration():
    return IntegrationFactory()


@dataclass
class Bringer(FakeFlow):
    """Brings for each of its records one of `first` with the same id, and leaves one of `later` for another batch."""

    key: str = "bringer"
    link_type: str = "bringer"
    is_composite = True

    def stages(self, ctx: SyncSession, items: Sequence[Item], found: Mapping[str, Record] | None) -> Course:
        known = self.read(ctx, items) if found is None else found
        if any(record.values.get("crash") for record in known.values()):
            raise ZeroDivisionError("a bug of ours")
        done = yield Stage("first", items, {key: Record(key, {"name": f"before {key}"}) for key in known})
        fine = {entry.item.external_id for entry in done if entry.result.outcome == "synced"}
        yield Stage(self.key, [item for item in items if item.external_id in fine], known, own=True)
        yield Stage(self.key, [item for item in items if item.external_id not in fine], {}, own=True)
        yield Stage("later", items, later=True)


def flow(key, **more: Any):
    return FakeFlow(key=key, label=key, link_type=key, events=frozenset(), runs=frozenset(), **more)


def queue(integration, *keys):
    for key in keys:
        JobFactory(integration=integration, flow="bringer", external_id=key)


def states():
    return dict(SyncJob.objects.filter(flow="bringer").values_list("external_id", "state"))


def test_what_goes_first_is_written_first_and_stored_with_its_own_flow(integration):
    first, bringer, later = flow("first"), Bringer(source={"1": {"name": "one"}, "2": {"name": "two"}}), flow("later")
    order: list[str] = []
    first.before_write = lambda ctx, writes: order.append("first")
    bringer.before_write = lambda ctx, writes: order.append("bringer")
    queue(integration, "1", "2")

    runner.run(str(integration.pk), recipes_with(bringer, first, later))

    assert order == ["first", "bringer"]
    assert states() == {"1": "done", "2": "done"}
    assert RecordLink.objects.filter(link_type="first", state="active").count() == 2
    assert set(SyncLog.objects.values_list("flow", "source_id")) >= {
        (name, key) for name in ("first", "bringer") for key in ("1", "2")
    }  # fmt: skip
    assert SyncJob.objects.filter(flow="later").count() == 2


def test_what_fails_in_a_part_becomes_a_job_of_its_own_flow(integration):
    first, bringer, later = flow("first"), Bringer(source={"1": {"name": "one"}, "2": {"name": "two"}}), flow("later")

    def refuse(ctx, writes):
        if any(write.item.external_id == "2" for write in writes):
            raise RecordError("refused")

    first.before_write = refuse
    queue(integration, "1", "2")
    runner.run(str(integration.pk), recipes_with(bringer, first, later))
    assert states() == {"1": "done", "2": "done"}
    job = SyncJob.objects.get(flow="first")
    assert (job.external_id, job.state, job.reason) == ("2", "dead", "record_refused")
    assert SyncLog.objects.get(flow="bringer", source_id="2").reason == "deleted_at_source"


def test_a_stopped_job_is_settled_once_its_record_went_through_with_others(integration):
    first, bringer, later = flow("first"), Bringer(source={"1": {"name": "one"}}), flow("later")
    JobFactory(integration=integration, flow="first", external_id="1", state="dead", reason="record_refused")
    JobFactory(integration=integration, flow="first", external_id="2", state="dead", reason="record_refused")
    queue(integration, "1")
    runner.run(str(integration.pk), recipes_with(bringer, first, later))
    assert dict(SyncJob.objects.filter(flow="first").values_list("external_id", "state")) == {"1": "done", "2": "dead"}


def test_an_error_of_the_vendor_lets_the_whole_batch_wait_and_keeps_what_was_stored(integration):
    first, bringer, later = flow("first"), Bringer(source={"1": {"name": "one"}}), flow("later")
    bringer.before_write = lambda ctx, writes: (_ for _ in ()).throw(TransientError("later"))
    queue(integration, "1")
    runner.run(str(integration.pk), recipes_with(bringer, first, later))
    assert states() == {"1": "waiting"}
    assert RecordLink.objects.filter(link_type="first").count() == 1
    assert not RecordLink.objects.filter(link_type="bringer").exists()


def test_a_mistake_of_ours_with_one_record_stops_no_other(integration):
    source = {str(number): {"name": "x"} for number in range(8)} | {"bad": {"crash": True}}
    bringer = Bringer(source=source)
    queue(integration, *source)
    runner.run(str(integration.pk), recipes_with(bringer, flow("first"), flow("later")))
    assert [key for key, state in states().items() if state == "dead"] == ["bad"]
    assert len(bringer.target) == 8


def test_a_run_counts_what_came_along_and_a_dry_one_stores_nothing(integration):
    source = {str(number): {"name": "x"} for number in range(3)}
    bringer = Bringer(source=source)
    recipes = recipes_with(bringer, flow("first"), flow("later"))
    JobFactory(integration=integration, flow="first", external_id="1", state="dead", reason="refused")
    dry = runs.start(integration, "fetch_all", "bringer", dry_run=True)
    runner.run(str(integration.pk), recipes)
    dry.refresh_from_db()
    assert (dry.state, dry.done, dry.counts) == ("done", 3, {"update": 6})
    assert not RecordLink.objects.exists()
    assert not SyncLog.objects.exists()
    assert SyncJob.objects.get().state == "dead"

    real = runs.start(integration, "fetch_all", "bringer")
    runner.run(str(integration.pk), recipes)
    real.refresh_from_db()
    assert (real.done, real.counts) == (3, {"update": 6})
    assert bringer.target == source


def test_a_run_waits_for_those_that_go_first_and_comes_due_with_them(integration):
    first, second = flow("first", source={"1": {"name": "x"}}), flow("second", source={"2": {"name": "y"}})
    second.runs_after = ("first",)  # type: ignore[attr-defined]
    waiting = runs.start(integration, "fetch_all", "second")
    leading = runs.start(integration, "fetch_all", "first")
    later = timezone.now() + timedelta(minutes=5)
    SyncRun.objects.filter(pk=leading.pk).update(next_attempt_at=later)

    assert runner.run(str(integration.pk), recipes_with(first, second)) == "idle"
    waiting.refresh_from_db()
    assert (waiting.state, waiting.next_attempt_at, second.target) == ("waiting", later, {})

    SyncRun.objects.update(next_attempt_at=timezone.now())
    runner.run(str(integration.pk), recipes_with(first, second))
    assert set(SyncRun.objects.values_list("state", flat=True)) == {"done"}


def test_runs_of_another_kind_do_not_wait(integration):
    first, second = flow("first", source={"1": {"name": "x"}}), flow("second", source={"2": {"name": "y"}})
    second.runs_after = ("first",)  # type: ignore[attr-defined]
    runs.start(integration, "poll", "first")
    SyncRun.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=5))
    runs.start(integration, "fetch_all", "second")
    runner.run(str(integration.pk), recipes_with(first, second))
    assert second.target == second.source
