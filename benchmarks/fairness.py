"""One tenant floods the hub while others go on with one change a second each: how much longer do those wait?"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.figures import Figure, no_more_than, show
from benchmarks.intake import Door
from benchmarks.knock import knock
from benchmarks.latency import settle
from benchmarks.stage import Stage, stage
from benchmarks.workers import integrations

OTHERS, SECONDS, FLOOD = 20, 20, 10_000


def run(*, stack: str, rows: int, as_json: bool, short: bool) -> bool:
    """The others alone, then the same beside a flood."""
    with stage("fairness", stack) as hub:
        return show(_figures(hub, stack, rows or (OTHERS // 2 if short else OTHERS), short), as_json=as_json)


def _figures(hub: Stage, stack: str, others: int, short: bool) -> Iterator[Figure]:
    hub.start_web(INTAKE_EVENTS_PER_MINUTE="600")
    hub.start_worker()
    loud, *quiet = integrations(hub, others + 1)
    people = {f"bench{number}": _person(hub, f"bench{number}", row) for number, row in enumerate([loud, *quiet])}
    settle()
    key = people.pop("bench0")
    alone = _p95(hub, quiet, people)
    door = Door(loud.left.endpoint, hub)
    events = door.about([key] * (FLOOD // (4 if short else 1)))
    flood = threading.Thread(target=lambda: knock(door.url, *events, connections=4), daemon=True)
    flood.start()
    beside = _p95(hub, quiet, people)
    flood.join()
    settle(600)
    yield no_more_than(f"fairness, {stack}: p95 of {others} others", beside, "ms", alone, 4 if short else 2)


def _person(hub: Stage, domain: str, row: Any) -> str:
    fields = {row.resources["newsletter"]: int(row.resources["newsletter_yes"])}
    body = {"name": "Ada", "emails": [{"value": f"ada@{domain}.example", "primary": True}], "custom_fields": fields}
    return str(hub.control("POST", f"/pipedrive/{domain}/persons", body)["data"]["id"])


def _p95(hub: Stage, rows: list[Any], people: dict[str, str]) -> float:
    """Each is changed once a second for a while; milliseconds from acceptance to the arrival of the write."""
    from integration.models import SyncLog

    first = SyncLog.objects.order_by("-id").values_list("pk", flat=True).first() or 0
    for second in range(SECONDS):
        due = time.monotonic() + 1
        for domain, key in people.items():
            hub.control("PATCH", f"/pipedrive/{domain}/persons/{key}", {"name": f"Ada {first}.{second}"})
        time.sleep(max(due - time.monotonic(), 0))
    deadline = time.monotonic() + 120
    done = SyncLog.objects.filter(pk__gt=first, integration__in=rows, outcome="synced", event__isnull=False)
    while done.values("integration").distinct().count() < len(rows):
        assert time.monotonic() < deadline, "the others wait for more than two minutes"
        time.sleep(0.2)
    found = done.select_related("event", "call")
    delays = [(row.call.at - row.event.received_at).total_seconds() * 1000 for row in found if row.call and row.event]
    return statistics.quantiles(delays, n=20)[-1]
