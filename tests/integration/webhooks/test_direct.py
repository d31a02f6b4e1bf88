"""The short way of a vendor's call: straight to its view, an endpoint remembered for a moment, one ring for a burst."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integration.engine.dispatch import wakeups
from integration.models import WebhookEvent
from integration.webhooks import endpoint_cache
from tests.integration.webhooks.test_views import SECRET, body, post
from tests.support.factories import EndpointFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def endpoint():
    endpoint_cache.remembered.clear()
    return EndpointFactory(connection__external_account_id="9001")


@pytest.fixture
def memory(settings):
    settings.INTAKE_MEMORY_SECONDS = 60.0


def reads(calls):
    return [
        row["sql"] for row in calls.captured_queries if row["sql"].startswith('SELECT "integration_webhookendpoint"')
    ]


def test_a_call_meets_no_session_and_is_answered_whole(endpoint):
    with CaptureQueriesContext(database) as calls:
        answer = post(endpoint, body())

    assert answer.status_code == 200
    assert answer["Content-Length"] == str(len(answer.content))
    assert answer.get("X-Content-Type-Options") == "nosniff"
    assert not any("session" in row["sql"] or "auth_user" in row["sql"] for row in calls.captured_queries)
    assert "Content-Security-Policy" not in answer
    assert Client().get("/hooks/pipedrive/").status_code == 405  # an address of the other kind
    assert Client().post("/hooks/").status_code == 404


def test_a_burst_reads_its_endpoint_once(endpoint, memory):
    with CaptureQueriesContext(database) as calls:
        for number in range(5):
            assert post(endpoint, body(id=f"e-{number}")).status_code == 200

    assert len(reads(calls)) == 1
    assert WebhookEvent.objects.count() == 5


def test_a_new_secret_counts_at_once_although_the_old_one_is_remembered(endpoint, memory):
    assert post(endpoint, body(id="e-1")).status_code == 200
    endpoint.secret = {"current": "lockstep:another-secret-of-it"}
    endpoint.save(update_fields=["secret"])

    assert post(endpoint, body(id="e-2"), secret="lockstep:another-secret-of-it").status_code == 200
    assert post(endpoint, body(id="e-3"), secret=SECRET).status_code == 401


def test_an_endpoint_that_is_gone_takes_nothing_however_well_remembered(endpoint, memory):
    assert post(endpoint, body(id="e-1")).status_code == 200
    endpoint.connection.delete()

    assert post(endpoint, body(id="e-2")).status_code == 503  # the row it belongs to is gone
    assert not WebhookEvent.objects.exists()


def test_a_burst_rings_at_its_beginning_and_once_at_the_end_of_the_moment(endpoint, settings, monkeypatch, rings):
    settings.DOORBELL_MOMENT_SECONDS = 60.0
    monkeypatch.setattr(wakeups, "ring_times", {})
    later: list[float] = []
    monkeypatch.setattr(wakeups, "wake_after", lambda key, seconds: later.append(seconds))

    for number in range(5):
        post(endpoint, body(id=f"e-{number}"))

    assert rings == ["router"]
    assert later == [60.0]
