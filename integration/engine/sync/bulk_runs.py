"""Bulk work as runs: resync many records, replay many events. Runs give way to live traffic and can be cancelled.

A run keeps the ids it was started with, so that what was counted and shown beforehand is what is worked on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from config.json_value import JSONObject, JSONValue
from integration.engine.flow.recipe import Recipe, Recipes
from integration.engine.sync import repair, replay, runs
from integration.engine.sync.id_runs import REPAIR, REPLAY, RESYNC
from integration.engine.sync.repair import Take
from integration.models import Drift, Integration, State, SyncRun, WebhookEvent

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

LIMIT = 100_000  # ids one run keeps
LIVE = (State.ACTIVE, State.PAUSED)


@dataclass
class Started:
    """The runs that began, and a sentence for each that could not because one like it is still under way."""

    runs: list[SyncRun] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def start(
        self,
        integration: Integration,
        kind: str,
        flow: str,
        ids: Sequence[str] | Sequence[int],
        user: AbstractBaseUser | None,
        options: JSONObject | None = None,
    ) -> None:
        """Begin one run, or say why not."""
        try:
            self.runs.append(
                runs.start(integration, kind, flow, options={**(options or {}), "ids": ids[:LIMIT]}, user=user)
            )
        except runs.RunInProgress as exc:
            self.refused.append(f"{integration}: {exc} Wait for it or cancel it first.")


def start_resync(records: Iterable[tuple[Integration, str, str]], user: AbstractBaseUser | None) -> Started:
    """Read these (integration, flow, source id) afresh and bring them up to date: one run per integration and flow."""
    started = Started()
    for integration, flow, ids in _grouped(records):
        started.start(integration, RESYNC, flow, ids, user)
    return started


def resync(records: Iterable[tuple[Integration, str, str]]) -> int:
    """The same at once, for a few: their jobs are queued without a run. Returns how many."""
    return sum(replay.resync(integration, flow, ids) for integration, flow, ids in _grouped(records))


def _grouped(records: Iterable[tuple[Integration, str, str]]) -> Iterator[tuple[Integration, str, list[str]]]:
    """(integration, flow, source ids) in the order they came, without doubles; only integrations that are live."""
    wishes: dict[tuple[UUID, str], dict[str, None]] = defaultdict(dict)
    integrations: dict[UUID, Integration] = {}
    for integration, flow, source_id in records:
        if integration.state in LIVE:
            integrations[integration.pk] = integration
            wishes[integration.pk, flow][source_id] = None
    for (pk, flow), ids in wishes.items():
        yield integrations[pk], flow, list(ids)


def start_replay(events: Sequence[WebhookEvent], recipes: Recipes, user: AbstractBaseUser | None) -> Started:
    """Process stored events again: one run per integration and flow that listens to them."""
    by_connection: dict[UUID, list[WebhookEvent]] = defaultdict(list)
    for event in events:
        by_connection[event.connection_id].append(event)
    started = Started()
    for integration in Integration.objects.select_related("left", "right", "tenant").filter(state__in=LIVE):
        recipe = recipes(integration.recipe)
        settings = {**recipe.default_settings, **integration.settings}
        for flow in recipe.flows:
            told = by_connection.get(getattr(integration, f"{flow.side}_id"), [])
            ids = [event.pk for event in told if event.vendor_event in flow.events]
            if ids and flow.enabled(settings):
                started.start(integration, REPLAY, flow.key, ids, user)
    return started


def start_repair(rows: Iterable[Drift], take: Take, recipes: Recipes, user: AbstractBaseUser | None) -> Started:
    """Repair findings: one run per integration and flow; those that cannot be taken so are passed over."""
    chosen: dict[tuple[UUID, str], dict[str, list[str]]] = defaultdict(dict)
    integrations: dict[UUID, Integration] = {}
    for row in rows:
        if repair.may_take(row, take) and row.integration.state in LIVE:
            integrations[row.integration_id] = row.integration
            chosen[row.integration_id, row.flow].setdefault(row.source_id, []).append(row.field)
    started = Started()
    for (pk, flow), fields in chosen.items():
        key, options = _way_of(recipes(integrations[pk].recipe), flow, take, fields)
        started.start(integrations[pk], REPAIR, key, list(fields), user, options)
    return started


def _way_of(recipe: Recipe, flow: str, take: Take, fields: Mapping[str, list[str]]) -> tuple[str, dict[str, JSONValue]]:
    """The flow whose run repairs this, and what that has to know."""
    way = recipe.flow(flow).two_way
    if take is Take.OURS or way is None:
        return flow, {repair.FIELDS: dict(fields)}
    return way.back, {repair.FORWARD: flow, repair.FIELDS: dict(fields)}
