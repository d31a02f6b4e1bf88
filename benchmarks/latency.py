"""How long from a webhook's acceptance to the write that arrives at the target, at twenty changes a second?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from benchmarks.figures import Figure, at_most, show
from benchmarks.intake import Door
from benchmarks.knock import knock
from benchmarks.stage import Stage, at_rest, install, stage

EVENTS, SHORT, RATE = 600, 160, 20.0
REACH = {"embedded": {"p50": 250.0, "p95": 600.0}, "postgres": {"p50": 60.0}}


def run(*, stack: str, rows: int, as_json: bool, short: bool) -> bool:
    """People who are in step, each changed once."""
    with stage("latency", stack) as hub:
        return show(_figures(hub, stack, rows or (SHORT if short else EVENTS), short), as_json=as_json)


def _figures(hub: Stage, stack: str, events: int, short: bool) -> Iterator[Figure]:
    from integration.models import VendorCall, WebhookEvent

    integration = install(hub, doi_enabled=False, permission="1")
    hub.start_web()
    hub.start_worker()
    ids = people(hub, integration, events)
    door = Door(integration.left.endpoint, hub)
    rename(hub, ids)
    VendorCall.objects.all().delete()
    knock(door.url, *door.about(ids), rate=RATE, connections=4)
    settle()
    accepted = {
        row.external_id: row.received_at for row in WebhookEvent.objects.filter(external_id__in=ids, state="routed")
    }
    delays = [(moment - accepted[key]).total_seconds() * 1000 for key, moment in written(integration, ids).items()]
    assert len(delays) == len(ids), f"{len(delays)} of {len(ids)} arrived"
    quantiles = {"p50": statistics.median(delays), "p95": statistics.quantiles(delays, n=20)[-1]}
    for name, limit in REACH[stack].items():
        yield at_most(f"end to end, {stack}: {name}", quantiles[name], "ms", limit * (2 if short else 1))


def people(hub: Stage, integration: Any, count: int) -> list[str]:
    """So many people in Pipedrive who are contacts in Maileon already, by Fetch All."""
    from integration.engine.sync import runs
    from integration.models import RecordLink, SyncRun

    resources = integration.resources
    rows = [
        {
            "name": f"Person {n}", "emails": [{"value": f"p{n}@example.com"}],
            "custom_fields": {resources["newsletter"]: int(resources["newsletter_yes"])},
        }
        for n in range(count)
    ]  # fmt: skip
    hub.control("POST", "/pipedrive/acme/seed", {"persons": rows})
    run = runs.start(integration, "fetch_all", "person_to_contact")
    deadline = time.monotonic() + 600
    while SyncRun.objects.get(pk=run.pk).state != "done":
        assert time.monotonic() < deadline, SyncRun.objects.get(pk=run.pk).problem
        time.sleep(0.2)
    settle()
    links = RecordLink.objects.filter(integration=integration, written__email__startswith="p")
    return list(links.order_by("pk").values_list("source_id", flat=True)[:count])


def rename(hub: Stage, ids: list[str]) -> None:
    """Somebody renames each of them; the events are ours to send."""
    hub.control("POST", "/misbehave", {"vendor": "pipedrive", "webhooks": {"hold": True}})
    for key in ids:
        hub.control("PATCH", f"/pipedrive/acme/persons/{key}", {"name": f"Renamed {key}"})


def settle(patience: float = 300.0) -> None:
    """Wait until nothing of ours waits any more."""
    deadline = time.monotonic() + patience
    while not at_rest():
        assert time.monotonic() < deadline, "the hub does not come to rest"
        time.sleep(0.05)


def written(integration: Any, ids: list[str]) -> dict[str, datetime]:
    """When the write of each person had arrived: the moment its vendor call was answered."""
    from integration.models import SyncLog

    rows = SyncLog.objects.filter(integration=integration, source_id__in=ids, outcome="synced", event__isnull=False)
    return {row.source_id: row.call.at if row.call else row.created_at for row in rows.select_related("call")}
