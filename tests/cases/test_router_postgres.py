"""PostgreSQL only: one event that cannot be stored as a job stops the router for every tenant, for ever.

The proof of a Pipedrive webhook (Basic user and password) can be read by any admin of that Pipedrive account
(GET /v1/webhooks answers with http_auth_password), so a tenant can send such an event.
"""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
from django.db import connection
from django.test import Client

from integration.engine.sync import router
from integration.models import EventState
from integration.recipes.registry import get_recipe
from tests.support.factories import EventFactory, IntegrationFactory

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="columns have a length on PostgreSQL only")


def test_one_event_of_one_tenant_never_stops_the_events_of_others(brevo_world):
    world = brevo_world
    other = IntegrationFactory()
    endpoint = world.integration.left.endpoint
    body = {
        "meta": {
            "action": "change",
            "entity": "deal",
            "entity_id": "7",
            "id": "e1",
            "timestamp": "2026-11-29T10:00:00Z",
            "company_id": world.integration.left.external_account_id,
            "version": "2.0",
            "webhook_id": "1",
        },
        "data": {"id": 7, "title": "x", "person_id": "9" * 300},
        "previous": {},
    }
    secret = base64.b64encode(endpoint.secret["current"].encode()).decode()
    answer = Client(headers={"Authorization": f"Basic {secret}"}).generic(
        "POST", f"/hooks/pipedrive/{endpoint.token}/", json.dumps(body), content_type="application/json"
    )
    assert answer.status_code == 200
    victim = EventFactory(connection=other.left, external_id="1")
    for _ in range(3):
        with suppress(Exception):
            router.route_new_events(get_recipe)
    victim.refresh_from_db()
    assert victim.state == EventState.ROUTED
