"""Let one record whose answer has a form we do not know stop none of its neighbours."""

from __future__ import annotations

import pytest
from django.utils import timezone

from integration.connectors.pipedrive.api import Api
from integration.engine.sync import router, runner, runs
from integration.models import SyncJob, SyncRun
from integration.recipes.registry import get_recipe


def spoil(monkeypatch, broken):
    """Pipedrive sends one record with a time nobody can read."""
    original = Api.page_v2

    def page(self, path, cursor, **params):
        rows, following = original(self, path, cursor, **params)
        return [{**row, "update_time": "0000-00-00"} if str(row["id"]) == broken else row for row in rows], following

    monkeypatch.setattr(Api, "page_v2", page)


def test_on_a_page_of_fetch_all(world, monkeypatch):
    world.seed_people(6)
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    broken = next(str(key) for key, row in rows.items() if row["name"] == "Seed 2")
    spoil(monkeypatch, broken)
    runs.start(world.integration, "fetch_all", "person_to_contact", options={"allow_doi": True})
    for _ in range(14):  # as often as it is tried
        SyncRun.objects.update(next_attempt_at=timezone.now())
        runner.run(str(world.integration.pk), get_recipe)
    assert len(world.mails()) == 5


@pytest.mark.parametrize("place", ["first", "last"])
def test_in_a_batch_of_jobs(world, monkeypatch, place):
    people = [world.person(f"Person {n}") for n in range(6)]
    spoil(monkeypatch, people[0] if place == "first" else people[-1])
    for delivery in world.held():
        assert world.post(delivery) == 200
    router.route_new_events(get_recipe)
    for _ in range(18):
        SyncJob.objects.filter(state="waiting").update(next_attempt_at=timezone.now())
        runner.run(str(world.integration.pk), get_recipe)
    assert len(world.mails()) == 5


def test_an_event_whose_id_is_plain_is_routed_whatever_form_its_record_has(world):
    """The hub reads records afresh and needs only the id. A value of unknown form makes the whole event “unreadable”,
    and a deletion is not seen before the weekly reconcile."""
    import base64
    import json

    from django.test import Client

    endpoint = world.integration.left.endpoint
    secret = base64.b64encode(endpoint.secret["current"].encode()).decode()
    body = {
        "meta": {
            "action": "delete",
            "entity": "person",
            "entity_id": "7",
            "id": "e1",
            "timestamp": "2026-11-29T10:00:00Z",
            "company_id": world.integration.left.external_account_id,
            "version": "2.0",
            "webhook_id": "1",
        },
        "data": None,
        "previous": {"id": 7, "name": "Ada", "update_time": "0000-00-00 00:00:00"},
    }
    Client(headers={"Authorization": f"Basic {secret}"}).generic(
        "POST", f"/hooks/pipedrive/{endpoint.token}/", json.dumps(body), content_type="application/json"
    )
    router.route_new_events(get_recipe)
    assert SyncJob.objects.filter(external_id="7", hint__deleted=True).exists()
