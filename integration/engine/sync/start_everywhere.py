"""Start the same kind of run for all integrations, as the schedules do. Per integration it costs one row and one ring.

One task does it for the whole hub, so it must not ask each integration's questions one by one. On a large hub the runs
come due one after the other: changes that come in meanwhile never queue behind all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from integration.engine.dispatch import wakeups
from integration.engine.flow.base import Flow
from integration.engine.flow.recipe import Recipe, Recipes
from integration.models import Integration, State, SyncRun

log = logging.getLogger(__name__)

PORTION = 500  # integrations of one statement
AT_ONCE = 100  # of them are due at once, each further one a little later
APART = 0.03  # seconds
LONGEST = 600.0  # seconds until the last one is due


def start_everywhere(
    kind: str, recipes: Recipes, *, recipe: Callable[[Recipe], bool], flow: Callable[[Flow], bool]
) -> int:
    """Queue a run of this kind for each switched-on flow that is wanted; one under way is left alone.

    Returns how many were queued. An integration that cannot be looked at is logged and keeps nobody else waiting.
    """
    rows = Integration.objects.filter(state=State.ACTIVE, tenant__is_active=True).order_by("pk")
    ids = list(rows.values_list("pk", flat=True))
    apart = min(APART, LONGEST / max(len(ids) - AT_ONCE, 1))
    began, count = timezone.now(), 0
    for start in range(0, len(ids), PORTION):
        portion = rows.filter(pk__in=ids[start : start + PORTION])
        runs: list[SyncRun] = []
        for place, integration in enumerate(portion, start):
            due = began + timedelta(seconds=max(place - AT_ONCE, 0) * apart)
            runs += [_run(integration, kind, key, due) for key in _flows(integration, recipes, recipe, flow)]
        count += queue(kind, runs)
    return count


def _flows(
    integration: Integration, recipes: Recipes, recipe: Callable[[Recipe], bool], flow: Callable[[Flow], bool]
) -> list[str]:
    try:
        found = recipes(integration.recipe)
        settings = {**found.default_settings, **integration.settings}
        return [row.key for row in found.flows if recipe(found) and flow(row) and row.enabled(settings)]
    except Exception:
        log.exception("Integration %s was left out of a schedule.", integration.pk)
        return []


def _run(integration: Integration, kind: str, flow: str, due: datetime) -> SyncRun:
    return SyncRun(integration=integration, kind=kind, flow=flow, next_attempt_at=due)


def queue(kind: str, runs: Iterable[SyncRun]) -> int:
    """Insert those that are not under way, and ring for what is due. Returns how many were new."""
    wanted = list(runs)
    if not wanted:
        return 0
    before = timezone.now()
    SyncRun.objects.bulk_create(wanted, ignore_conflicts=True)
    new = SyncRun.objects.filter(
        kind=kind, integration__in={run.integration_id for run in wanted}, created_at__gte=before
    )
    queued = list(new.values_list("integration_id", "next_attempt_at"))
    wakeups.wake_many(sorted({str(pk) for pk, due in queued if due <= before}))
    return len(queued)
