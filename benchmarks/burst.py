"""Ten thousand events on five thousand people at once: how much faster than one job and one call per event?

Router and runner work in this process; the baseline is the same code with batches of one. The sandbox takes 50 ms for
each call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import ceil
from typing import Any

from benchmarks.figures import Figure, at_least, at_most, show
from benchmarks.intake import Door
from benchmarks.knock import knock
from benchmarks.latency import people, rename
from benchmarks.stage import Stage, install, stage

PEOPLE, SHORT = 5_000, 1_000
ALONE = 40  # people of the baseline: it grows with their number and nothing else
LATENCY_MS = 50
READ, WRITE = 100, 1_000  # people per call: Pipedrive's list of ids, Maileon's bulk


def run(*, stack: str, rows: int, as_json: bool, short: bool) -> bool:
    """First the baseline, then the burst."""
    with stage("burst", stack) as hub:
        return show(_figures(hub, stack, rows or (SHORT if short else PEOPLE), short), as_json=as_json)


def _figures(hub: Stage, stack: str, count: int, short: bool) -> Iterator[Figure]:
    from integration.recipes.registry import get_recipe

    integration = install(hub, doi_enabled=False, permission="1")
    hub.start_web()
    hub.start_worker()
    ids = people(hub, integration, count)
    hub.processes.kill("worker")
    door = Door(integration.left.endpoint, hub)
    for vendor in ("pipedrive", "maileon"):
        hub.control("POST", "/misbehave", {"vendor": vendor, "latency_ms": LATENCY_MS})
    flow = get_recipe("pipedrive_maileon").flow("person_to_contact")
    usual, flow.batch_size = flow.batch_size, 1
    alone = _converge(hub, door, ids[:ALONE], str(integration.pk)) / ALONE
    flow.batch_size = usual
    hub.control("DELETE", "/calls")
    seconds = _converge(hub, door, ids, str(integration.pk))
    calls = hub.calls("pipedrive") + hub.calls("maileon")
    least = ceil(len(ids) / READ) + ceil(len(ids) / WRITE)
    yield at_least(f"burst, {stack}: people per second", len(ids) / seconds, "/s", 1 / alone, 7.5 if short else 15)
    yield at_most(f"burst, {stack}: calls, least {least}", calls, "calls", least * (1.5 if short else 1.05) + 0.5)
    new = _new_people(hub, integration, count)
    seconds = _work_off(door, new, str(integration.pk))
    assert _linked(integration, new) == len(new)
    yield at_least(f"burst, {stack}: new people per second", len(new) / seconds, "/s", 1 / alone, 7.5 if short else 15)


def _converge(hub: Stage, door: Door, ids: list[str], integration_id: str) -> float:
    """Two events on each, all at once; seconds until everything is in step."""
    rename(hub, ids)
    return _work_off(door, [*ids, *ids], integration_id)


def _new_people(hub: Stage, integration: Any, count: int) -> list[str]:
    """People of whom the hub knows nothing yet."""
    fields = {integration.resources["newsletter"]: int(integration.resources["newsletter_yes"])}
    rows = [
        {"name": f"New {n}", "emails": [{"value": f"new{n}@example.com"}], "custom_fields": fields}
        for n in range(count)
    ]
    return [str(key) for key in hub.control("POST", "/pipedrive/acme/seed", {"persons": rows})["persons"]]


def _linked(integration: Any, ids: list[str]) -> int:
    from integration.models import RecordLink

    links = RecordLink.objects.filter(integration=integration, link_type="person", state="active")
    return len({*links.values_list("source_id", flat=True)} & {*ids})


def _work_off(door: Door, ids: list[str], integration_id: str) -> float:
    """An event about each, all at once; seconds until all of them are worked off."""
    from integration.engine.sync import router, runner
    from integration.models import SyncJob
    from integration.recipes.registry import get_recipe

    knock(door.url, *door.about(ids))
    started = time.monotonic()
    router.route_new_events(get_recipe)
    while SyncJob.objects.filter(state__in=("waiting", "running")).exists():
        runner.run(integration_id, get_recipe)
    return time.monotonic() - started
