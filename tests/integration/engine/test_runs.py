"""Runs: pages, resuming, dry run, cancelling, what becomes of records that fail on a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone

from integration import retry
from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Item, Record, RecordOutcome, Result, Skip, Sync
from integration.engine.sync import outcomes, runs
from integration.errors import RateLimited, RecordError, TransientError
from integration.models import Cursor, IdentityIndex, Integration, RecordLink, SyncJob, SyncLog, SyncRun
from tests.support.factories import IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, people, recipes_with, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def integration():
    return IntegrationFactory()


def test_fetch_all_walks_over_every_page(integration):
    flow = FakeFlow(source=people(12))
    run = runs.start(integration, "fetch_all", flow.key)

    work(integration, flow)

    run.refresh_from_db()
    assert (run.state, run.done, run.total, run.counts) == ("done", 12, 12, {"update": 12})
    assert flow.target == flow.source
    assert [len(page) for page in flow.writes] == [5, 5, 2]


@pytest.mark.chaos("V10")
def test_a_killed_run_resumes_at_its_page(integration):
    flow = FakeFlow(source=people(12))
    runs.start(integration, "fetch_all", flow.key)
    work(integration, flow, slice_seconds=0)
    before = SyncRun.objects.get()

    def killed(ctx, writes):
        raise KeyboardInterrupt

    flow.before_write = killed
    with pytest.raises(KeyboardInterrupt):
        work(integration, flow)
    flow.before_write = lambda ctx, writes: None
    Integration.objects.update(lease_until=None)
    work(integration, flow)

    run = SyncRun.objects.get()
    assert before.done == 5
    assert (run.state, run.done) == ("done", 12)
    assert [len(batch) for batch in flow.writes] == [5, 5, 2]


def test_a_dry_run_counts_and_shows_samples_but_writes_nothing(integration):
    flow = FakeFlow(source={**people(3), "x": {"skip": "no_email", "name": "X"}})
    run = runs.start(integration, "fetch_all", flow.key, dry_run=True)

    work(integration, flow)

    run.refresh_from_db()
    assert run.counts == {"update": 3, "skipped:no_email": 1}
    assert run.samples["skipped:no_email"] == [{"id": "x", "name": "X", "values": {}}]
    assert flow.target == {}
    assert not RecordLink.objects.exists()
    assert not SyncLog.objects.exists()


@pytest.mark.chaos("H5")
def test_a_cancelled_run_stops_at_its_next_page(integration):
    flow = FakeFlow(source=people(12))
    run = runs.start(integration, "fetch_all", flow.key)
    work(integration, flow, slice_seconds=0)

    assert runs.cancel(run)
    work(integration, flow)

    run.refresh_from_db()
    assert (run.state, run.done) == ("cancelled", 5)
    assert not runs.cancel(run)


@pytest.mark.chaos("H5")
def test_a_run_that_is_cancelled_in_the_middle_of_a_slice_stops_there(integration):
    flow = FakeFlow(source=people(12))
    run = runs.start(integration, "fetch_all", flow.key)
    flow.before_write = lambda ctx, writes: runs.cancel(run)

    work(integration, flow, slice_seconds=20)

    run.refresh_from_db()
    assert (run.state, run.done) == ("cancelled", 5)


def test_only_one_run_of_a_kind_at_a_time(integration):
    runs.start(integration, "fetch_all", "person_to_contact")

    with pytest.raises(runs.RunInProgress):
        runs.start(integration, "fetch_all", "person_to_contact")


def test_a_refused_record_becomes_a_dead_job_and_the_page_goes_on(integration):
    def refuse(ctx, writes):
        if any(write.item.external_id == "003" for write in writes):
            raise RecordError("too long")

    flow = FakeFlow(source=people(5), before_write=refuse)
    run = runs.start(integration, "fetch_all", flow.key)

    work(integration, flow)

    run.refresh_from_db()
    assert run.counts == {"update": 4, "failed:record_refused": 1}
    assert list(SyncJob.objects.values_list("external_id", "state", "reason")) == [("003", "dead", "record_refused")]


def test_a_page_that_cannot_be_had_now_is_tried_later(integration):
    flow = FakeFlow(source=people(5))
    runs.start(integration, "fetch_all", flow.key)
    flow.page = lambda *args: (_ for _ in ()).throw(TransientError("down", detail="503"))

    work(integration, flow)

    run = SyncRun.objects.get()
    assert (run.state, run.attempts, run.problem) == ("running", 1, "down 503")


def test_a_poll_remembers_how_far_it_read(integration):
    flow = FakeFlow(source=people(2))
    run = runs.start(integration, "poll", flow.key)

    work(integration, flow)

    run.refresh_from_db()
    assert list(Cursor.objects.values_list("name", "position")) == [(flow.key, run.started_at)]


def test_unchanged_records_of_a_second_pass_are_counted_but_not_logged(integration):
    flow = FakeFlow(source=people(4))
    runs.start(integration, "fetch_all", flow.key)
    work(integration, flow)
    second = runs.start(integration, "fetch_all", flow.key)

    work(integration, flow)

    second.refresh_from_db()
    assert second.counts == {"skipped:unchanged": 4}
    assert len(flow.writes) == 1
    assert SyncLog.objects.count() == 4


def test_what_is_quiet_is_logged_all_the_same_when_there_is_more_to_say(integration):
    flow = FakeFlow()
    ctx = OpenSession(integration, recipes_with(flow)("fake"))
    done = [
        RecordOutcome(Item("1"), None, None, Result("skipped", reason="echo", link_state=None)),
        RecordOutcome(
            Item("2"), None, None, Result("skipped", reason="echo", detail="phone: not a number", link_state=None)
        ),
    ]

    outcomes.save(ctx, flow, done, quiet=runs.QUIET["fetch_all"])

    assert list(SyncLog.objects.values_list("source_id", "detail")) == [("2", "phone: not a number")]


def test_a_page_of_a_worker_that_lost_its_lease_is_not_stored(integration):
    def steal(ctx, writes):
        Integration.objects.update(lease_token="thief", lease_until=timezone.now() + timedelta(minutes=1))

    flow = FakeFlow(source=people(5), before_write=steal)
    runs.start(integration, "fetch_all", flow.key)

    assert work(integration, flow) == "lost"

    run = SyncRun.objects.get()
    assert (run.state, run.done, run.cursor, run.counts) == ("running", 0, None, {})
    assert not RecordLink.objects.exists()
    assert not SyncLog.objects.exists()


def test_waiting_for_a_vendors_limit_uses_up_no_attempt_of_a_run(integration):
    flow = FakeFlow(source=people(5))
    runs.start(integration, "fetch_all", flow.key)
    SyncRun.objects.update(attempts=retry.RUN_PAGE.attempts - 1)
    flow.page = lambda *args: (_ for _ in ()).throw(RateLimited("slow", retry_after=120))

    work(integration, flow)

    run = SyncRun.objects.get()
    assert (run.state, run.attempts) == ("running", retry.RUN_PAGE.attempts - 1)


def test_a_run_that_fails_again_and_again_ends_and_says_why(integration):
    flow = FakeFlow(source=people(5))
    runs.start(integration, "fetch_all", flow.key)
    SyncRun.objects.update(attempts=retry.RUN_PAGE.attempts - 1)
    flow.page = lambda *args: (_ for _ in ()).throw(TransientError("down", detail="503"))

    work(integration, flow)

    assert SyncRun.objects.values_list("state", "problem").get() == ("failed", "down 503")


def test_a_run_of_a_part_that_is_off_ends_and_says_why(integration):
    flow = FakeFlow(source=people(2))
    runs.start(integration, "fetch_all", flow.key)
    Integration.objects.update(settings={"off": True})

    work(integration, flow)

    run = SyncRun.objects.get()
    assert (run.state, run.problem) == ("failed", "This part of the integration is switched off.")
    assert flow.reads == flow.writes == []


def test_a_poll_that_failed_is_read_again_from_where_it_began(integration):
    flow = FakeFlow(source=people(5))
    runs.start(integration, "poll", flow.key)
    SyncRun.objects.update(attempts=retry.RUN_PAGE.attempts - 1, started_at=timezone.now())
    flow.page = lambda *args: (_ for _ in ()).throw(TransientError("down"))

    work(integration, flow)

    assert SyncRun.objects.get().state == "failed"
    assert not Cursor.objects.exists()


def test_a_page_that_kills_its_worker_has_used_up_a_try(integration):
    def kill(*args):
        raise KeyboardInterrupt

    flow = FakeFlow(source=people(5))
    runs.start(integration, "fetch_all", flow.key)
    flow.page = kill

    with pytest.raises(KeyboardInterrupt):
        work(integration, flow)

    assert SyncRun.objects.get().attempts == 1


def test_a_mistake_of_ours_on_a_page_keeps_no_job_from_being_done(integration):
    flow = FakeFlow(source=people(5))
    runs.start(integration, "fetch_all", flow.key)
    JobFactory(integration=integration, external_id="001")
    flow.page = lambda *args: {}["a mistake of ours"]

    try:
        work(integration, flow)
    except KeyError:
        pytest.fail("it stopped everything")

    run = SyncRun.objects.get()
    assert (run.state, run.attempts) == ("running", 1)
    assert run.problem.startswith("Lockstep made a mistake on this page.")
    assert SyncJob.objects.get(external_id="001").state == "done"
    integration.left.refresh_from_db()
    assert (integration.left.failures, integration.left.not_before) == (0, None)


def test_a_real_run_keeps_no_names_in_its_report(integration):
    flow = FakeFlow(source=people(3))
    runs.start(integration, "fetch_all", flow.key)

    work(integration, flow)

    assert SyncRun.objects.values_list("counts", "samples").get() == ({"update": 3}, {})


def test_a_run_whose_place_the_vendor_has_forgotten_begins_anew(integration):
    flow = FakeFlow(source=people(5), page_size=2)
    run = runs.start(integration, "fetch_all", flow.key)
    really, refused = flow.page, []

    def forgetful(ctx, kind, cursor, since):
        if cursor and not refused:
            refused.append(cursor)
            raise RecordError("Invalid cursor")
        return really(ctx, kind, cursor, since)

    flow.page = forgetful
    work(integration, flow)

    run.refresh_from_db()
    assert (run.state, run.done, run.options) == ("done", 5, {"begun_anew": 1})
    assert sum(run.counts.values()) == 5  # nobody is counted twice
    assert sorted(flow.target) == [f"00{n}" for n in range(1, 6)]


def test_a_run_that_loses_its_place_for_ever_ends_and_says_why(integration):
    flow = FakeFlow(source=people(5), page_size=2)
    run = runs.start(integration, "fetch_all", flow.key)
    really = flow.page

    def forgetful(ctx, kind, cursor, since):
        if cursor:
            raise RecordError("Invalid cursor")
        return really(ctx, kind, cursor, since)

    flow.page = forgetful
    work(integration, flow)
    SyncRun.objects.update(attempts=retry.RUN_PAGE.attempts - 1, next_attempt_at=timezone.now())
    work(integration, flow)

    run.refresh_from_db()
    assert (run.state, run.problem, run.options) == ("failed", "Invalid cursor", {"begun_anew": 3})


@dataclass
class OneOfAnAddress(FakeFlow):
    """Of several records with one address only the first is written."""

    def _record(self, key):
        return Record(key, self.source[key], email=self.source[key]["email"])

    def decide(self, ctx, batch, item, record):
        if batch.owner(record.email_hash, item.external_id) != item.external_id:
            return Skip("duplicate_email")
        return Sync("create", mapped=False, extra=dict(record.values))


def test_a_dry_run_knows_over_its_pages_whose_address_each_would_be(integration):
    twice = {f"{n:02}": {"name": f"P {n}", "email": f"p{n % 6}@example.com"} for n in range(12)}
    flow = OneOfAnAddress(source=twice)
    dry = runs.start(integration, "fetch_all", flow.key, dry_run=True)
    work(integration, flow)
    left = IdentityIndex.objects.count()
    real = runs.start(integration, "fetch_all", flow.key)
    work(integration, flow)

    dry.refresh_from_db()
    real.refresh_from_db()
    assert dry.counts == real.counts == {"create": 6, "skipped:duplicate_email": 6}
    assert left == 0, "what was remembered for it goes with it"
