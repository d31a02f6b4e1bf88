"""The endpoints vendors call: proof, size, hostile bodies, and that nothing is lost or answered wrongly."""

from __future__ import annotations

import base64
import json
import threading
from urllib.parse import quote

import pytest
from django.db import DatabaseError
from django.db import connection as database
from django.test import Client

from integration.engine.dispatch import wakeups
from integration.engine.intake import inbox
from integration.models import WebhookEndpoint, WebhookEvent
from tests.support.factories import ConnectionFactory, EndpointFactory

push = wakeups.push  # the real one: every test has a quiet one in its place
pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "lockstep:s3cret-of-this-endpoint"


@pytest.fixture
def endpoint():
    return EndpointFactory(connection__external_account_id="9001")


def body(**meta):
    return {
        "data": {"id": 8, "name": "Ada", "emails": [{"value": "ada@example.com", "primary": True}]},
        "previous": None,
        "meta": {
            "action": "change", "entity": "person", "entity_id": "8", "company_id": "9001", "id": "e-1",
            "timestamp": "2026-11-21T10:00:00.000Z", "version": "2.0", "webhook_id": "1", "attempt": 1, **meta,
        },
    }  # fmt: skip


def post(endpoint, payload, *, secret=SECRET, token=None, vendor="pipedrive"):
    auth = "Basic " + base64.b64encode(secret.encode()).decode()
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    path = f"/hooks/{vendor}/{token or endpoint.token}/"
    return Client(headers={"Authorization": auth}).post(path, data, content_type="application/json")


def test_a_proven_event_is_stored_before_the_answer_and_rings_once(endpoint, rings):
    assert post(endpoint, body()).status_code == 200

    event = WebhookEvent.objects.get()
    assert (event.vendor_event, event.external_id, event.state) == ("person.change", "8", "new")
    assert rings == ["router"]
    endpoint.refresh_from_db()
    assert endpoint.last_received_at is not None


@pytest.mark.chaos("W1")
@pytest.mark.parametrize(
    "secret", ["lockstep:wrong", "", "lockstep:s3cret-of-this-endpoin", "other:s3cret-of-this-endpoint"]
)
def test_without_proof_nothing_is_stored_but_counted(endpoint, secret):
    assert post(endpoint, body(), secret=secret).status_code == 401

    assert not WebhookEvent.objects.exists()
    endpoint.refresh_from_db()
    assert endpoint.refused == 1


@pytest.mark.chaos("W1")
def test_an_unknown_address_and_a_wrong_vendor_are_404(endpoint):
    assert post(endpoint, body(), token="unknown").status_code == 404
    assert post(endpoint, body(), vendor="maileon").status_code == 404
    assert post(endpoint, body(), vendor="nobody").status_code == 404


@pytest.mark.chaos("W1")
def test_another_endpoints_secret_proves_nothing(endpoint):
    other = EndpointFactory(connection=ConnectionFactory(), secret={"current": "lockstep:of-the-other-one"})

    assert post(endpoint, body(), secret=other.secret["current"]).status_code == 401


@pytest.mark.chaos("W1")
def test_a_disconnected_connection_hears_nothing(endpoint):
    endpoint.connection.health = "disconnected"
    endpoint.connection.save(update_fields=["health"])

    assert post(endpoint, body()).status_code == 404


@pytest.mark.chaos("W6")
def test_the_old_secret_is_good_during_the_overlap_only(endpoint):
    from datetime import timedelta

    from django.utils import timezone

    endpoint.secret = {"current": "lockstep:the-new-one", "previous": SECRET}
    endpoint.previous_valid_until = timezone.now() + timedelta(hours=1)
    endpoint.save()
    assert post(endpoint, body()).status_code == 200

    endpoint.previous_valid_until = timezone.now() - timedelta(seconds=1)
    endpoint.save()
    assert post(endpoint, body(id="e-2")).status_code == 401


@pytest.mark.chaos("W2")
def test_retries_and_parallel_deliveries_of_one_event_are_one_row(endpoint):
    def deliver(attempt):
        try:
            statuses.append(post(endpoint, body(attempt=attempt)).status_code)
        finally:
            database.close()

    statuses = []
    threads = [threading.Thread(target=deliver, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 8
    assert WebhookEvent.objects.count() == 1


@pytest.mark.chaos("V15")
def test_an_event_of_another_company_is_kept_but_not_used(endpoint):
    assert post(endpoint, body(company_id="1")).status_code == 200

    assert WebhookEvent.objects.values_list("state", "reason").get() == ("ignored", "wrong_account")


HOSTILE = {
    "empty": b"",
    "text": b"hello",
    "truncated": b'{"meta": {',
    "list": b"[]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "nan": b'{"meta": NaN}',
    "latin1": '{"meta": "ä"}'.encode("latin-1"),
    "bom": b"\xef\xbb\xbf{}",
    "no meta": b'{"data": {}}',
    "meta is text": b'{"meta": "x"}',
    "nul": json.dumps({"meta": {"entity": "person\x00", "entity_id": "1", "action": "change"}}).encode(),
    "surrogate": b'{"meta": {"entity": "person", "entity_id": "\\ud800", "action": "change"}}',
    "numbers": json.dumps({"meta": {"entity": 1, "entity_id": 2, "action": 3}, "data": 5}).encode(),
    "long id": json.dumps({"meta": {"entity": "person", "entity_id": "9" * 5000, "action": "change"}}).encode(),
}


@pytest.mark.chaos("W7")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_with_the_right_proof_is_kept_and_answered(endpoint, name):
    """Pipedrive bans a webhook after ten bad answers, so what is authentic is never refused for its content."""
    answer = post(endpoint, HOSTILE[name])

    assert answer.status_code == 200
    assert WebhookEvent.objects.count() == 1


@pytest.mark.chaos("W7")
def test_a_nul_in_a_vendors_address_loses_no_opt_out():
    row = EndpointFactory(connection__vendor="maileon")
    query = f"token={quote(row.secret['current'])}&event=unsubscription&email=ada%40example.com&external_id=9001-1%00"

    answer = Client().post(f"/hooks/maileon/{row.token}/?{query}", b"", content_type="application/json")

    assert answer.status_code == 200
    assert WebhookEvent.objects.get().external_id == "9001-1"


@pytest.mark.chaos("W7")
def test_a_nul_in_the_marker_of_an_import_is_dropped():
    row = EndpointFactory(connection__vendor="brevo")
    query = f"token={quote(row.secret['current'])}&import=abc%00"

    answer = Client().post(f"/hooks/brevo/{row.token}/?{query}", b"", content_type="application/json")

    assert answer.status_code == 200
    assert WebhookEvent.objects.get().external_id == "abc"


@pytest.mark.chaos("W7")
def test_a_body_that_is_too_large_is_refused_before_it_is_read(endpoint, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    assert post(endpoint, b"x" * 1001).status_code == 413
    assert not WebhookEvent.objects.exists()


@pytest.mark.chaos("W17")
@pytest.mark.parametrize("method", ["get", "put", "delete", "head", "patch"])
def test_only_post_is_taken(endpoint, method):
    assert getattr(Client(), method)(f"/hooks/pipedrive/{endpoint.token}/").status_code == 405


def test_whatever_a_vendor_accepts_its_event_is_taken(endpoint):
    auth = "Basic " + base64.b64encode(SECRET.encode()).decode()
    for number, accept in enumerate(("text/xml", "image/*", "", "nonsense;;;", "application/json; version=9")):
        answer = Client().post(
            f"/hooks/pipedrive/{endpoint.token}/", json.dumps(body(id=f"e-{number}")), "application/json",
            headers={"authorization": auth, "accept": accept},
        )  # fmt: skip
        assert (answer.status_code, answer.json()) == (200, {"received": 1})
    assert WebhookEvent.objects.count() == 5


def test_a_database_that_is_away_is_a_503_and_never_a_2xx(endpoint, monkeypatch):
    def away(*args, **more):
        raise DatabaseError("gone")

    monkeypatch.setattr(inbox, "record", away)

    try:
        answer = post(endpoint, body())
    except DatabaseError:
        pytest.fail("the vendor hears that we are broken")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_a_vendor_that_drops_events_at_a_5xx_hears_what_makes_it_deliver_again(monkeypatch):
    endpoint = EndpointFactory(connection__vendor="brevo", connection__auth_kind="api_key")
    event = {"event": "contact_updated", "email": "ada@example.com", "ts": 1795167000, "content": []}
    call = Client(headers={"Authorization": f"Bearer {SECRET}"})
    path = f"/hooks/brevo/{endpoint.token}/"
    monkeypatch.setattr(inbox, "record", lambda *args, **more: (_ for _ in ()).throw(DatabaseError("gone")))

    refused = call.post(path, json.dumps(event).encode(), content_type="application/json")
    monkeypatch.undo()

    assert refused.status_code == 429
    assert call.post(path, json.dumps(event).encode(), content_type="application/json").status_code == 200
    assert WebhookEvent.objects.get().vendor_event == "contactUpdated"


def test_the_intake_needs_no_queue(endpoint, monkeypatch):
    asked = []

    def down(*args, **more):
        asked.append(args)
        raise ConnectionError("redis is down")

    monkeypatch.setattr(wakeups, "push", push)
    monkeypatch.setattr(wakeups, "async_task", down)
    monkeypatch.setattr(wakeups, "broker_down_until", 0.0)
    monkeypatch.setattr(wakeups, "ring_times", {})

    assert post(endpoint, body()).status_code == 200
    assert WebhookEvent.objects.count() == 1
    assert asked == [("integration.tasks.route_events",)]


def test_healthz_tells_how_old_the_oldest_waiting_event_is(endpoint):
    from datetime import timedelta

    from django.utils import timezone

    assert Client().get("/healthz").status_code == 200
    post(endpoint, body())
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(hours=1))

    answer = Client().get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["oldest_waiting_seconds"] > 3500
    assert WebhookEndpoint.objects.count() == 1
