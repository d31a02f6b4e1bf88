"""A batch: late reads are passed over, what is not known to have arrived is written again, single calls give way."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from integration.engine.clients import session
from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Item, Record, Result, Skip, Write
from integration.engine.records import links
from integration.engine.sync import one_by_one, runner, runs
from integration.errors import LeaseLost, RateLimited, RecordError, TenantActionError
from integration.models import Integration, RecordLink, SyncJob, SyncLog, SyncRun
from integration.secrets import email_hash
from tests.support.factories import IntegrationFactory, JobFactory, LinkFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)


class Versioned(FakeFlow):
    """A source that says when a record was changed last."""

    version = NOON

    def _record(self, key):
        return Record(key, self.source[key], version=self.version)


@pytest.fixture
def integration():
    return IntegrationFactory()


def bring(integration, flow, external_id="1"):
    SyncJob.objects.all().delete()
    JobFactory(integration=integration, external_id=external_id)
    return runner.run(str(integration.pk), recipes_with(flow))


def test_a_read_that_lags_behind_what_was_written_overwrites_nothing(integration):
    flow = Versioned(source={"1": {"name": "Newer"}})
    flow.version = LATER
    bring(integration, flow)
    assert RecordLink.objects.get().source_version == LATER

    flow.source["1"], flow.version = {"name": "Older"}, NOON
    bring(integration, flow)

    assert flow.target["1"] == {"name": "Newer"}
    assert SyncLog.objects.latest("id").reason == "stale_event"
    assert RecordLink.objects.get().source_version == LATER


def test_a_read_of_the_same_or_a_newer_time_is_written(integration):
    flow = Versioned(source={"1": {"name": "First"}})
    bring(integration, flow)

    flow.source["1"] = {"name": "Same second"}
    bring(integration, flow)
    assert flow.target["1"] == {"name": "Same second"}

    flow.source["1"], flow.version = {"name": "Later"}, LATER
    bring(integration, flow)
    assert flow.target["1"] == {"name": "Later"}


@pytest.mark.parametrize(("state", "writes"), [("active", []), ("pending", [["1"]]), ("removed", [["1"]])])
def test_only_what_is_known_to_have_arrived_counts_as_written(integration, state, writes):
    flow = FakeFlow(source={"1": {"name": "Ada"}})
    LinkFactory(integration=integration, source_id="1", state=state, written={"name": "Ada"},
                written_hash=links.content_hash({"name": "Ada"}))  # fmt: skip

    bring(integration, flow)

    assert flow.writes == writes


# Single calls


def single_calls(count):
    return [Write(Item(str(n)), "update", {}, None, None) for n in range(1, count + 1)]


def each(ctx, count, outcomes=None):
    """Carry out so many single calls; `outcomes`: number of the call → what it raises."""
    called = []

    def call(write):
        called.append(write.item.external_id)
        if problem := (outcomes or {}).get(len(called)):
            raise problem
        return Result("synced")

    try:
        results = one_by_one.write_each(ctx, single_calls(count), call)
    except (TenantActionError, RateLimited) as exc:
        return called, exc
    return called, [(result.outcome, result.reason) for result in results]


@pytest.fixture
def ctx(integration):
    return OpenSession(integration, recipes_with(FakeFlow())("fake"))


def test_the_lease_is_looked_at_before_each_single_call(integration, monkeypatch):
    monkeypatch.setattr(session, "RENEW_EVERY", 0.0)
    Integration.objects.update(lease_token="mine", lease_until=timezone.now() + timedelta(minutes=1))
    ctx, called = OpenSession(integration, recipes_with(FakeFlow())("fake"), token="mine"), []

    def call(write):
        called.append(write.item.external_id)
        Integration.objects.update(lease_token="another")
        return Result("synced")

    with pytest.raises(LeaseLost):
        one_by_one.write_each(ctx, single_calls(3), call)
    assert called == ["1"]


def test_single_calls_give_way_when_the_slice_is_over_but_not_before_one_was_made(ctx):
    ctx.deadline = time.monotonic() - 1

    called, results = each(ctx, 3)

    assert called == ["1"]
    assert results == [("synced", ""), ("retrying", "gave_way"), ("retrying", "gave_way")]


def test_without_permission_a_few_are_tried_and_not_thousands(ctx):
    refused = TenantActionError("no", reason="permission_missing")

    called, problem = each(ctx, 20, dict.fromkeys(range(1, 21), refused))

    assert called == ["1", "2", "3"]
    assert problem is refused


def test_a_record_without_permission_among_others_waits_alone(ctx):
    called, results = each(ctx, 4, {2: TenantActionError("no", reason="permission_missing")})

    assert called == ["1", "2", "3", "4"]
    assert results == [("synced", ""), ("held", "permission_missing"), ("synced", ""), ("synced", "")]


def test_a_limit_defers_what_is_left_and_keeps_what_was_done(ctx):
    called, results = each(ctx, 4, {3: RateLimited("slow", retry_after=7)})

    assert called == ["1", "2", "3"]
    assert results == [("synced", ""), ("synced", ""), ("retrying", "rate_limited"), ("retrying", "rate_limited")]


def test_a_refused_record_fails_alone(ctx):
    called, results = each(ctx, 3, {1: RecordError("too long")})

    assert called == ["1", "2", "3"]
    assert results == [("failed", "record_refused"), ("synced", ""), ("synced", "")]


# What a link remembers


def test_a_link_keeps_its_target_when_a_later_write_does_not_name_it(integration):
    class Untold(FakeFlow):
        def write(self, ctx, writes):
            return [Result("synced") for _ in super().write(ctx, writes)]

    LinkFactory(integration=integration, source_id="1", target_id="t1")

    bring(integration, Untold(source={"1": {"name": "Ada"}}))

    assert RecordLink.objects.values_list("target_id", "written").get() == ("t1", {"name": "Ada"})


class Remembering(FakeFlow):
    """Everybody is nothing to the target, but must be known."""

    def decide(self, ctx, batch, item, record):
        return Skip("newsletter_no", notes={"no_seen": True}, remember=True)


@pytest.mark.parametrize(("dry_run", "links"), [(True, 0), (False, 1)])
def test_a_dry_run_remembers_nobody(integration, dry_run, links):
    flow = Remembering(source={"1": {}})
    runs.start(integration, "fetch_all", flow.key, dry_run=dry_run)

    runner.run(str(integration.pk), recipes_with(flow))

    assert RecordLink.objects.count() == links
    assert not any(key.startswith("failed") for key in SyncRun.objects.get().counts), "it passes over, and fails nobody"


def test_a_link_knows_the_address_and_keeps_it_when_a_record_has_none(integration):
    flow = FakeFlow(source={"1": {"email": "ada@example.com"}})
    bring(integration, flow)
    assert RecordLink.objects.get().email_hash == email_hash("ada@example.com")

    flow.source["1"] = {"name": "Ada"}
    bring(integration, flow)
    assert RecordLink.objects.get().email_hash == email_hash("ada@example.com")
