"""The front page: one true sentence, and numbers that equal the lists behind them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integration.models import Connection, Doorbell, Integration, SyncJob
from tests.integration.admin.conftest import story
from tests.support import factories

QUERIES = 24


def front(console: Client) -> Any:
    page = console.get("/admin/")
    assert page.status_code == 200
    return page


@pytest.fixture
def calm(rows: Any) -> Any:
    """Nothing waits and a worker is alive."""
    SyncJob.objects.update(state="done")
    Doorbell.objects.create(key="sweeper", rung_at=timezone.now())
    return rows


def test_everything_is_in_step(console: Client, calm: Any) -> None:
    assert front(console).context["lead"].startswith("Everything is in step. Last event ")


def test_nothing_installed_yet(console: Client) -> None:
    assert front(console).context["lead"].startswith("Nothing is installed yet.")


def test_somebody_is_needed(console: Client, calm: Any) -> None:
    Connection.objects.filter(pk=calm.right.pk).update(health="needs_you", health_reason="credentials_refused")
    page = front(console)
    assert page.context["lead"].startswith("1 integration needs you.")
    assert "Enter a new key or connect again." in page.content.decode()
    assert f"/admin/integration/connection/{calm.right.pk}/change/" in page.content.decode()


def test_a_failed_step_needs_somebody_too(console: Client, calm: Any) -> None:
    step = {"key": "x", "label": "Webhooks", "ok": False, "detail": "The limit is reached.", "reason": "webhook_limit"}
    Integration.objects.update(provisioning=[step])
    text = front(console).content.decode()
    assert "1 integration needs you." in text
    assert "The limit is reached." in text


def test_catching_up_says_how_long_the_oldest_has_waited(console: Client, calm: Any) -> None:
    factories.JobFactory(integration=calm.integration, next_attempt_at=timezone.now() - timedelta(minutes=4))
    assert front(console).context["lead"] == "Catching up. The oldest change has waited 4 minutes."


def test_a_dead_worker_is_said_first(console: Client, calm: Any) -> None:
    Doorbell.objects.update(rung_at=timezone.now() - timedelta(minutes=10))
    assert "No worker is alive" in front(console).context["lead"]


def test_a_fresh_installation_is_given_time(console: Client, calm: Any) -> None:
    Doorbell.objects.all().delete()
    assert "Everything is in step" in front(console).context["lead"]


def test_every_number_opens_the_rows_it_counts(console: Client, calm: Any) -> None:
    factories.LogFactory.create_batch(3, integration=calm.integration, outcome="skipped", reason="no_email")
    factories.LogFactory(integration=calm.integration, created_at=timezone.now() - timedelta(days=2))
    factories.JobFactory(integration=calm.integration, state="held")
    factories.JobFactory(integration=calm.integration, state="dead")
    factories.IntegrationFactory(state="paused")
    factories.IntegrationFactory(state="uninstalled")
    factories.IntegrationFactory()
    context = front(console).context
    numbers = [*context["last_day"], *context["jobs"]]
    assert [number.figure for number in context["last_day"]] == ["1", "0", "3", "1"]
    assert [number.figure for number in context["jobs"]] == ["0", "1", "1", "none"]
    for number in numbers:
        if number.figure.isdigit():
            rows = console.get(number.address).context["cl"].result_list
            assert len(rows) == int(number.figure), number.address
    assert [(number.figure, number.label.word) for number in context["integrations"]] == [
        ("1", "Needs you"), ("1", "In step"), ("1", "Paused"),
    ]  # fmt: skip
    for number in context["integrations"]:
        assert len(console.get(number.address).context["cl"].result_list) == 1


def test_runs_in_progress_show_their_progress(console: Client, calm: Any) -> None:
    started = timezone.now() - timedelta(seconds=10)
    factories.RunFactory(integration=calm.integration, state="running", done=1000, total=5000, started_at=started)
    text = front(console).content.decode()
    assert "1,000 of 5,000" in text
    assert "100.0 per second" in text or "99." in text
    assert "about 4" in text or "about 3" in text


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
