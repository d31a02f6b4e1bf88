"""Polls by the clock: a recipe may say every how many minutes, and its polls start on whole multiples of it, UTC.

A mark that was missed (no worker, a deploy, a long run) is made up for at the next look, once; the poll reads from
where the last finished one began, so nothing is left out. One that has run since the mark is not run again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from integration.engine.flow.recipe import Recipe
from integration.engine.sync import runs
from integration.models import Integration, SyncRun


def start_due(integration: Integration, recipe: Recipe) -> int:
    """Start the polls whose mark has passed since they last ran. Returns how many were started."""
    settings = {**recipe.default_settings, **integration.settings}
    if recipe.poll_minutes is None:
        return 0
    due = mark(recipe.poll_minutes(settings), timezone.now())
    if (integration.activated_at or integration.created_at) >= due:
        return 0  # switched on after the mark: there is nothing yet
    polls = SyncRun.objects.filter(integration=integration, kind="poll", created_at__gte=due)
    done = set(polls.values_list("flow", flat=True))
    started = 0
    for flow in recipe.flows:
        if "poll" in flow.runs and flow.enabled(settings) and flow.key not in done:
            try:
                runs.start(integration, "poll", flow.key)
                started += 1
            except runs.RunInProgress:
                continue  # the last one is still at work; a minute later somebody looks again
    return started


def mark(minutes: int, now: datetime) -> datetime:
    """The last whole multiple of `minutes` since midnight UTC; 60 gives the full hour."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    passed = int((now - midnight).total_seconds() // 60)
    return midnight + timedelta(minutes=passed - passed % minutes)
