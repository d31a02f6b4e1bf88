"""Start the same kind of run for all integrations, as the schedules do. Per integration it costs one row and one ring.

One task does it for the whole hub, so it must not ask each integration's questions one by one. On a large hub the runs
come due one after the other: changes that come in meanwhile never queue behind all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta

from django.db.models import QuerySet
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


Wanted = Callable[[Flow], bool]


def takes_part(kind: str) -> Wanted:
    """Build the condition that a flow has runs of this kind."""
    return lambda flow: kind in flow.runs


def flows_of(integration: Integration, recipe: Recipe, wanted: Wanted) -> list[str]:
    """The switched-on flows that are wanted. None of an integration that cannot be asked, which is logged."""
    try:
        settings = {**recipe.default_settings, **integration.settings}
        return [flow.key for flow in recipe.flows if wanted(flow) and flow.enabled(settings)]
    except Exception:
        log.exception("Integration %s was left out of a schedule.", integration.pk)
        return []


def start_everywhere(kind: str, recipes: Recipes, keys: Collection[str], wanted: Wanted) -> int:
    """Queue a run of this kind for each wanted flow of integrations of these recipes; one under way is left alone.

    Returns how many were queued.
    """
    total = _active(keys).count()
    apart = min(APART, LONGEST / max(total - AT_ONCE, 1))
    began, count, place = timezone.now(), 0, 0
    for portion in portions(keys):
        runs: list[SyncRun] = []
        for integration in portion:
            due = began + timedelta(seconds=max(place - AT_ONCE, 0) * apart)
            flows = flows_of(integration, recipes(integration.recipe), wanted)
            runs += [SyncRun(integration=integration, kind=kind, flow=key, next_attempt_at=due) for key in flows]
            place += 1
        count += queue(kind, runs)
    return count


def portions(keys: Collection[str]) -> Iterator[list[Integration]]:
    """The active integrations of these recipes, some hundreds at a time."""
    rows = _active(keys)
    last = None
    while True:
        portion = list(rows.filter(pk__gt=last)[:PORTION] if last else rows[:PORTION])
        if not portion:
            return
        yield portion
        last = portion[-1].pk


def _active(keys: Collection[str]) -> QuerySet[Integration]:
    return Integration.objects.filter(state=State.ACTIVE, tenant__is_active=True, recipe__in=keys).order_by("pk")


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
