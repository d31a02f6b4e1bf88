"""Explained counts: how many records there are at the source, and where each of them stands. The parts add up.

They come from the newest finished Fetch All of a flow, dry or real: one pass that has looked at every record.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext

from integration.engine.flow.recipe import Recipe
from integration.engine.insight.code_words import words
from integration.models import Integration, Outcome, RunState, SyncRun
from integration.reasons import Reason

IN_SYNC = frozenset({Reason.UNCHANGED, Reason.ECHO})


@dataclass(frozen=True)
class Part:
    """Records that stand alike. `key` is that of the run's counts; `outcome` of the log; `reason` a code or empty."""

    key: str
    count: int
    label: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True)
class Explained:
    """One flow's records: `total` at the source is the sum of the parts, the largest first."""

    flow: str
    flow_label: str
    run: SyncRun
    total: int
    parts: tuple[Part, ...]


def explained(integration: Integration, recipe: Recipe) -> list[Explained]:
    """One entry per flow that takes part in Fetch All and was counted at least once."""
    found = []
    for flow in recipe.flows:
        if "fetch_all" not in flow.runs:
            continue
        runs = SyncRun.objects.filter(integration=integration, kind="fetch_all", flow=flow.key, state=RunState.DONE)
        run = runs.order_by("-id").first()
        if run is not None and run.done:
            parts = sorted(
                (_part(recipe, key, count, run) for key, count in run.counts.items()), key=lambda part: -part.count
            )
            found.append(Explained(flow.key, str(flow.label), run, run.done, tuple(parts)))
    return found


def _part(recipe: Recipe, key: str, count: int, run: SyncRun) -> Part:
    outcome, _, code = key.partition(":")
    if outcome not in Outcome.values:  # an action: what was done, or in a dry run would be
        text = gettext("would {action}") if run.dry_run else gettext("in sync after: {action}")
        return Part(key, count, text.format(action=words(key).lower()), Outcome.SYNCED)
    if code in IN_SYNC:
        return Part(key, count, gettext("in sync"), outcome, code)
    known = recipe.reason_text(code)
    return Part(key, count, str(known.what).rstrip(".") if known else "", outcome, code)
