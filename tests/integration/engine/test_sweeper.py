"""The sweeper finds what waits without anybody coming; /healthz alarms only about what could be worked on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration.engine.dispatch import sweeper
from integration.engine.privacy import retention
from integration.models import Alert, SyncJob, SyncLog, SyncRun, VendorCall, WebhookEvent
from tests.support.factories import (
    AlertFactory,
    CallFactory,
    ConnectionFactory,
    EventFactory,
    IntegrationFactory,
    JobFactory,
    LogFactory,
    RunFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


def late_job(**values):
    return JobFactory(next_attempt_at=timezone.now() - HOUR, **values)


def test_it_rings_for_new_events_and_for_neglected_integrations(rings):
    EventFactory()
    job = late_job()
    left_behind = JobFactory(state="running", integration__lease_until=timezone.now() - HOUR)
    JobFactory(next_attempt_at=timezone.now() + HOUR)
    late_job(integration__lease_until=timezone.now() + HOUR)

    sweeper.sweep()

    assert set(rings) == {"router", str(job.integration_id), str(left_behind.integration_id)}
    assert sweeper.sweeper_age() < timedelta(seconds=5)


def test_what_nobody_could_work_on_raises_no_alarm():
    late_job(integration__tenant__is_active=False)
    late_job(integration__state="paused")
    resting = IntegrationFactory(left=ConnectionFactory(not_before=timezone.now() + HOUR))
    late_job(integration=resting)
    late_job(integration=IntegrationFactory(right=ConnectionFactory(vendor="maileon", health="needs_you")))
    assert sweeper.oldest_waiting_seconds() == 0

    late_job()
    assert 3500 < sweeper.oldest_waiting_seconds() < 3700


def test_retention_drops_what_is_old_but_never_what_is_new(settings):
    old = timezone.now() - timedelta(days=1000)
    connection = ConnectionFactory()
    for state in ("new", "routed"):
        EventFactory(connection=connection, state=state)
    EventFactory(connection=connection, state="routed")
    WebhookEvent.objects.filter(pk__in=list(WebhookEvent.objects.values_list("pk", flat=True)[:2])).update(
        received_at=old
    )
    CallFactory(connection=connection, method="GET", path="/", status=200, ms=1, at=old)

    purged = retention.purge()

    assert (purged["events"], purged["calls"]) == (1, 1)
    assert list(WebhookEvent.objects.order_by("id").values_list("state", flat=True)) == ["new", "routed"]


def test_a_purge_gives_way_and_the_next_one_goes_on():
    connection = ConnectionFactory()
    VendorCall.objects.bulk_create(
        VendorCall(connection=connection, method="GET", path="/", status=200, ms=1,
                   at=timezone.now() - timedelta(days=1000))
        for _ in range(3)
    )  # fmt: skip

    assert retention.purge(seconds=0)["calls"] == 0
    assert retention.purge()["calls"] == 3


def late_run(**values):
    return RunFactory(next_attempt_at=timezone.now() - HOUR, **values)


def test_it_rings_for_runs_that_nobody_goes_on_with(rings):
    waiting, killed = late_run(), late_run(state="running")
    late_run(state="done")
    RunFactory(next_attempt_at=timezone.now() + HOUR)

    sweeper.sweep()

    assert set(rings) == {str(waiting.integration_id), str(killed.integration_id)}


def test_it_leaves_paused_integrations_and_switched_off_tenants_alone(rings):
    late_job(integration__state="paused")
    late_job(integration__tenant__is_active=False)
    late_run(integration__tenant__is_active=False)

    sweeper.sweep()

    assert rings == []


def test_retention_keeps_every_job_that_still_wants_something():
    states = ("done", "waiting", "running", "held", "dead")
    for state in states:
        JobFactory(state=state)
    SyncJob.objects.update(updated_at=timezone.now() - timedelta(days=1000))
    JobFactory(state="done")

    assert retention.purge()["jobs"] == 1

    assert sorted(SyncJob.objects.values_list("state", flat=True)) == sorted(states)


def test_retention_keeps_runs_that_are_under_way_and_alerts_that_are_open():
    old = timezone.now() - timedelta(days=1000)
    under_way = late_run(state="running", started_at=old)
    RunFactory(state="done", finished_at=old)
    young = RunFactory(state="done", finished_at=timezone.now())
    open_alert, _ = (
        AlertFactory(kind="worker", subject=key, opened_at=old, resolved_at=resolved)
        for key, resolved in (("open", None), ("over", old))
    )

    purged = retention.purge()

    assert (purged["runs"], purged["alerts"]) == (1, 1)
    assert set(SyncRun.objects.values_list("pk", flat=True)) == {under_way.pk, young.pk}
    assert Alert.objects.get() == open_alert


def test_retention_keeps_the_log_for_as_long_as_it_is_set(settings):
    days = settings.RETENTION_DAYS["log"]
    for age in (days - 1, days + 1):
        row = LogFactory(source_id=str(age))
        SyncLog.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=age))

    assert retention.purge()["log"] == 1

    assert SyncLog.objects.get().source_id == str(days - 1)
