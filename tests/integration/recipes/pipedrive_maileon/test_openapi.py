"""What we send to Pipedrive is what its official OpenAPI files allow; checked on everything a busy day sends."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest

from integration.engine.setup import lifecycle
from integration.engine.sync import runs
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tests.sandbox.openapi import check_request, require_specs
from tests.support import hub
from tests.support.world import World


def test_every_request_of_a_busy_day_fits_the_official_description(sandbox, settings, transactional_db):
    require_specs()
    settings.PUBLIC_URL = "https://hub.example.com"
    world = World.install(sandbox, deals_enabled=True)
    person_id = world.person("Ada Byron", org_id=1)
    world.deal(title="Engine", person_id=int(person_id), org_id=1)
    world.deliver()
    world.click("ada.byron@example.com")
    world.deliver()
    runs.start(world.integration, "fetch_all", "person_to_contact")
    start_runs(world.integration, "poll")
    start_runs(world.integration, "reconcile")
    hub.drain()
    lifecycle.uninstall(world.integration, get_recipe)

    seen = set()
    for call in sandbox.control("GET", "/calls?vendor=pipedrive"):
        path = call["path"].removeprefix("/pipedrive/acme").replace("/api/v1", "/v1")
        body = json.loads(call["body"]) if call["body"] else None
        check_request(call["method"], path, dict(parse_qsl(call["query"])), body)
        seen.add((call["method"], path.split("?")[0].rstrip("0123456789").rstrip("/")))

    assert {("GET", "/api/v2/persons"), ("PATCH", "/api/v2/persons"), ("GET", "/api/v2/deals")} <= seen
    assert ("DELETE", "/v1/webhooks") in seen


@pytest.fixture(autouse=True)
def _no_reset_of_the_journal(monkeypatch):
    """Keep the whole day's calls."""
    monkeypatch.setattr(World, "calls", lambda self, vendor: [])
