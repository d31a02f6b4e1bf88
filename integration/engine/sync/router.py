"""Turn new events into sync jobs: one per flow and record, newest event wins. Stage 5 of the walk.

One short database transaction per portion; a killed router leaves its events new. It makes no vendor call.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.db import connection as database
from django.db import transaction
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast, Length
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from integration.engine.clients.session import OpenSession
from integration.engine.dispatch import wakeups
from integration.engine.dispatch.jobs import save_jobs
from integration.engine.flow.base import Flow, Skip
from integration.engine.flow.recipe import Recipe, Recipes
from integration.engine.flow.session import SyncSession
from integration.engine.safety import erased
from integration.models import EventState, Integration, State, SyncJob, WebhookEvent
from integration.reasons import Reason

log = logging.getLogger(__name__)

PORTION = 500
PORTION_BYTES = 4 * 1024 * 1024  # of payloads; a single one may be larger
AT_A_TIME = 50  # rows read before the bytes are looked at


def route_new_events(recipes: Recipes) -> int:
    """Route everything that is new and ring for each integration that got work. Returns the number of events."""
    wakeups.acknowledge(wakeups.ROUTER)
    total = 0
    while True:
        count = route_portion(recipes)
        total += count
        if count < PORTION:  # what comes from now on rings again
            return total


def route_portion(recipes: Recipes) -> int:
    with transaction.atomic():
        events, full = _within_bytes(_claim())
        if not events:
            return 0
        listeners = _listeners({event.connection_id for event in events}, recipes)
        jobs: dict[tuple[object, str, str], SyncJob] = {}
        for event in events:
            _route(event, listeners.get(event.connection_id, ()), jobs)
        save_jobs(list(jobs.values()))
        _save_states(events)
        erased.forget_ignored(events)
    for integration_id in {job.integration_id for job in jobs.values()}:
        wakeups.wake(str(integration_id))
    if full:  # fewer than a portion, but not all there are
        wakeups.wake(wakeups.ROUTER)
    return len(events)


def _within_bytes(events: QuerySet[WebhookEvent]) -> tuple[list[WebhookEvent], bool]:
    """As many as may be in memory at once, and whether that was the reason to stop."""
    taken: list[WebhookEvent] = []
    size = 0
    for event in events.annotate(size=Length(Cast("payload", TextField()))).iterator(chunk_size=AT_A_TIME):
        taken.append(event)
        size += event.size
        if size >= PORTION_BYTES:
            return taken, True
    return taken, False


def _save_states(events: Iterable[WebhookEvent]) -> None:
    """One statement per state and reason: of many events nearly all have the same."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        groups[event.state, event.reason].append(event.pk)
    for (state, reason), ids in groups.items():
        WebhookEvent.objects.filter(pk__in=ids).update(state=state, reason=reason, routed_at=timezone.now())


def _claim() -> QuerySet[WebhookEvent]:
    new = WebhookEvent.objects.filter(state=EventState.NEW).order_by("deferred", "id")
    if database.features.has_select_for_update_skip_locked:
        new = new.select_for_update(skip_locked=True)
    return new[:PORTION]


Listener = tuple[SyncSession, Flow]


def _listeners(connection_ids: set[object], recipes: Recipes) -> Mapping[object, list[Listener]]:
    """The switched-on flows that listen to these connections. A paused one, or one of a
    switched-off tenant, goes on collecting jobs."""
    integrations = (
        Integration.objects.select_related("left", "right", "tenant")
        .defer("left__credentials", "right__credentials")
        .filter(Q(left__in=connection_ids) | Q(right__in=connection_ids), state__in=(State.ACTIVE, State.PAUSED))
    )
    found: dict[object, list[Listener]] = defaultdict(list)
    for integration in integrations:
        recipe: Recipe = recipes(integration.recipe)
        ctx = OpenSession(integration, recipe)
        for flow in recipe.flows:
            if flow.enabled(ctx.settings):
                found[ctx.connection(flow.side).pk].append((ctx, flow))
    return found


def _route(event: WebhookEvent, listeners: Iterable[Listener], jobs: dict[tuple[object, str, str], SyncJob]) -> None:
    event.state, event.reason = EventState.IGNORED, Reason.UNHANDLED_EVENT
    for ctx, flow in listeners:
        if event.vendor_event not in flow.events:
            continue
        try:
            routes = flow.route(ctx, event)
        except Exception:  # one event must never keep all the others waiting
            owner = {"tenant": str(ctx.integration.tenant_id), "integration": str(ctx.integration.pk)}
            with bound_contextvars(**owner, event_id=event.pk):
                log.exception("Event %s could not be routed.", event.pk)
            event.reason = Reason.INTERNAL_ERROR
            continue
        if isinstance(routes, Skip):
            if event.state == EventState.IGNORED:
                event.reason = routes.reason
            continue
        event.state, event.reason = EventState.ROUTED, ""
        for route in routes:
            key = (ctx.integration.pk, flow.key, route.external_id)
            older = jobs.get(key)
            hint = {**(older.hint if older else {}), **route.hint}
            due = timezone.now() + timedelta(seconds=route.delay)
            jobs[key] = SyncJob(
                integration=ctx.integration, flow=flow.key, external_id=route.external_id, event=event, hint=hint,
                next_attempt_at=min(older.next_attempt_at, due) if older else due,
            )  # fmt: skip
