"""One tenant that floods the intake gives way to the others and loses nothing."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from integration.engine.dispatch.jobs import save_jobs
from integration.engine.sync import router
from integration.models import SyncJob, WebhookEvent
from integration.recipes.registry import get_recipe
from integration.webhooks import fair_share
from tests.integration.webhooks.test_views import SECRET, body, post
from tests.support.factories import EndpointFactory, EventFactory, IntegrationFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def three_a_minute(settings, monkeypatch):
    settings.INTAKE_EVENTS_PER_MINUTE = 3
    monkeypatch.setattr(fair_share, "window_began", 0.0)


def endpoint(integration):
    return EndpointFactory(connection=integration.left)


def send(door, number):
    payload = body(id=f"e-{number}", entity_id=str(number), company_id=door.connection.external_account_id)
    payload["data"]["id"] = number
    return post(door, payload)


@pytest.mark.chaos("W13", "W14")
def test_what_is_beyond_is_stored_and_routed_after_the_others(monkeypatch):
    loud, quiet = (endpoint(IntegrationFactory(state="active")) for _ in range(2))
    for number in range(5):
        assert send(loud, number).status_code == 200
    assert send(quiet, 99).status_code == 200
    assert list(WebhookEvent.objects.order_by("id").values_list("deferred", flat=True)) == [False] * 3 + [True] * 2 + [
        False
    ]

    monkeypatch.setattr(router, "PORTION", 1)
    order = []
    while router.route_portion(get_recipe)[0]:
        order.append(SyncJob.objects.order_by("-id").values_list("external_id", flat=True)[0])
    assert order == ["0", "1", "2", "99", "3", "4"]


@pytest.mark.chaos("W14")
def test_the_minute_after_is_a_new_one(monkeypatch):
    door = endpoint(IntegrationFactory(state="active"))
    for number in range(4):
        send(door, number)
    monkeypatch.setattr(fair_share, "window_began", fair_share.window_began - fair_share.MINUTE)
    send(door, 5)

    assert [row.deferred for row in WebhookEvent.objects.order_by("id")] == [False, False, False, True, False]


@pytest.mark.chaos("W13")
def test_a_vendor_that_delivers_again_after_a_429_hears_one():
    door = EndpointFactory(connection__vendor="brevo", connection__auth_kind="api_key")
    call = Client(headers={"Authorization": f"Bearer {SECRET}"})

    def knock(number):
        event = {"event": "contact_updated", "email": f"p{number}@example.com", "ts": 1795167000, "content": []}
        return call.post(f"/hooks/brevo/{door.token}/", json.dumps(event).encode(), content_type="application/json")

    answers = [knock(number) for number in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3]["Retry-After"]) <= 60
    assert WebhookEvent.objects.count() == 3


@pytest.mark.chaos("W4")
def test_an_older_fact_that_comes_later_does_not_hide_a_newer_one():
    integration = IntegrationFactory(state="active")
    older, newer = (EventFactory(connection=integration.left, vendor_event="x", object_type="p",
                                                dedupe_key=key) for key in ("a", "b"))  # fmt: skip
    for event, said in ((newer, "new"), (older, "old")):
        save_jobs([SyncJob(integration=integration, flow="f", external_id="1", event=event, hint={"said": said})])

    assert SyncJob.objects.get().hint == {"said": "new"}
