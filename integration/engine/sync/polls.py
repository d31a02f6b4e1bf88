"""Polls by the clock: a recipe may say every how many minutes, and its polls start on whole multiples of it, UTC.

A mark that was missed (no worker, a deploy, a long run) is made up for at the next look, once; the poll reads from
where the last finished one began, so nothing is left out. One that has run since the mark is not run again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.utils import timezone

from integration.engine.flow.recipe import Recipes
from integration.engine.sync.start_everywhere import flows_of, portions, queue, takes_part
from integration.models import Integration, SyncRun

log = logging.getLogger(__name__)


def start_due_everywhere(keys: Collection[str], recipes: Recipes) -> int:
    """Start the polls of all integrations of these recipes whose mark has passed. Returns how many were started."""
    return sum(start_due(portion, recipes) for portion in portions(keys))


def start_due(integrations: Collection[Integration], recipes: Recipes) -> int:
    """Start the polls of these integrations whose mark has passed since they last ran. Returns how many."""
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
        for flow in flows_of(integration, recipes(integration.recipe), takes_part("poll"))
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


def mark(minutes: int, now: datetime) -> datetime:
    """The last whole multiple of `minutes` since midnight UTC; 60 gives the full hour."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    passed = int((now - midnight).total_seconds() // 60)
    return midnight + timedelta(minutes=passed - passed % minutes)
