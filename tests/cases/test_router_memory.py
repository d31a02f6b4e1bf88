"""How much memory a router needs for one portion of 500 events of the largest size the intake takes (2 MB).

Measured with 60 of them; a worker that is killed for memory leaves them new, and the next one begins with the same 500.
"""

from __future__ import annotations

import base64
import json
import tracemalloc

from django.test import Client

from integration.engine.sync import router
from integration.models import WebhookEvent
from integration.recipes.registry import get_recipe

COUNT = 60
MEGABYTE = 1024 * 1024


def test_a_portion_of_large_events(world):
    receive_large(world)
    tracemalloc.start()  # the process's own peak would know of the tests before this one
    try:
        router.route_new_events(get_recipe)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not WebhookEvent.objects.filter(state="new").exists()
    each = peak / MEGABYTE / COUNT
    assert 500 * each < 300


def receive_large(world):
    """One event comes in; the others are like it, so that a minute is not spent on sending them."""
    fields = {f"f{n:05}": {"type": "varchar", "value": "x" * 20} for n in range(28_000)}  # costs more than a long text
    meta = {
        "action": "change", "entity": "person", "entity_id": "1", "id": "e1", "timestamp": "2026-11-29T10:00:00Z",
        "company_id": world.integration.left.external_account_id, "version": "2.0", "webhook_id": "1",
    }  # fmt: skip
    body = {"meta": meta, "data": {"id": 1, "name": "n", "custom_fields": fields}, "previous": {}}
    sent = json.dumps(body, separators=(",", ":"))
    endpoint = world.integration.left.endpoint
    secret = base64.b64encode(endpoint.secret["current"].encode()).decode()
    answer = Client(headers={"Authorization": f"Basic {secret}"}).generic(
        "POST", f"/hooks/pipedrive/{endpoint.token}/", sent, content_type="application/json"
    )
    assert answer.status_code == 200, (answer.status_code, len(sent))
    event = WebhookEvent.objects.get()
    for number in range(2, COUNT + 1):
        event.pk, event.external_id, event.dedupe_key = None, str(number), f"e{number}"
        event.save(force_insert=True)
