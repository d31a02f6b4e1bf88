"""A run's page in parts: progress and Cancel within seconds, nobody counted twice, bulk calls kept whole."""

from __future__ import annotations

import time

import pytest

from integration.engine.clients import session
from integration.engine.sync import page_parts, runner, runs
from integration.engine.sync.one_by_one import write_each
from integration.models import Integration, RecordLink, RunState, State, SyncJob, SyncRun
from integration.recipes.registry import get_recipe
from sandbox.leadboxer.seed import SITE
from tests.support.factories import IntegrationFactory
from tests.support.fake_recipe import FakeFlow, people, work
from tests.support.leadboxer_world import LEADS

pytestmark = pytest.mark.django_db(transaction=True)

LATENCY_MS = 150
WITHIN = 5.0  # seconds


class Slow(FakeFlow):
    """One call per record, each of which takes half a second of the test's clock."""

    clock: Clock

    def write(self, ctx, writes):
        return write_each(ctx, writes, lambda write: self.one(ctx, write))

    def one(self, ctx, write):
        self.clock.now += 0.5
        [result] = super().write(ctx, [write])
        return result


class Clock:
    """Time that passes only when somebody says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    return clock


@pytest.fixture
def slow(clock):
    flow = Slow(source=people(40), page_size=40)
    flow.clock = clock
    return flow


@pytest.fixture
def integration():
    return IntegrationFactory()


@pytest.fixture
def progress(monkeypatch):
    """How many records were done, each time it was stored."""
    seen = []
    save = SyncRun.save

    def noting(run, **kwargs):
        save(run, **kwargs)
        seen.append(run.done)

    monkeypatch.setattr(SyncRun, "save", noting)
    return seen


def test_a_page_of_single_calls_is_stored_part_by_part(integration, slow, progress):
    run = runs.start(integration, "fetch_all", slow.key)

    work(integration, slow)

    run.refresh_from_db()
    assert (run.state, run.done, run.counts) == ("done", 40, {"update": 40})
    steps = [later - before for before, later in zip(progress, progress[1:], strict=False) if later > before]
    assert len(steps) >= 7
    assert max(steps) <= page_parts.PART_SECONDS / 0.5 + 1
    assert not SyncJob.objects.exists()  # what gave way stayed on its page
    assert (run.page_done, run.cursor) == ([], None)


def test_a_page_of_one_bulk_call_stays_one_part(integration, progress):
    flow = FakeFlow(source=people(40), page_size=40)
    runs.start(integration, "fetch_all", flow.key)

    work(integration, flow)

    assert [len(batch) for batch in flow.writes] == [40]


def test_cancel_is_heard_within_the_page(integration, slow):
    run = runs.start(integration, "fetch_all", slow.key)
    slow.before_write = lambda ctx, writes: slow.target and len(slow.target) == 9 and runs.cancel(run)

    work(integration, slow)

    run.refresh_from_db()
    assert run.state == "cancelled"
    assert run.done == len(slow.target) == RecordLink.objects.count()
    assert 9 < run.done < 20


def test_a_paused_integration_is_left_within_the_page(integration, slow):
    run = runs.start(integration, "fetch_all", slow.key)
    slow.before_write = lambda ctx, writes: len(slow.target) == 9 and Integration.objects.update(state=State.PAUSED)

    work(integration, slow)

    run.refresh_from_db()
    assert run.state == "running"
    assert 9 < run.done == len(slow.target) < 20
    assert runs.cancel(run)
    run.refresh_from_db()
    assert run.state == "cancelled"  # at once: nobody works on it


@pytest.mark.chaos("V10")
def test_a_worker_killed_within_a_page_counts_nobody_twice(integration, slow):
    run = runs.start(integration, "fetch_all", slow.key)

    def killed(ctx, writes):
        if len(slow.target) == 17:
            raise KeyboardInterrupt

    slow.before_write = killed
    with pytest.raises(KeyboardInterrupt):
        work(integration, slow)
    run.refresh_from_db()
    before = run.done
    assert 5 <= before <= 17
    assert len(run.page_done) == before

    slow.before_write = lambda ctx, writes: None
    slow.source = {**people(41), "000": {"name": "New"}}  # rows moved: one more before, one more behind
    slow.page_size = 42
    del slow.source["001"]
    Integration.objects.update(lease_until=None)
    work(integration, slow)

    run.refresh_from_db()
    assert run.state == "done"
    assert sum(run.counts.values()) == run.done == 42  # 40 of the first reading, one of whom is gone, and two more
    assert set(slow.target) == {*people(41), "000"}


def test_a_cancelled_run_ends_although_a_vendor_is_waited_for(integration):
    flow = FakeFlow(source=people(12))
    run = runs.start(integration, "fetch_all", flow.key)
    SyncRun.objects.update(next_attempt_at="2099-01-01T00:00Z")
    integration.left.not_before = "2099-01-01T00:00Z"
    integration.left.save()

    assert runs.cancel(run)
    work(integration, flow)

    run.refresh_from_db()
    assert (run.state, flow.reads) == ("cancelled", [])


def test_a_cancelled_run_continues_where_it_stopped(integration, slow):
    run = runs.start(integration, "fetch_all", slow.key, options={"allow_doi": True})
    slow.before_write = lambda ctx, writes: len(slow.target) == 9 and runs.cancel(run)
    work(integration, slow)
    run.refresh_from_db()
    slow.before_write = lambda ctx, writes: None

    again = runs.resume(run)
    work(integration, slow)

    again.refresh_from_db()
    assert (again.state, again.kind, again.flow, again.options["allow_doi"]) == ("done", "fetch_all", slow.key, True)
    assert again.done == again.total == 40 - run.done
    assert again.counts == {"update": 40 - run.done}
    assert [name for batch in slow.writes for name in batch] == sorted(slow.source)  # each once
    with pytest.raises(runs.NothingToContinue):
        runs.resume(again)


# Against the sandbox


def wait_for(run, ask_after):
    """Work on the run; press Cancel after so many calls. Returns the pauses between two signs of progress."""
    moments = [time.monotonic()]
    asked: list[float] = []
    calls = 0
    save, row = SyncRun.save, session.call_row

    def noting(row_of_run, **kwargs):
        save(row_of_run, **kwargs)
        moments.append(time.monotonic())

    def counting(*args):
        nonlocal calls
        calls += 1
        if calls == ask_after:
            asked.append(time.monotonic())
            runs.cancel(run)
        return row(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyncRun, "save", noting)
        patch.setattr(session, "call_row", counting)
        while SyncRun.objects.filter(pk=run.pk, state__in=runs.UNFINISHED).exists():
            runner.run(str(run.integration_id), get_recipe)
    pauses = [later - before for before, later in zip(moments, moments[1:], strict=False)]
    return max(pauses), time.monotonic() - asked[0] if asked else 0.0


def slow_down(sandbox, *vendors):
    for vendor in vendors:
        sandbox.control("POST", "/misbehave", {"vendor": vendor, "latency_ms": LATENCY_MS})


@pytest.mark.slow
def test_people_in_bulk_show_progress_and_can_be_cancelled(world):
    world.integration.settings = {**world.integration.settings, "doi_enabled": False, "permission": "1"}
    world.integration.save()
    world.seed_people(2_500)
    slow_down(world.sandbox, "pipedrive", "maileon")

    run = runs.start(world.integration, "fetch_all", "person_to_contact")
    longest, until_end = wait_for(run, ask_after=6)

    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert 0 < run.done < 2_500
    assert max(longest, until_end) < WITHIN, (longest, until_end)


@pytest.mark.slow
def test_an_opt_in_mail_per_person_shows_progress_and_can_be_cancelled(world):
    world.seed_people(60)
    slow_down(world.sandbox, "pipedrive", "maileon")

    run = runs.start(world.integration, "fetch_all", "person_to_contact", options={"allow_doi": True})
    longest, until_end = wait_for(run, ask_after=40)

    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert 0 < run.done < 60
    assert len(world.mails()) == run.counts["ask_by_mail"]
    assert max(longest, until_end) < WITHIN, (longest, until_end)


@pytest.mark.slow
def test_leads_one_by_one_show_progress_and_can_be_cancelled(leadboxer_install):
    world = leadboxer_install(**LEADS, leads_link="both")
    world.sandbox.control("POST", f"/leadboxer/401/{SITE}/seed", {"count": 80, "minutes_ago": 12})
    slow_down(world.sandbox, "leadboxer", "pipedrive")

    run = runs.start(world.integration, "fetch_all", "lead_to_lead")
    longest, until_end = wait_for(run, ask_after=60)

    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert run.done > 0
    assert max(longest, until_end) < WITHIN, (longest, until_end)
