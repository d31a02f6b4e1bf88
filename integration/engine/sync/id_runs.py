"""The portions of a bulk run: its ids become items, and jobs that stood still are settled. Called by `runs`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.utils import timezone

from integration.engine.dispatch.jobs import update_jobs
from integration.engine.flow.base import Flow, Item, Page, RecordOutcome, Skip
from integration.engine.flow.session import SyncSession
from integration.models import UNROUTED, JobState, Outcome, SyncJob, SyncRun, WebhookEvent

RESYNC, REPLAY, REPAIR = "resync", "replay", "repair"
KINDS = frozenset({RESYNC, REPLAY, REPAIR})
STOPPED = (JobState.DEAD, JobState.HELD)


def page(ctx: SyncSession, flow: Flow, run: SyncRun) -> Page:
    """The next portion of a run's ids as items. What unfinished jobs know of the records comes along."""
    start = int(run.cursor or 0)
    ids = run.options["ids"][start : start + flow.batch_size]
    asked = {RESYNC: {"resync": True}, REPAIR: {"certain": True}}
    wishes = {str(key): Item(str(key), asked[run.kind]) for key in ids} if run.kind in asked else {}
    wishes = wishes or _routed(ctx, flow, ids)
    jobs = SyncJob.objects.filter(integration=ctx.integration, flow=flow.key, external_id__in=list(wishes))
    known = dict(jobs.exclude(state=JobState.DONE).values_list("external_id", "hint"))
    items = [replace(item, hint={**known.get(key, {}), **item.hint}) for key, item in wishes.items()]
    following = start + len(ids)
    return Page(items, None, following if following < count(run) else None)


def count(run: SyncRun) -> int:
    """How many ids the run was started with."""
    return len(run.options["ids"])


def settle(ctx: SyncSession, flow: Flow, done: Sequence[RecordOutcome]) -> None:
    """A record that went through needs its dead or held job no more."""
    fine = [entry.item.external_id for entry in done if entry.result.outcome in (Outcome.SYNCED, Outcome.SKIPPED)]
    jobs = SyncJob.objects.filter(integration=ctx.integration, flow=flow.key, external_id__in=fine, state__in=STOPPED)
    update_jobs(jobs, state=JobState.DONE, reason="", detail="", hint={}, updated_at=timezone.now())


def _routed(ctx: SyncSession, flow: Flow, ids: Sequence[int]) -> dict[str, Item]:
    """The records these events concern, oldest event first, with what the events knew; the newest event is named."""
    found: dict[str, Item] = {}
    for event in WebhookEvent.objects.filter(pk__in=ids).exclude(state__in=UNROUTED).order_by("pk"):
        routes = flow.route(ctx, event)
        for route in () if isinstance(routes, Skip) else routes:
            before = found[route.external_id].hint if route.external_id in found else {}
            found[route.external_id] = Item(route.external_id, {**before, **route.hint}, event_id=event.pk)
    return found
