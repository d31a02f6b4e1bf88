"""Bulk work as runs: resync many records, replay many events. Runs give way to live traffic and can be cancelled.

A run keeps the ids it was started with, so that what was counted and shown beforehand is what is worked on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from integration.engine import runs
from integration.engine.portions import REPLAY, RESYNC
from integration.engine.recipe import Recipes
from integration.models import Integration, State, SyncRun, WebhookEvent

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

LIMIT = 100_000  # ids one run keeps
LIVE = (State.ACTIVE, State.PAUSED)


def start_resync(records: Iterable[tuple[Integration, str, str]], user: AbstractBaseUser | None) -> list[SyncRun]:
    """Read these (integration, flow, source id) afresh and bring them up to date: one run per integration and flow.

    Raises RunInProgress when one of them is still under way; those started before it go on.
    """
    wishes: dict[tuple[Any, str], dict[str, None]] = defaultdict(dict)  # keeps the order, drops doubles
    integrations: dict[Any, Integration] = {}
    for integration, flow, source_id in records:
        if integration.state in LIVE:
            integrations[integration.pk] = integration
            wishes[integration.pk, flow][source_id] = None
    return [
        runs.start(integrations[pk], RESYNC, flow, options={"ids": list(ids)[:LIMIT]}, user=user)
        for (pk, flow), ids in wishes.items()
    ]


def start_replay(events: Sequence[WebhookEvent], recipes: Recipes, user: AbstractBaseUser | None) -> list[SyncRun]:
    """Process stored events again: one run per integration and flow that listens to them. Raises RunInProgress."""
    by_connection: dict[Any, list[WebhookEvent]] = defaultdict(list)
    for event in events:
        by_connection[event.connection_id].append(event)
    started = []
    for integration in Integration.objects.select_related("left", "right", "tenant").filter(state__in=LIVE):
        recipe = recipes(integration.recipe)
        settings = {**recipe.default_settings, **integration.settings}
        for flow in recipe.flows:
            told = by_connection.get(getattr(integration, f"{flow.side}_id"), [])
            ids = [event.pk for event in told if event.vendor_event in flow.events]
            if ids and flow.enabled(settings):
                started.append(runs.start(integration, REPLAY, flow.key, options={"ids": ids[:LIMIT]}, user=user))
    return started
