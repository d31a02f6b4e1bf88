"""One tenant's calls of 1.85 MB, and the largest that are taken: how long do the others' events wait at the door?

Events of another tenant come at a steady rate, first alone, then beside one call after the other of the loud tenant. No
worker runs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence

from benchmarks.figures import Figure, at_most, show
from benchmarks.intake import Door
from benchmarks.knock import Answered, knock
from benchmarks.stage import Stage, install, stage

SECONDS, SHORT = 20, 8
RATE = 40  # events of the others per second
REACH = 250  # ms
ADDRESSES, LARGEST = 160_000, 2_000  # in one call: 1.85 MB of them, and as many as are taken


def run(*, stack: str, rows: int, as_json: bool, short: bool) -> bool:
    """The others alone, then beside calls of `rows` addresses, then beside the largest that are stored."""
    with stage("flood", stack) as hub:
        return show(_figures(hub, stack, rows or ADDRESSES, short), as_json=as_json)


def _figures(hub: Stage, stack: str, addresses: int, short: bool) -> Iterator[Figure]:
    hub.start_web()
    door, loud = Door(install(hub).left.endpoint, hub), _brevo(hub)
    knock(door.url, *door.singles(200))
    events = RATE * (SHORT if short else SECONDS)
    limit = REACH * (2 if short else 1)
    alone = _others(door, events)
    yield at_most(f"flood, {stack}: p99 of the others alone", alone.quantile(0.99) * 1000, "ms", limit)
    for name, count in ((f"{addresses:,} addresses a call", addresses), (f"{LARGEST:,} addresses a call", LARGEST)):
        beside = _beside(loud, [_call(count, number) for number in range(10)], door, events)
        baseline = alone.quantile(0.5) * 1000
        yield at_most(f"flood, {stack}: p50, {name}", beside.quantile(0.5) * 1000, "ms", limit, baseline)
        baseline = alone.quantile(0.99) * 1000
        yield at_most(f"flood, {stack}: p99, {name}", beside.quantile(0.99) * 1000, "ms", limit, baseline)


def _others(door: Door, events: int) -> Answered:
    found = knock(door.url, *door.singles(events), connections=8, rate=RATE)
    assert not found.refused, f"{found.refused} events of the others were not accepted"
    return found


def _beside(loud: tuple[str, dict[str, str]], calls: Sequence[str], door: Door, events: int) -> Answered:
    """The others' answers while the loud tenant calls again and again."""
    url, proof = loud
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            knock(url, calls, [proof] * len(calls), connections=1)

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    try:
        return _others(door, events)
    finally:
        over.set()
        thread.join(600)


def _call(addresses: int, number: int) -> str:
    """One event about many contacts, as a bulk operation at Brevo sends it."""
    emails = [f"{number}{place:06}@a" for place in range(addresses)]
    return json.dumps({"event": "contact_updated", "email": emails, "ts": 1795167000 + number}, separators=(",", ":"))


def _brevo(hub: Stage) -> tuple[str, dict[str, str]]:
    """The door of another tenant's account at Brevo, and its proof."""
    from integration.models import Connection, WebhookEndpoint
    from tenants.models import Tenant

    secret = "lockstep-bench-secret-of-a-webhook"  # noqa: S105 (of a database that is thrown away)
    tenant = Tenant.objects.create(name="Loud")
    account = {"vendor": "brevo", "auth_kind": "api_key", "base_url": "https://api.brevo.com/v3", "health": "ok"}
    connection = Connection.objects.create(tenant=tenant, credentials={"api_key": "k" * 20}, **account)
    endpoint = WebhookEndpoint.objects.create(connection=connection, secret={"current": secret})
    return f"{hub.web_url}/hooks/brevo/{endpoint.token}/", {"Authorization": f"Bearer {secret}"}
