"""Turn new events into sync jobs: one per flow and record, newest event wins. Stage 5 of the walk.

One short database transaction per portion; a killed router leaves its events new. It makes no vendor call. A portion
that cannot be stored is halved until the event that spoils it stands alone: no event keeps the others waiting.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db import connection as database
from django.db.models import Q, TextField
from django.db.models.functions import Cast, Length
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from integration.engine.clients.session import OpenSession
from integration.engine.dispatch import wakeups
from integration.engine.dispatch.deadlock import retried
from integration.engine.dispatch.jobs import save_jobs
from integration.engine.flow.base import Flow, Route, Skip
from integration.engine.flow.recipe import Recipe, Recipes
from integration.engine.flow.session import SyncSession
from integration.engine.safety import erased
from integration.models import LONGEST_ID, EventState, Integration, State, SyncJob, WebhookEvent
from integration.reasons import Reason

log = logging.getLogger(__name__)

PORTION = 500
PORTION_BYTES = 1024 * 1024  # of payloads, which take ten times as much once they are read; a single one may be larger
AT_A_TIME = 50  # events whose bytes are asked for at once

LISTENING = (State.ACTIVE, State.PAUSED)


@dataclass
class Listeners:
    """Who wants to hear of one connection's events."""

    known: list[tuple[SyncSession, Flow]] = field(default_factory=list)
    has_unknown: bool = False  # an integration of a recipe that this version of the code does not have


def route_new_events(recipes: Recipes) -> int:
    """Route everything that is new and ring for each integration that got work. Returns the number of events."""
    wakeups.acknowledge(wakeups.ROUTER)
    total = 0
    while True:
        count, has_more = route_portion(recipes)
        total += count
        if not has_more:  # what comes from now on rings again
            return total


def route_portion(recipes: Recipes) -> tuple[int, bool]:
    """Route the oldest new events. Returns how many there were, and whether there are perhaps more."""
    return retried(lambda: _route_portion(recipes))


def _route_portion(recipes: Recipes) -> tuple[int, bool]:
    with transaction.atomic():
        ids, has_more = _claim()
        events = list(WebhookEvent.objects.filter(pk__in=ids).order_by("deferred", "id"))
        if not events:
            return 0, False
        listeners = _listeners({event.connection_id for event in events}, recipes)
        worked_for = _store(events, listeners)
    for integration_id in worked_for:
        wakeups.wake(integration_id)
    return len(events), has_more


def release_held(recipes: Recipes) -> int:
    """Route the events that waited for a recipe which this version of the code has again. Returns how many."""
    held = WebhookEvent.objects.filter(state=EventState.HELD, reason=Reason.RECIPE_UNKNOWN)
    waiting_for = set(held.order_by().values_list("connection_id", flat=True).distinct())
    if not waiting_for:
        return 0
    listeners = _listeners(waiting_for, recipes)
    ready = [key for key in waiting_for if key not in listeners or not listeners[key].has_unknown]
    count = held.filter(connection__in=ready).update(state=EventState.NEW, deferred=True, reason="", routed_at=None)
    if count:
        wakeups.wake(wakeups.ROUTER)
    return count


def _claim() -> tuple[list[int], bool]:
    """Lock as many of the oldest new events as may be in memory at once. Says whether there are perhaps more."""
    new = WebhookEvent.objects.filter(state=EventState.NEW).order_by("deferred", "id")
    if database.features.has_select_for_update_skip_locked:
        new = new.select_for_update(skip_locked=True)
    sizes = new.annotate(size=Length(Cast("payload", TextField()))).values_list("pk", "size")
    taken: list[int] = []
    total = 0
    for pk, size in sizes[:PORTION].iterator(chunk_size=AT_A_TIME):
        taken.append(pk)
        total += size
        if total >= PORTION_BYTES:
            return taken, True
    return taken, len(taken) == PORTION


def _store(events: Sequence[WebhookEvent], listeners: Mapping[object, Listeners]) -> set[str]:
    """Store the jobs and states of these events. Returns the integrations that got work.

    What the database refuses is halved; a database that is away or in trouble refuses nobody's event.
    """
    try:
        with transaction.atomic():
            return _stored(events, listeners)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        if len(events) == 1:
            log.exception("Event %s could not be stored as a job.", events[0].pk)
            events[0].state, events[0].reason = EventState.IGNORED, Reason.INTERNAL_ERROR
            _save_states(events)
            return set()
    middle = len(events) // 2
    return _store(events[:middle], listeners) | _store(events[middle:], listeners)


def _stored(events: Sequence[WebhookEvent], listeners: Mapping[object, Listeners]) -> set[str]:
    jobs: dict[tuple[object, str, str], SyncJob] = {}
    for event in events:
        _route(event, listeners.get(event.connection_id, Listeners()), jobs)
    ids = {job.integration_id for job in jobs.values()}
    # One may have been uninstalled since the listeners were read: nobody would ever remove its jobs.
    alive = set(Integration.objects.filter(pk__in=ids, state__in=LISTENING).values_list("pk", flat=True))
    save_jobs([job for job in jobs.values() if job.integration_id in alive])
    _save_states(events)
    erased.forget_ignored(events)
    return {str(pk) for pk in alive}


def _save_states(events: Iterable[WebhookEvent]) -> None:
    """One statement per state and reason: of many events nearly all have the same."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        groups[event.state, event.reason].append(event.pk)
    for (state, reason), ids in groups.items():
        WebhookEvent.objects.filter(pk__in=ids).update(state=state, reason=reason, routed_at=timezone.now())


def _listeners(connection_ids: Set[object], recipes: Recipes) -> Mapping[object, Listeners]:
    """The switched-on flows that listen to these connections. A paused one, or one of a
    switched-off tenant, goes on collecting jobs."""
    integrations = (
        Integration.objects.select_related("left", "right", "tenant")
        .defer("left__credentials", "right__credentials")
        .filter(Q(left__in=connection_ids) | Q(right__in=connection_ids), state__in=LISTENING)
    )
    found: dict[object, Listeners] = defaultdict(Listeners)
    for integration in integrations:
        recipe: Recipe = recipes(integration.recipe)
        ctx = OpenSession(integration, recipe)
        if not recipe.is_known:
            log.error("Recipe %s of integration %s is unknown here.", integration.recipe, integration.pk)
            found[integration.left_id].has_unknown = found[integration.right_id].has_unknown = True
        for flow in recipe.flows:
            if flow.enabled(ctx.settings):
                found[ctx.connection(flow.side).pk].known.append((ctx, flow))
    return found


def _route(event: WebhookEvent, listeners: Listeners, jobs: dict[tuple[object, str, str], SyncJob]) -> None:
    event.state, event.reason = EventState.IGNORED, Reason.UNHANDLED_EVENT
    for ctx, flow in listeners.known:
        if event.vendor_event not in flow.events:
            continue
        try:
            routes = flow.route(ctx, event)
            readable = isinstance(routes, Skip) or all(len(route.external_id) <= LONGEST_ID for route in routes)
        except Exception:  # one event must never keep all the others waiting
            owner = {"tenant": str(ctx.integration.tenant_id), "integration": str(ctx.integration.pk)}
            with bound_contextvars(**owner, event_id=event.pk):
                log.exception("Event %s could not be routed.", event.pk)
            event.reason = Reason.INTERNAL_ERROR
            continue
        if isinstance(routes, Skip):
            if event.state == EventState.IGNORED:
                event.reason = routes.reason
        elif readable:
            event.state, event.reason = EventState.ROUTED, ""
            _wish(ctx, flow, event, routes, jobs)
        elif event.state == EventState.IGNORED:
            event.reason = Reason.RECORD_UNREADABLE
    if listeners.has_unknown and event.state == EventState.IGNORED:
        event.state, event.reason = EventState.HELD, Reason.RECIPE_UNKNOWN


def _wish(
    ctx: SyncSession,
    flow: Flow,
    event: WebhookEvent,
    routes: Iterable[Route],
    jobs: dict[tuple[object, str, str], SyncJob],
) -> None:
    """Add the jobs of an event; one per flow and record, with what all its events knew."""
    for route in routes:
        key = (ctx.integration.pk, flow.key, route.external_id)
        older = jobs.get(key)
        hint = {**(older.hint if older else {}), **route.hint}
        due = timezone.now() + timedelta(seconds=route.delay)
        jobs[key] = SyncJob(
            integration=ctx.integration, flow=flow.key, external_id=route.external_id, event=event, hint=hint,
            next_attempt_at=min(older.next_attempt_at, due) if older else due,
        )  # fmt: skip
