"""The front page: one true sentence, and numbers that equal the lists behind them."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from integration.admin.pages import dashboard_figures
from integration.engine.dispatch import sweeper
from integration.models import Connection, Doorbell, Integration, SyncJob, SyncLog, VendorCall
from tests.integration.admin.conftest import story
from tests.support import factories

QUERIES = 41


def front(console: Client) -> Any:
    page = console.get("/admin/")
    assert page.status_code == 200
    return page


@pytest.fixture
def calm(rows: Any) -> Any:
    """Nothing waits and a worker is alive."""
    SyncJob.objects.update(state="done")
    sweeper.sweep()
    return rows


def test_everything_is_in_sync(console: Client, calm: Any) -> None:
    text = "In sync as far as changes tell: 1 integration has not been compared yet. Last change "
    assert front(console).context["lead"].startswith(text)
    factories.RunFactory(integration=calm.integration, kind="compare", state="done", finished_at=timezone.now())
    assert front(console).context["lead"].startswith("Everything is in sync. Last change ")


def test_nothing_installed_yet(console: Client) -> None:
    assert front(console).context["lead"].startswith("Nothing is installed yet.")


def test_somebody_is_needed(console: Client, calm: Any) -> None:
    Connection.objects.filter(pk=calm.right.pk).update(health="needs_you", health_reason="credentials_refused")
    page = front(console)
    assert page.context["lead"].startswith("1 integration needs attention.")
    assert "Enter a new key or connect again." in page.content.decode()
    assert f"/admin/integration/connection/{calm.right.pk}/change/" in page.content.decode()


def test_a_failed_step_needs_somebody_too(console: Client, calm: Any) -> None:
    step = {"key": "x", "label": "Webhooks", "ok": False, "detail": "The limit is reached.", "reason": "webhook_limit"}
    Integration.objects.update(provisioning=[step])
    text = front(console).content.decode()
    assert "1 integration needs attention." in text
    assert "The limit is reached." in text


def test_catching_up_says_how_long_the_oldest_has_waited(console: Client, calm: Any) -> None:
    SyncJob.objects.update(updated_at=timezone.now() - timedelta(hours=1))
    factories.JobFactory(integration=calm.integration, next_attempt_at=timezone.now() - timedelta(minutes=4))
    assert front(console).context["lead"].startswith("1 integration is delayed. The oldest change has waited for 4")
    factories.JobFactory(integration=calm.integration, state="done")
    assert front(console).context["lead"] == "Catching up. The oldest change has waited 4 minutes."


def test_a_dead_worker_is_said_first(console: Client, calm: Any) -> None:
    Doorbell.objects.update(rung_at=timezone.now() - timedelta(minutes=10))
    assert "No worker is alive" in front(console).context["lead"]


def test_a_fresh_installation_is_given_time(console: Client, calm: Any) -> None:
    Doorbell.objects.all().delete()
    assert front(console).context["lead"].startswith("Catching up.")


def test_every_number_opens_the_rows_it_counts(console: Client, calm: Any) -> None:
    factories.LogFactory.create_batch(3, integration=calm.integration, outcome="skipped", reason="no_email")
    factories.LogFactory(integration=calm.integration, created_at=timezone.now() - timedelta(days=2))
    factories.JobFactory(integration=calm.integration, state="held")
    factories.JobFactory(integration=calm.integration, state="dead")
    factories.IntegrationFactory(state="paused")
    factories.IntegrationFactory(state="uninstalled")
    factories.LogFactory(created_at=timezone.now() - timedelta(days=2))
    context = front(console).context
    numbers = [*context["last_day"], *context["jobs"]]
    assert [number.figure for number in context["last_day"]] == ["1", "0", "3", "1"]
    assert [number.figure for number in context["jobs"]] == ["0", "1", "1", "none"]
    for number in numbers:
        if number.figure.isdigit():
            rows = console.get(number.address).context["cl"].result_list
            assert len(rows) == int(number.figure), number.address
    assert [(number.figure, number.label.word) for number in context["integrations"]] == [
        ("1", "Needs attention"), ("1", "In sync"), ("1", "Paused"),
    ]  # fmt: skip
    for number in context["integrations"]:
        assert len(console.get(number.address).context["cl"].result_list) == 1


def test_runs_in_progress_show_their_progress(console: Client, calm: Any) -> None:
    started = timezone.now() - timedelta(seconds=10)
    factories.RunFactory(integration=calm.integration, state="running", done=1000, total=5000, started_at=started)
    text = front(console).content.decode()
    assert "1,000 of 5,000" in text
    assert re.search(r"\b(100\.0|9\d\.\d) per second", text)
    assert "less than a minute left" in text


def test_few_queries(console: Client, calm: Any, django_assert_max_num_queries: Any) -> None:
    for number in range(8):
        story(f"Tenant {number}", 100 + number)
    with django_assert_max_num_queries(QUERIES):
        front(console)


def test_staff_without_rights_see_no_number(signed_in: Any, calm: Any) -> None:
    text = signed_in("view_tenant").get("/admin/").content.decode()
    assert "Welcome." in text
    assert "Synced" not in text
    assert "/admin/integration/synclog/" not in text
    assert "/admin/tenants/tenant/" in text


@pytest.fixture(autouse=True)
def _no_kept_charts() -> None:
    cache.clear()


def test_charts_count_each_hour(console: Client, calm: Any) -> None:
    SyncLog.objects.all().delete()
    for outcome in ("synced", "synced", "failed"):
        factories.LogFactory(integration=calm.integration, outcome=outcome)
    factories.LogFactory(integration=calm.integration, created_at=timezone.now() - timedelta(hours=30))

    charts = front(console).context["charts"]

    assert charts["records"][-1].counts == {"synced": 2, "skipped": 0, "failed": 1}
    assert sum(bar.counts["all"] for bar in charts["events"]) == 1


def test_vendors_answers_are_counted_and_each_number_opens_its_list(console: Client, calm: Any) -> None:
    VendorCall.objects.all().delete()
    for status in (200, 200, 404, 429, 500, 0):
        factories.CallFactory(connection=calm.right, status=status)
    factories.CallFactory(connection=calm.right, status=500, at=timezone.now() - timedelta(hours=2))

    page = front(console)
    (maileon,) = page.context["vendors"]

    assert [str(count).split(">")[1].split("<")[0] for count in (maileon.calls, maileon.refused, maileon.broken,
                                                                maileon.limited)] == [
        "6", "1 (16.7 %)", "2 (33.3 %)", "1 (16.7 %)"]  # fmt: skip
    for answer, count in (("refused", 1), ("broken", 2), ("limited", 1)):
        listed = console.get(f"/admin/integration/vendorcall/?since=1h&vendor=maileon&answer={answer}")
        assert listed.context["cl"].result_count == count


def test_a_budget_with_little_left_is_marked(console: Client, calm: Any) -> None:
    factories.CallFactory(connection=calm.left)
    calm.left.budgets.update(remaining=300)

    (pipedrive,) = [row for row in front(console).context["vendors"] if row.label == "Pipedrive"]

    assert "Little left" in str(pipedrive.budget)
    assert "1 % of day left" in str(pipedrive.budget)


def test_workers_are_listed_while_they_are_heard_from(console: Client, calm: Any, monkeypatch: Any) -> None:
    assert "No cluster was heard from" in front(console).content.decode()
    stat = SimpleNamespace(host="box-1", cluster_id="c0ffee", workers=[1, 2], status="Idle", uptime=lambda: 3700.0)
    monkeypatch.setattr(dashboard_figures.Stat, "get_all", lambda: [stat])

    page = front(console).content.decode()

    assert "box-1 c0ffee" in page
    assert "1 hour" in page


def test_the_page_opens_while_redis_is_down(console: Client, calm: Any, monkeypatch: Any) -> None:
    def down(*args: Any) -> Any:
        raise RedisConnectionError("no route")

    monkeypatch.setattr(dashboard_figures.Stat, "get_all", down)
    monkeypatch.setattr(dashboard_figures.cache, "get", down)
    monkeypatch.setattr(dashboard_figures.cache, "set", down)

    assert front(console).context["charts"]["events"]
