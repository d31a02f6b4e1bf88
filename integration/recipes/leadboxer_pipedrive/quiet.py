"""Avoid noise: the least score, the cap per run, and the trial that handles a few leads first (seed 003).

The cap loses nothing: what is above it waits for the next runs, as many at a time as the cap allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from integration.connectors.leadboxer.records import Lead
from integration.engine.api import Result, Skip, Write, mark
from integration.models import JobState, Outcome, RecordLink, SyncJob, SyncLog
from integration.reasons import Reason
from integration.recipes.leadboxer_pipedrive.reasons import LeadBoxerReason
from integration.recipes.leadboxer_pipedrive.session import Session
from integration.recipes.leadboxer_pipedrive.state import TrialState


def score_low(ctx: Session, lead: Lead) -> Skip | None:
    """Skip a lead that says a score below the least one; one that says none was filtered by LeadBoxer."""
    least = int(ctx.settings["min_score"])
    if lead.score is None or lead.score >= least:
        return None
    return Skip(LeadBoxerReason.SCORE_LOW, f"{lead.score:g}, at least {least} is wanted.")


def on_trial(ctx: Session) -> bool:
    """Whether only a few leads are handled for now."""
    return bool(ctx.settings["trial"])


def trial_full(ctx: Session, link_type: str, lead_id: str) -> bool:
    """Whether the trial has its leads already and this is none of them. Counts this lead in otherwise."""
    memory = f"trial:{link_type}"
    if memory not in ctx.cache:
        links = RecordLink.objects.filter(integration=ctx.integration, link_type=link_type, notes__has_key="trial")
        # Whole notes: asked for the key alone, SQLite gives an id that looks like a number back as one.
        tried = [TrialState.read(notes).trial for notes in links.values_list("notes", flat=True)]
        ctx.cache[memory] = {lead for lead in tried if lead}
    taken: set[str] = ctx.cache[memory]
    if lead_id not in taken and len(taken) >= int(ctx.settings["trial_count"]):
        return True
    taken.add(lead_id)
    return False


def within_cap(ctx: Session, flow: str, writes: Sequence[Write]) -> tuple[list[Write], dict[int, Result]]:
    """Those of these creations that may be made in this run, and when the others' turn is, by `id` of the write."""
    cap = int(ctx.settings["cap"])
    if not cap:
        return list(writes), {}
    minutes = int(ctx.settings["interval"])
    now = timezone.now()
    start = mark(minutes, now)
    made = SyncLog.objects.filter(integration=ctx.integration, flow=flow, outcome=Outcome.SYNCED, created_at__gte=start)
    room = max(cap - made.exclude(action="update").count(), 0)
    ahead = SyncJob.objects.filter(
        integration=ctx.integration,
        flow=flow,
        state=JobState.WAITING,
        reason=Reason.CAP_REACHED,
        next_attempt_at__gt=now,
    ).count()
    later = {}
    for place, write in enumerate(writes[room:]):
        turn = start + timedelta(minutes=minutes * (1 + (ahead + place) // cap))
        seconds = max((turn - now).total_seconds(), 1.0)
        later[id(write)] = Result(Outcome.RETRYING, reason=Reason.CAP_REACHED, retry_after=seconds, link_state=None)
    return list(writes[:room]), later
