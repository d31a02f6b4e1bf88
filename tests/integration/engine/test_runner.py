"""The runner: leases, attempts, crashes, holds, halving. One worker, no vendors."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration import retry
from integration.engine.flow.base import Result
from integration.engine.sync import runner
from integration.errors import AuthError, ContractError, RateLimited, RecordError, TransientError
from integration.models import Connection, Integration, RecordLink, SyncJob, SyncLog
from tests.support.factories import IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def integration():
    return IntegrationFactory()


def people(count):
    return {str(n): {"name": f"Person {n}"} for n in range(1, count + 1)}


def queue(integration, *ids, **values):
    return [JobFactory(integration=integration, external_id=str(key), **values) for key in ids]


def run(integration, flow):
    return runner.run(str(integration.pk), recipes_with(flow))


def states(integration):
    return dict(SyncJob.objects.filter(integration=integration).values_list("external_id", "state"))


def fail(exc, *, when=lambda writes: True):
    def before_write(ctx, writes):
        if when(writes):
            raise exc

    return before_write


def test_due_jobs_are_read_and_written_in_one_batch(integration):
    flow = FakeFlow(source=people(3))
    queue(integration, 1, 2, 3)

    assert run(integration, flow) == "idle"

    assert flow.reads == [["1", "2", "3"]]
    assert flow.writes == [["1", "2", "3"]]
    assert set(states(integration).values()) == {"done"}
    assert RecordLink.objects.get(source_id="2").target_id == "t2"
    assert SyncLog.objects.filter(outcome="synced").count() == 3


def test_unchanged_records_are_not_written_again(integration):
    flow = FakeFlow(source=people(1))
    queue(integration, 1)
    run(integration, flow)
    SyncJob.objects.update(state="waiting")

    run(integration, flow)

    assert flow.writes == [["1"]]
    assert SyncLog.objects.filter(reason="unchanged").count() == 1


def test_a_second_runner_finds_the_lease_taken(integration):
    Integration.objects.update(lease_token="other", lease_until=timezone.now() + timedelta(minutes=1))
    queue(integration, 1)

    assert run(integration, FakeFlow(source=people(1))) == "busy"
    assert states(integration) == {"1": "waiting"}


def test_an_expired_lease_is_taken_over(integration):
    Integration.objects.update(lease_token="dead", lease_until=timezone.now() - timedelta(seconds=1))
    queue(integration, 1)

    assert run(integration, FakeFlow(source=people(1))) == "idle"
    assert states(integration) == {"1": "done"}


def test_a_worker_that_lost_its_lease_stores_nothing(integration):
    def steal(ctx, writes):
        Integration.objects.update(lease_token="thief", lease_until=timezone.now() + timedelta(minutes=1))

    flow = FakeFlow(source=people(1), before_write=steal)
    queue(integration, 1)

    assert run(integration, flow) == "lost"
    assert states(integration) == {"1": "running"}
    assert not RecordLink.objects.exists()


def test_a_job_left_by_a_killed_worker_is_done_again_and_counted(integration):
    queue(integration, 1, state="running", attempts=1, claim_token="dead")

    run(integration, FakeFlow(source=people(1)))

    job = SyncJob.objects.get()
    assert (job.state, job.attempts) == ("done", 2)


@pytest.mark.chaos("P11")
def test_a_job_that_kills_its_worker_again_and_again_is_set_aside(integration):
    queue(integration, 1, state="running", crashes=retry.CRASHED_JOB.attempts - 1)
    queue(integration, 2)

    run(integration, FakeFlow(source=people(2)))

    assert states(integration) == {"1": "dead", "2": "done"}
    assert SyncJob.objects.get(external_id="1").reason == "crashed"


@pytest.mark.chaos("P11")
def test_jobs_that_were_there_when_a_worker_died_go_apart_from_the_others(integration):
    flow = FakeFlow(source=people(4))
    queue(integration, 1, 2, state="running", crashes=1)
    queue(integration, 3, 4)

    run(integration, flow)

    assert flow.reads == [["3", "4"], ["1"], ["2"]]


def test_a_new_event_during_the_work_makes_the_job_run_again(integration):
    def changed_meanwhile(ctx, writes):
        if not flow.writes:
            flow.source["1"] = {"name": "Newer"}
            SyncJob.objects.update(state="waiting", claim_token="")

    flow = FakeFlow(source=people(1), before_write=changed_meanwhile)
    queue(integration, 1)

    run(integration, flow)

    assert flow.target["1"] == {"name": "Newer"}
    assert states(integration) == {"1": "done"}


@pytest.mark.chaos("V3")
def test_a_transient_error_waits_with_backoff_and_keeps_the_neighbour_flow_going(integration):
    flow = FakeFlow(source=people(2), before_write=fail(TransientError("down")))
    other = FakeFlow(key="other", link_type="other", source=people(1))
    queue(integration, 1, 2)
    JobFactory(integration=integration, flow="other", external_id="1")

    runner.run(str(integration.pk), recipes_with(flow, other))

    job = SyncJob.objects.get(flow="person_to_contact", external_id="1")
    assert (job.state, job.attempts, job.reason) == ("waiting", 1, "vendor_unavailable")
    assert 10 < (job.next_attempt_at - timezone.now()).total_seconds() < 20
    assert other.writes == [["1"]]


@pytest.mark.chaos("V3")
def test_attempts_are_used_up_in_the_end(integration):
    flow = FakeFlow(source=people(1), before_write=fail(TransientError("down")))
    queue(integration, 1, attempts=retry.JOB.attempts - 1)

    run(integration, flow)

    job = SyncJob.objects.get()
    assert (job.state, job.reason) == ("dead", "attempts_used_up")


@pytest.mark.chaos("V1")
def test_a_rate_limit_uses_no_attempt_and_rests_the_connection(integration):
    flow = FakeFlow(source=people(1), before_write=fail(RateLimited("slow", retry_after=120)))
    queue(integration, 1)

    run(integration, flow)

    job = SyncJob.objects.get()
    integration.left.refresh_from_db()
    assert (job.state, job.attempts) == ("waiting", 0)
    assert 100 < (integration.left.not_before - timezone.now()).total_seconds() <= 120
    assert run(integration, flow) == "waiting"
    assert len(flow.reads) == 1


def test_refused_credentials_hold_everything_until_they_work_again(integration):
    flow = FakeFlow(source=people(3), batch_size=2, before_write=fail(AuthError("no")))
    queue(integration, 1, 2, 3)

    run(integration, flow)

    integration.left.refresh_from_db()
    assert (integration.left.health, integration.left.health_reason) == ("needs_you", "credentials_refused")
    assert set(states(integration).values()) == {"held"}


@pytest.mark.chaos("V4")
def test_one_bad_record_does_not_stop_its_neighbours(integration):
    bad = fail(RecordError("refused"), when=lambda writes: any(write.item.external_id == "5" for write in writes))
    flow = FakeFlow(source=people(8), before_write=bad)
    queue(integration, *range(1, 9))

    run(integration, flow)

    assert states(integration) == {**{str(n): "done" for n in range(1, 9)}, "5": "dead"}
    assert SyncJob.objects.get(external_id="5").reason == "record_refused"


def test_a_bug_in_our_code_kills_only_its_record(integration):
    flow = FakeFlow(source={**people(2), "3": {"bug": True}})
    queue(integration, 1, 2, 3)

    run(integration, flow)

    assert states(integration) == {"1": "done", "2": "done", "3": "dead"}
    assert SyncLog.objects.get(source_id="3").reason == "internal_error"


@pytest.mark.chaos("V6")
def test_senseless_answers_cost_few_calls_and_no_record(integration):
    calls = []

    def before_write(ctx, writes):
        calls.append(len(writes))
        raise ContractError("html")

    flow = FakeFlow(source=people(8), before_write=before_write)
    queue(integration, *range(1, 9))

    run(integration, flow)

    assert calls == [8, 4, 2, 1]
    assert set(states(integration).values()) == {"waiting"}


def test_a_paused_integration_is_left_alone(integration):
    Integration.objects.update(state="paused")
    queue(integration, 1)

    assert run(integration, FakeFlow(source=people(1))) == "busy"
    assert states(integration) == {"1": "waiting"}


@pytest.mark.chaos("W14")
def test_a_runner_gives_way_after_its_slice_and_rings_again(integration, rings):
    queue(integration, *range(1, 5))

    word = runner.run(str(integration.pk), recipes_with(FakeFlow(source=people(4), batch_size=1)), slice_seconds=0)

    assert word == "more"
    assert rings == [str(integration.pk)]


@pytest.mark.parametrize(
    ("problem", "state"), [(RecordError("refused"), "dead"), (AuthError("no"), "held")], ids=["dead", "held"]
)
def test_a_job_set_aside_keeps_what_it_knows_for_when_it_is_let_go(integration, problem, state):
    queue(integration, 1, hint={"unsubscription": "2026-11-20"})

    run(integration, FakeFlow(source=people(1), before_write=fail(problem)))

    assert SyncJob.objects.values_list("state", "hint").get() == (state, {"unsubscription": "2026-11-20"})


def test_a_job_held_by_its_flow_keeps_what_it_knows(integration):
    class Holding(FakeFlow):
        def write(self, ctx, writes):
            return [Result("held", reason="mass_delete", link_state=None) for _ in writes]

    queue(integration, 1, hint={"unsubscription": "2026-11-20"})

    run(integration, Holding(source=people(1)))

    assert SyncJob.objects.values_list("state", "hint").get() == ("held", {"unsubscription": "2026-11-20"})


def test_a_job_that_is_done_forgets_what_it_knew(integration):
    queue(integration, 1, hint={"unsubscription": "2026-11-20"})

    run(integration, FakeFlow(source=people(1)))

    assert SyncJob.objects.values_list("state", "hint").get() == ("done", {})


def test_a_switched_off_tenant_is_left_alone(integration):
    integration.tenant.is_active = False
    integration.tenant.save(update_fields=["is_active"])
    flow = FakeFlow(source=people(1))
    queue(integration, 1)

    assert run(integration, flow) == "busy"

    assert states(integration) == {"1": "waiting"}
    assert flow.reads == []


def test_a_job_that_kills_its_worker_is_not_tried_for_ever(integration):
    def kill(ctx, writes):
        raise KeyboardInterrupt

    flow, killed = FakeFlow(source=people(1), before_write=kill), 0
    queue(integration, 1)
    while killed < 10:
        try:
            run(integration, flow)
        except KeyboardInterrupt:
            killed += 1
        else:
            break
        Integration.objects.update(lease_until=None)

    assert killed == 4
    assert SyncJob.objects.values_list("state", "reason").get() == ("dead", "crashed")


def test_an_account_that_needs_somebody_is_not_called(integration):
    Connection.objects.filter(pk=integration.right_id).update(health="needs_you", health_reason="credentials_refused")
    flow = FakeFlow(source=people(1))
    queue(integration, 1)

    assert run(integration, flow) == "waiting"

    assert flow.reads == []
    assert SyncJob.objects.values_list("state", "reason").get() == ("held", "credentials_refused")


def test_jobs_of_a_part_that_is_off_are_put_aside(integration, rings):
    Integration.objects.update(settings={"off": True})
    queue(integration, 1)

    run(integration, FakeFlow(source=people(1)))

    assert SyncJob.objects.values_list("state", "reason").get() == ("held", "flow_off")
    assert rings == []


def test_an_urgent_flow_goes_before_the_others(integration):
    order = []
    usual, urgent = (
        FakeFlow(key=key, link_type=key, source=people(1), urgent=key == "urgent",
                 before_read=lambda items, key=key: order.append(key))
        for key in ("usual", "urgent")
    )  # fmt: skip
    for flow in (usual, urgent):
        JobFactory(integration=integration, flow=flow.key, external_id="1")

    runner.run(str(integration.pk), recipes_with(usual, urgent))

    assert order == ["urgent", "usual"]


@pytest.mark.parametrize("seconds", [1, 500])
def test_a_record_waits_as_long_as_its_flow_says(integration, seconds):
    class Later(FakeFlow):
        def write(self, ctx, writes):
            return [Result("retrying", reason="target_settling", retry_after=seconds, link_state=None) for _ in writes]

    queue(integration, 1)
    run(integration, Later(source=people(1)))

    waits = (SyncJob.objects.get().next_attempt_at - timezone.now()).total_seconds()
    assert seconds - 5 < waits <= seconds


@pytest.mark.parametrize(("attempts", "rows"), [(0, 1), (3, 0)])
def test_an_outage_is_logged_once_for_each_record(integration, attempts, rows):
    queue(integration, 1, attempts=attempts)

    run(integration, FakeFlow(source=people(1), before_write=fail(TransientError("down"))))

    assert SyncLog.objects.filter(outcome="retrying").count() == rows


def test_a_record_whose_settings_are_still_being_put_in_place_waits_and_holds_up_nobody(integration):
    """Settings count from the moment they are stored; what they need at the vendor is made right after."""
    flow = FakeFlow(source=people(1))
    flow.before_write = lambda ctx, writes: ctx.resource("company_key")
    queue(integration, "1")

    run(integration, flow)

    job, connections = SyncJob.objects.get(), Connection.objects.values_list("not_before", "failures")
    assert (job.state, job.reason, job.attempts) == ("waiting", "setup_unfinished", 1)
    assert set(connections) == {(None, 0)}

    Integration.objects.update(resources={"company_key": "pipedrive_id"})
    SyncJob.objects.update(next_attempt_at=timezone.now())
    run(integration, flow)

    assert SyncJob.objects.get().state == "done"
    assert set(flow.target) == {"1"}
