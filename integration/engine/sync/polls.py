"""Polls by the clock: a recipe may say every how many minutes, and its polls start on whole multiples of it, UTC.

A mark that was missed (no worker, a deploy, a long run) is made up for at the next look, once; the poll reads from
where the last finished one began, so nothing is left out. One that has run since the mark is not run again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.utils import timezone

from integration.engine.flow.recipe import Recipe, Recipes
from integration.engine.sync.start_everywhere import PORTION, queue
from integration.models import Integration, State, SyncRun

log = logging.getLogger(__name__)


def start_due_everywhere(keys: Collection[str], recipes: Recipes) -> int:
    """Start the polls of all integrations of these recipes whose mark has passed. Returns how many were started."""
    rows = Integration.objects.filter(state=State.ACTIVE, tenant__is_active=True, recipe__in=keys).order_by("pk")
    ids = list(rows.values_list("pk", flat=True))
    portions = [ids[start : start + PORTION] for start in range(0, len(ids), PORTION)]
    return sum(_start_due(rows.filter(pk__in=portion), recipes) for portion in portions)


def start_due(integration: Integration, recipe: Recipe) -> int:
    """Start the polls of one integration whose mark has passed since they last ran. Returns how many were started."""
    return _start_due([integration], lambda key: recipe)


def _start_due(integrations: Collection[Integration], recipes: Recipes) -> int:
    marks: dict[UUID, datetime] = {}
    for integration in integrations:
        due = _due(integration, recipes)
        if due is not None and (integration.activated_at or integration.created_at) < due:
            marks[integration.pk] = due  # else it was switched on after the mark: there is nothing yet
    if not marks:
        return 0
    polled = _polled_since(marks)
    runs = [
        SyncRun(integration=integration, kind="poll", flow=flow)
        for integration in integrations
        if integration.pk in marks
        for flow in _flows(integration, recipes(integration.recipe))
        if (integration.pk, flow) not in polled
    ]
    return queue("poll", runs)  # one that is still at work is left alone; a minute later somebody looks again


def _due(integration: Integration, recipes: Recipes) -> datetime | None:
    """The last mark of an integration. None for one that cannot be asked, which keeps no other waiting."""
    try:
        recipe = recipes(integration.recipe)
        if recipe.poll_minutes is None:
            return None
        return mark(recipe.poll_minutes({**recipe.default_settings, **integration.settings}), timezone.now())
    except Exception:
        log.exception("Integration %s was left out of the polls by the clock.", integration.pk)
        return None


def _polled_since(marks: dict[UUID, datetime]) -> set[tuple[UUID, str]]:
    """The integrations and flows that have polled since their mark."""
    polls = SyncRun.objects.filter(kind="poll", created_at__gte=min(marks.values()), integration__in=marks)
    rows = polls.values_list("integration_id", "flow", "created_at")
    return {(pk, flow) for pk, flow, created in rows if created >= marks[pk]}


def _flows(integration: Integration, recipe: Recipe) -> Sequence[str]:
    settings = {**recipe.default_settings, **integration.settings}
    return [flow.key for flow in recipe.flows if "poll" in flow.runs and flow.enabled(settings)]


def mark(minutes: int, now: datetime) -> datetime:
    """The last whole multiple of `minutes` since midnight UTC; 60 gives the full hour."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    passed = int((now - midnight).total_seconds() // 60)
    return midnight + timedelta(minutes=passed - passed % minutes)
