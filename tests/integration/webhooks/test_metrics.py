"""/metrics: right figures by recipe and vendor, for the token only, with no tenant in it and few queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection as database
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from integration.engine.dispatch import sweeper
from integration.engine.insight import metrics
from integration.models import SyncJob, WebhookEvent
from tests.support.factories import (
    AlertFactory,
    BudgetFactory,
    CallFactory,
    EventFactory,
    IntegrationFactory,
    JobFactory,
    LogFactory,
)

pytestmark = pytest.mark.django_db

TOKEN = "a-scraper's-token-0123456789"
OLD = timedelta(minutes=6)


@pytest.fixture(autouse=True)
def token(settings):
    settings.METRICS_TOKEN = TOKEN


def scrape(**headers):
    return Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}", **headers})


def figures():
    """Name and labels → value."""
    answer = scrape()
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found[(sample.name.removeprefix("lockstep_"), *sorted(sample.labels.values()))] = sample.value
    return found


def call(connection, status, ms, age=timedelta(0)):
    return CallFactory(connection=connection, method="GET", path="/secret-path", status=status, ms=ms,
                                     at=timezone.now() - age)  # fmt: skip


def test_only_for_the_token(settings):
    assert scrape()["Content-Type"].startswith("text/plain; version=")
    for wrong in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN} ", "Bearer ü"):
        answer = Client().get("/metrics", headers={"Authorization": wrong})
        assert (answer.status_code, answer.get("WWW-Authenticate")) == (401, "Bearer"), wrong
    assert Client().get("/metrics").status_code == 401
    settings.METRICS_TOKEN = ""
    assert scrape().status_code == 404
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_an_empty_hub_has_every_figure_at_zero():
    found = figures()
    assert found["oldest_waiting_seconds",] == 0
    assert found["worker_alive",] == 1
    assert found["events_recent", "pipedrive"] == found["events_recent", "maileon"] == 0
    assert found["jobs", "dead", "pipedrive_maileon"] == 0
    assert found["records_recent", "failed", "pipedrive_maileon"] == 0
    assert found["vendor_calls_recent", "5xx", "maileon"] == 0
    assert found["alerts_open", "worker"] == 0


def test_the_figures(monkeypatch):
    integration = IntegrationFactory(activated_at=timezone.now())
    for _ in range(3):
        EventFactory(connection=integration.left)
    old = EventFactory(connection=integration.left)
    WebhookEvent.objects.filter(pk=old.pk).update(received_at=timezone.now() - OLD)
    for number, state in enumerate(("waiting", "held", "held", "dead", "done")):
        JobFactory(integration=integration, external_id=str(number), state=state)
    for outcome in ("synced", "synced", "failed"):
        LogFactory(integration=integration, outcome=outcome)
    LogFactory(integration=integration, outcome="failed", created_at=timezone.now() - OLD)
    for status, ms in ((200, 100), (201, 200), (404, 300), (429, 400), (503, 500), (0, 5000)):
        call(integration.right, status, ms)
    call(integration.right, 500, 9000, OLD)
    hour = timezone.now() + timedelta(hours=1)
    BudgetFactory(connection=integration.left, window="day", limit=1000, remaining=250, resets_at=hour)
    BudgetFactory(connection=IntegrationFactory().left, window="day", limit=1000, remaining=-3, resets_at=hour)
    AlertFactory(kind="silent", subject="connection:1", what="x")
    AlertFactory(kind="silent", subject="connection:2", what="x", resolved_at=timezone.now())
    sweeper.sweep()

    found = figures()

    recipe = "pipedrive_maileon"
    assert found["events_recent", "pipedrive"] == 3
    assert [found["jobs", recipe, state] for state in ("waiting",)] == [1]
    assert [found["jobs", state, recipe] for state in ("held", "dead")] == [2, 1]
    assert (found["records_recent", recipe, "synced"], found["records_recent", "failed", recipe]) == (2, 1)
    classes = {kind: found["vendor_calls_recent", kind, "maileon"] for kind in ("2xx", "4xx", "429", "5xx")}
    assert classes == {"2xx": 2, "4xx": 1, "429": 1, "5xx": 1}
    assert found["vendor_calls_recent", "maileon", "none"] == 1
    assert found["vendor_call_seconds", "0.5", "maileon"] == 0.4
    assert found["vendor_call_seconds", "0.99", "maileon"] == 5.0
    assert found["budget_left_ratio", "day", "pipedrive"] == 0
    assert found["budgets_used_up", "day", "pipedrive"] == 1
    assert found["connections", "ok", "pipedrive"] == 2
    assert found["integrations", "active", recipe] == 2
    assert found["alerts_open", "silent"] == 1
    assert 0 < found["oldest_waiting_seconds",] < 600
    assert found["sweep_age_seconds",] < 5


def test_nothing_of_a_tenant_is_in_it():
    integration = IntegrationFactory(tenant__name="Canary Ltd", left__account_name="Canary account")
    EventFactory(connection=integration.left, external_id="canary-id")
    JobFactory(integration=integration, external_id="canary-id", state="dead", reason="record_refused")
    LogFactory(integration=integration, source_id="canary-id")
    call(integration.left, 200, 5)
    sweeper.sweep()
    text = scrape().content.decode()
    for trace in ("anary", str(integration.pk), str(integration.tenant_id), str(integration.left_id), "secret-path"):
        assert trace not in text


def queries():
    with CaptureQueriesContext(database) as captured:
        scrape()
    return len(captured)


def test_the_number_of_queries_does_not_grow():
    IntegrationFactory()
    before = queries()
    for number in range(5):
        integration = IntegrationFactory()
        JobFactory(integration=integration, external_id=str(number), state="held")
        LogFactory(integration=integration)
        EventFactory(connection=integration.left)
        call(integration.left, 200, 5)
    assert queries() == before
    assert before <= 24


@pytest.mark.skipif(database.vendor != "sqlite", reason="PostgreSQL chooses by the size of its tables")
@pytest.mark.parametrize("states", metrics.INDEXED)
def test_unfinished_jobs_are_found_by_their_index(states):
    rows = SyncJob.objects.filter(metrics.InStates(F("state"), states=states)).order_by().values("pk")[:5]
    assert "INDEX job_" in rows.explain()


def test_what_is_counted_is_capped(monkeypatch):
    monkeypatch.setattr(metrics, "CAP", 3)
    integration = IntegrationFactory()
    for number in range(6):
        JobFactory(integration=integration, external_id=str(number), state="dead")
        LogFactory(integration=integration)
    found = figures()
    assert found["jobs", "dead", "pipedrive_maileon"] == 3
    assert found["records_recent", "pipedrive_maileon", "synced"] == 3
