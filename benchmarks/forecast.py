"""How far is the forecast of a Fetch All from what it takes? Vendors answer after 150 ms.

Asked of a bulk recipe and of one that takes a call per record: without any history where the number of records is
known, a third of the way, and for a second pass with the history of the first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks import fetch
from benchmarks.figures import Figure, at_most, show
from benchmarks.stage import Stage, stage

LATENCY_MS = 150
SLICE = {"bulk": 1.0, "single": 10.0}  # seconds; a page that is left in the middle is read again
SECONDS = 3.0  # of which no forecast is asked to be nearer


@dataclass(frozen=True)
class Way:
    """A recipe to ask, with how many records."""

    flow: str
    install: Callable[[Stage], Any]
    plant: Callable[[Stage, Any, int, int], None]
    count: int
    short: int


WAYS = {
    "bulk": Way("person_to_contact", fetch._pipedrive_maileon, fetch._plant_people, 20_000, 5_000),
    "single": Way("lead_to_lead", fetch._leadboxer_pipedrive, fetch._plant_leads, 600, 200),
}


def run(*, stack: str, rows: int, as_json: bool, short: bool, recipe: str = "bulk") -> bool:
    """One of the two ways."""
    os.environ.update(fetch.HUBSPOT_APP)
    count = rows or (WAYS[recipe].short if short else WAYS[recipe].count)
    with stage(f"forecast_{recipe}", stack) as hub:
        return show(_figures(hub, recipe, count, 2.0 if short else 1.0), as_json=as_json)


def _figures(hub: Stage, way: str, count: int, slack: float) -> Iterator[Figure]:
    flow, integration = WAYS[way].flow, WAYS[way].install(hub)
    WAYS[way].plant(hub, integration, 0, count)
    for vendor in (integration.left.vendor, integration.right.vendor):
        hub.control("POST", "/misbehave", {"vendor": vendor, "latency_ms": LATENCY_MS})
    for name, reach in (("first pass", 100.0), ("second pass", 50.0)):
        known, before, calls = _foreseen(integration, flow)
        took, halfway, made = _pass(hub, integration, flow, SLICE[way])
        if known:
            yield at_most(f"forecast, {way}, {name}: off by, of {took:.0f} s", _off(before, took), "%", reach * slack)
            yield at_most(
                f"forecast, {way}, {name}: calls off by, of {made}", _off(calls, made, 10), "%", reach * slack
            )
        if halfway:
            at, left = halfway
            yield at_most(f"forecast, {way}, {name}: a third on, off by", _off(left, took - at), "%", 40 * slack)


def _off(foreseen: float, actual: float, least: float = SECONDS) -> float:
    return abs(foreseen - actual) / max(actual, least) * 100


def _foreseen(integration: Any, flow: str) -> tuple[bool, float, int]:
    from integration.engine.insight import forecast
    from integration.recipes.registry import get_recipe

    recipe = get_recipe(integration.recipe)
    [found] = forecast.before_start(integration, recipe, [recipe.flow(flow)])
    return found.records is not None, found.seconds, found.calls


def _pass(hub: Stage, integration: Any, flow: str, seconds: float) -> tuple[float, tuple[float, float] | None, int]:
    """Seconds of a Fetch All, when a third was done and what was foreseen then, and the calls it made."""
    from integration.engine.insight import forecast
    from integration.engine.sync import runner, runs
    from integration.models import SyncRun
    from integration.recipes.registry import get_recipe

    hub.control("DELETE", "/calls")
    run = runs.start(integration, "fetch_all", flow)
    halfway = None
    started = time.monotonic()
    while SyncRun.objects.filter(pk=run.pk, state__in=runs.UNFINISHED).exists():
        runner.run(str(integration.pk), get_recipe, slice_seconds=seconds)
        run.refresh_from_db()
        left = forecast.seconds_left(run, get_recipe(integration.recipe))
        if halfway is None and run.total and left is not None and run.done * 3 > run.total:
            halfway = (time.monotonic() - started, left)
    return time.monotonic() - started, halfway, len(hub.control("GET", "/calls"))
