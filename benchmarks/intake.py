"""How many webhooks a second are accepted, each committed before its answer? Against a bare view with one INSERT.

Same gunicorn settings, same database, sixteen connections; no worker runs. Also: the delay at half of that load, events
in batches of a hundred, and the same while very many rows wait.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.figures import Figure, at_least, at_most, show
from benchmarks.knock import Answered, knock
from benchmarks.stage import Stage, free_address, install, stage

REQUESTS, SHORT = 4_000, 1_200
WAITING = 1_000_000
BATCH = 100
ROUNDS = 3


def run(*, stack: str, rows: int, as_json: bool, short: bool) -> bool:
    """Start the bare view, then the hub, and knock at both."""
    with stage("intake", stack) as hub:
        return show(_figures(hub, stack, rows or (SHORT if short else REQUESTS), short), as_json=as_json)


def _figures(hub: Stage, stack: str, requests: int, short: bool) -> Iterator[Figure]:
    half = 0.5 if short else 1.0
    integration = install(hub)
    endpoint = integration.left.endpoint
    door = Door(endpoint, hub)
    bare_url = _start_bare(hub)
    hub.start_web()
    for url in (bare_url, door.url):  # both warm before anything counts
        knock(url, *door.singles(400))
    ours, bare = _in_turns(door, bare_url, requests)
    yield at_least(f"intake, {stack}: accepted", ours.per_second, "/s", bare.per_second, 0.8 * half)
    calm = knock(door.url, *door.singles(min(requests, 1500)), rate=ours.per_second / 2)
    yield at_most(f"intake, {stack}: p99 at half load", calm.quantile(0.99) * 1000, "ms", 50 / half)
    batches = knock(f"{hub.web_url}/hooks/hubspot/", *_batches(hub, 60 if short else 200))
    events = batches.per_second * BATCH
    yield at_least(f"intake, {stack}: events in batches", events, "/s", ours.per_second, 20 * half)
    waiting = 100_000 if short else WAITING
    _let_wait(endpoint.connection_id, waiting)
    full = knock(door.url, *door.singles(requests))
    yield at_least(f"intake, {stack}: {waiting:,} waiting", full.per_second, "/s", ours.per_second, 0.7 * half)


class Door:
    """Our endpoint and events for it, each of them new."""

    def __init__(self, endpoint: Any, hub: Stage) -> None:
        self.url = f"{hub.web_url}/hooks/pipedrive/{endpoint.token}/"
        self.auth = "Basic " + b64encode(endpoint.secret["current"].encode()).decode()
        self.account = endpoint.connection.external_account_id
        self.number = 0

    def singles(self, count: int) -> tuple[list[str], list[dict[str, str]]]:
        first, self.number = self.number, self.number + count
        return [self._body(n) for n in range(first, first + count)], [{"Authorization": self.auth}] * count

    def about(self, ids: Sequence[str]) -> tuple[list[str], list[dict[str, str]]]:
        """A new event about each of these people."""
        first, self.number = self.number, self.number + len(ids)
        bodies = [self._body(first + place, int(key)) for place, key in enumerate(ids)]
        return bodies, [{"Authorization": self.auth}] * len(ids)

    def _body(self, number: int, person_id: int = 0) -> str:
        key = person_id or number
        person = {
            "id": key, "name": f"Person {number}", "emails": [{"value": f"p{number}@example.com", "primary": True}],
            "org_id": 7, "owner_id": 1, "add_time": "2026-11-21T09:00:00Z", "update_time": "2026-11-21T10:00:00Z",
            "custom_fields": {},
        }  # fmt: skip
        meta = {
            "action": "change", "entity": "person", "entity_id": str(key), "company_id": self.account,
            "id": f"bench-{number}", "timestamp": "2026-11-21T10:00:00.000Z", "version": "2.0", "webhook_id": "1",
            "attempt": 1,
        }  # fmt: skip
        return json.dumps({"data": person, "previous": None, "meta": meta})


def _in_turns(door: Door, bare_url: str, requests: int) -> tuple[Answered, Answered]:
    """Both several times in turns, and the best of each: other work on the machine slows single rounds down."""
    ours, bare = [], []
    for _ in range(ROUNDS):
        bare.append(knock(bare_url, *door.singles(requests // ROUNDS)))
        ours.append(knock(door.url, *door.singles(requests // ROUNDS)))
    assert not any(found.refused for found in (*ours, *bare)), "something was not accepted"
    return max(ours, key=lambda found: found.per_second), max(bare, key=lambda found: found.per_second)


def _start_bare(hub: Stage) -> str:
    from django.db import connection as database

    from integration.management.processes import web_command

    serial = "INTEGER PRIMARY KEY" if database.vendor == "sqlite" else "BIGSERIAL PRIMARY KEY"
    with database.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bare (id {serial}, body TEXT NOT NULL)")
    port = int(free_address().rpartition(":")[2])
    command = ["benchmarks.bare:application()" if part == "config.wsgi:application" else part for part in web_command()]
    command[command.index("--bind") + 1] = f"127.0.0.1:{port}"
    hub.processes.start("bare", command)
    hub.processes.wait_for(f"http://127.0.0.1:{port}/hooks/")
    return f"http://127.0.0.1:{port}/hooks/"


def _batches(hub: Stage, count: int) -> tuple[list[str], list[dict[str, str]]]:
    """Requests of a hundred events as HubSpot sends and signs them (version 3, valid for five minutes)."""
    from django.conf import settings

    secret = settings.OAUTH_APPS["hubspot"]["client_secret"]
    stamp = str(int(time.time() * 1000))
    bodies, headers = [], []
    for number in range(count):
        body = json.dumps([
            {
                "eventId": number * BATCH + part, "subscriptionId": 1, "portalId": PORTAL, "appId": 1,
                "occurredAt": int(stamp), "subscriptionType": "contact.propertyChange", "attemptNumber": 0,
                "objectId": part, "propertyName": "email", "propertyValue": f"p{part}@example.com",
            }
            for part in range(BATCH)
        ])  # fmt: skip
        said = f"POST{hub.web_url}/hooks/hubspot/{body}{stamp}"
        signature = b64encode(hmac.new(secret.encode(), said.encode(), hashlib.sha256).digest()).decode()
        bodies.append(body)
        headers.append({"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp})
    return bodies, headers


PORTAL = 62515001
# The environment the web process gets its HubSpot app from.
os.environ.setdefault("HUBSPOT_CLIENT_ID", "bench")
os.environ.setdefault("HUBSPOT_CLIENT_SECRET", "bench-secret-of-the-hubspot-app")


def _let_wait(connection_id: Any, count: int) -> None:
    """So many new events that nobody has routed."""
    from django.db import connection as database

    from integration.models import WebhookEvent

    sample = WebhookEvent.objects.filter(connection_id=connection_id).latest("id")
    columns = [str(field.column) for field in WebhookEvent._meta.fields if field.column != "id"]
    series = "generate_series(1, %s) AS n(n)"
    if database.vendor == "sqlite":
        series = "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %s) SELECT n FROM c)"
    values = ", ".join("'wait-' || n" if column == "dedupe_key" else column for column in columns)
    with database.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO integration_webhookevent ({', '.join(columns)}) "  # noqa: S608 (our own names)
            f"SELECT {values} FROM integration_webhookevent, {series} WHERE id = {sample.pk}",
            [count],
        )
        if database.vendor != "sqlite":
            cursor.execute("VACUUM ANALYZE integration_webhookevent")
