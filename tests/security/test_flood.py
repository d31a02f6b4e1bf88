"""Wrong webhook addresses, proofs and tokens are slowed in memory; who has the right one is never refused."""

from __future__ import annotations

from base64 import b64encode

import pytest

from integration.models import WebhookEndpoint
from tenants import flood
from tests.security.test_guessing import HOME, STRANGER, at
from tests.support.factories import EndpointFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def behind_a_proxy(settings):
    settings.TRUSTED_PROXIES = 1


@pytest.fixture
def slow(settings):
    settings.MISSES_PER_MINUTE = 3
    flood.window_began = 0.0


def statuses(client, path, times, **more):
    return [client.post(path, b"{}", content_type="application/json", **more).status_code for _ in range(times)]


def test_wrong_webhook_addresses_are_slowed_without_a_write(slow, django_assert_num_queries):
    assert statuses(at(STRANGER), "/hooks/pipedrive/nothing/", 5) == [404] * 3 + [429] * 2
    with django_assert_num_queries(1):
        answer = at(STRANGER).post("/hooks/pipedrive/other/", b"{}", content_type="application/json")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert statuses(at(HOME), "/hooks/pipedrive/nothing/", 1) == [404]


def test_wrong_proofs_are_slowed_and_cost_no_more_writes(slow):
    endpoint = EndpointFactory()
    path = f"/hooks/{endpoint.connection.vendor}/{endpoint.token}/"
    assert statuses(at(STRANGER), path, 6) == [401] * 3 + [429] * 3
    assert WebhookEndpoint.objects.get(pk=endpoint.pk).refused == 3


def test_a_vendor_with_the_right_proof_is_never_refused_for_a_stranger_behind_its_address(slow):
    endpoint = EndpointFactory()
    path = f"/hooks/{endpoint.connection.vendor}/{endpoint.token}/"
    assert statuses(at(STRANGER), "/hooks/pipedrive/nothing/", 6)[-1] == 429
    secret = b64encode(endpoint.secret["current"].encode()).decode()
    assert statuses(at(STRANGER), path, 5, HTTP_AUTHORIZATION=f"Basic {secret}") == [200] * 5


def test_wrong_proofs_of_an_app_and_wrong_tokens_of_metrics_are_slowed(slow, settings):
    settings.METRICS_TOKEN = "t" * 30
    settings.OAUTH_APPS = {"hubspot": {"client_id": "1", "client_secret": "s"}}
    assert statuses(at(STRANGER), "/hooks/hubspot/", 5) == [401] * 3 + [429] * 2
    assert at(STRANGER).get("/metrics").status_code == 429
    assert [at(HOME).get("/metrics").status_code for _ in range(4)] == [401] * 3 + [429]
    right = at(HOME).get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"})
    assert right.status_code == 200
