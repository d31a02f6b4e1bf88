"""Explained counts: how many records there are at the source, and where each of them stands. The parts add up.

They come from the newest finished comparison of a flow, which has read both sides. Where there is none yet, they come
from the newest finished Fetch All, dry or real, and are said not to be proven: a sync knows what it wrote, not what is
there now.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext

from integration.engine.flow.base import Flow
from integration.engine.flow.recipe import Recipe
from integration.engine.insight.code_words import words
from integration.engine.insight.moments import clock
from integration.engine.sync import compare
from integration.engine.sync.compare_budget import SAMPLED
from integration.models import DriftKind, Integration, Outcome, RunState, SyncRun
from integration.reasons import Reason

NO_CHANGE = frozenset({Reason.UNCHANGED, Reason.ECHO})


class Standing(StrEnum):
    """Where records stand, in the order in which pages name them."""

    IN_SYNC = "in_sync"  # proven by a comparison
    DIFFERS = "differs"
    MISSING = "missing"  # at the target
    DONE = "done"  # by a Fetch All, or it would be by a dry one
    NO_CHANGE = "no_change"  # nothing had to be written, by what is remembered
    SKIPPED = "skipped"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True)
class Part:
    """Records that stand alike. `key` is that of the run's counts; `outcome` of the log; `reason` a code or empty."""

    key: str
    count: int
    label: str
    standing: Standing
    outcome: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Explained:
    """One flow's records: `total` of the source is the sum of the parts, those that are in sync first.

    `proven` says that a comparison counted; `basis` says in a sentence who counted, when, and of how many.
    `only_there` are records of the target that nothing at the source goes with; they are no part of the total.
    """

    flow: str
    flow_label: str
    source: str
    target: str
    run: SyncRun
    total: int
    parts: tuple[Part, ...]
    proven: bool
    basis: str
    only_there: int = 0

    @property
    def aside(self) -> str:
        """What the lists behind the numbers do not show; empty when they show all."""
        if self.proven and any(part.standing == Standing.SKIPPED for part in self.parts):
            return gettext("A comparison notes no single skipped record: the list has those that a sync has skipped.")
        return ""


def explained(integration: Integration, recipe: Recipe) -> list[Explained]:
    """One entry per flow that was compared or counted by a Fetch All at least once."""
    found = []
    for flow in recipe.flows:
        run = _newest(integration, flow)
        if run is not None and run.done:
            found.append(_explained(integration, recipe, flow, run))
    return found


def _newest(integration: Integration, flow: Flow) -> SyncRun | None:
    """The run to count by: the newest comparison, else the newest Fetch All."""
    done = SyncRun.objects.filter(integration=integration, flow=flow.key, state=RunState.DONE).order_by("-id")
    compared = done.filter(kind=compare.KIND).first() if compare.can_compare(flow) else None
    if compared is not None and compared.done:
        return compared
    return done.filter(kind="fetch_all").first() if "fetch_all" in flow.runs else None


def _explained(integration: Integration, recipe: Recipe, flow: Flow, run: SyncRun) -> Explained:
    proven = run.kind == compare.KIND
    near, far = integration.left.connector.label, integration.right.connector.label
    if flow.side == "right":
        near, far = far, near
    counted = {key: count for key, count in run.counts.items() if key not in compare.NOT_OF_THE_SOURCE}
    make = _compared_part if proven else _fetched_part
    parts = [make(recipe, key, count, run, far) for key, count in counted.items()]
    order = list(Standing)
    parts.sort(key=lambda part: (order.index(part.standing), -part.count))
    return Explained(
        flow.key, str(flow.label), near, far, run, run.done, tuple(parts), proven, _basis(integration, run),
        run.counts.get(DriftKind.ONLY_TARGET, 0) if proven else 0,
    )  # fmt: skip


def _basis(integration: Integration, run: SyncRun) -> str:
    when = clock(run.finished_at or run.created_at, integration.tenant.zone)
    if run.kind != compare.KIND:
        text = gettext("Not proven: counted by Fetch All on {when}; no comparison has read both apps yet.")
        if run.dry_run:
            text = gettext("Not proven: counted by a dry run on {when}; no comparison has read both apps yet.")
        return text.format(when=when)
    text = gettext("Proven by the comparison of {when}.").format(when=when)
    if not run.options.get(SAMPLED):
        return text
    part = gettext("It checked {done}, not all.")
    if run.total is not None:
        part = gettext("It checked {done} of {total}.")
    return f"{text} {part.format(done=f'{run.done:,}', total=f'{run.total or 0:,}')}"


def _compared_part(recipe: Recipe, key: str, count: int, run: SyncRun, target: str) -> Part:
    labels = {
        compare.SAME: (Standing.IN_SYNC, gettext("in sync")),
        compare.DIFFERS: (Standing.DIFFERS, gettext("different in {vendor}")),
        DriftKind.ONLY_SOURCE.value: (Standing.MISSING, gettext("missing in {vendor}")),
        compare.WAITING: (Standing.WAITING, gettext("waiting to be synced")),
        compare.UNREADABLE: (Standing.FAILED, gettext("could not be read")),
    }
    if key in labels:
        standing, text = labels[key]
        return Part(key, count, text.format(vendor=target), standing)
    return _outcome_part(recipe, key, count)


def _fetched_part(recipe: Recipe, key: str, count: int, run: SyncRun, target: str) -> Part:
    if key.partition(":")[0] in Outcome.values:
        return _outcome_part(recipe, key, count)
    text = gettext("would {action}") if run.dry_run else gettext("done: {action}")
    return Part(key, count, text.format(action=words(key).lower()), Standing.DONE, Outcome.SYNCED)


def _outcome_part(recipe: Recipe, key: str, count: int) -> Part:
    """Records that a rule kept out, that failed, that wait, or that needed nothing."""
    outcome, _, code = key.partition(":")
    if code in NO_CHANGE:
        return Part(key, count, gettext("no change since the last sync"), Standing.NO_CHANGE, outcome, code)
    standings = {Outcome.SKIPPED: Standing.SKIPPED, Outcome.FAILED: Standing.FAILED, Outcome.SYNCED: Standing.DONE}
    standing = standings.get(Outcome(outcome), Standing.WAITING)
    known = recipe.reason_text(code)
    return Part(key, count, str(known.what).rstrip(".") if known else "", standing, outcome, code)
