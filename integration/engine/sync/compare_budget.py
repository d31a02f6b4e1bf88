"""How much of the vendors' budgets a comparison may use. A larger account is compared in samples, one after the other.

Half of what is left beyond the customer's reserve when it begins: live changes keep the other half.
"""

from __future__ import annotations

from django.utils import timezone

from config.json_value import JSONValue, json_number, json_object
from integration.connectors.objects import AnyApi
from integration.engine.flow.base import Flow
from integration.engine.flow.session import SyncSession
from integration.models import LinkState, RateBudget, RecordLink, SyncRun

SHARE = 0.5
LONG = 3600  # seconds; a shorter window is full again before it matters
ALLOWED, SAMPLED, GO_ON = OPTIONS = ("allowed", "sampled", "go_on")  # among a run's options


def begin(ctx: SyncSession, run: SyncRun) -> None:
    """Note what the run may use of each window, and where the sample before it stopped."""
    allowed: dict[str, float] = {}
    for side in ("left", "right"):
        connection = ctx.connection(side)
        windows = {window.key: window for window in connection.connector.windows if window.seconds >= LONG}
        for row in RateBudget.objects.filter(connection=connection, window__in=windows, limit__isnull=False):
            limit = row.limit or 0.0
            left = limit if row.resets_at <= timezone.now() else max(row.remaining, 0.0)
            allowed[f"{side}:{row.window}"] = max(left - windows[row.window].reserve * limit, 0.0) * SHARE
    run.options = {**run.options, ALLOWED: allowed}


def used_up(ctx: SyncSession, run: SyncRun) -> bool:
    """Whether its share of a window is used up."""
    return any(_spent(ctx, run, key) >= limit for key, limit in _allowed(run).items())


def too_dear(ctx: SyncSession, run: SyncRun, flow: Flow, api: AnyApi) -> bool:
    """Whether reading the whole target would take more than a share, by what its pages took so far."""
    other = "right" if flow.side == "left" else "left"
    pages = int(json_number(json_object(run.usage.get("calls")).get(other)))
    if not pages or not api.limits.page or api.get is None:
        return False
    links = RecordLink.objects.filter(
        integration=ctx.integration, link_type=flow.link_type, state=LinkState.ACTIVE
    ).count()
    expected = max(links / api.limits.page, pages)
    return any(
        _spent(ctx, run, key) / pages * expected >= limit
        for key, limit in _allowed(run).items()
        if key.startswith(f"{other}:")
    )


def note_sample(run: SyncRun, cursor: JSONValue) -> None:
    """Remember that not all were compared, and where the next comparison of this flow begins."""
    run.options = {**run.options, SAMPLED: True, GO_ON: cursor}


def is_sample(run: SyncRun) -> bool:
    """Whether the run compares a part of the account."""
    return bool(run.options.get(SAMPLED))


def begin_sample(run: SyncRun) -> JSONValue:
    """Compare only a part of the account, from where the sample before stopped."""
    start = _start_at(run)
    note_sample(run, None)
    return start


def go_on(run: SyncRun) -> JSONValue:
    """Where the source is read from: the beginning, or where the sample before stopped, which makes this one, too."""
    return begin_sample(run) if _start_at(run) is not None else None


def _start_at(run: SyncRun) -> JSONValue:
    """Where the sample before this one stopped; None for the beginning, and where the vendor has forgotten it."""
    if run.options.get("begun_anew"):
        return None
    rows = SyncRun.objects.filter(integration=run.integration_id, kind=run.kind, flow=run.flow, state="done")
    before = rows.exclude(pk=run.pk).order_by("-pk").values_list("options", flat=True).first()
    return before.get(GO_ON) if before else None


def _allowed(run: SyncRun) -> dict[str, float]:
    return {key: json_number(limit) for key, limit in json_object(run.options.get(ALLOWED)).items()}


def _spent(ctx: SyncSession, run: SyncRun, key: str) -> float:
    return json_number(json_object(run.usage.get("spent")).get(key)) + ctx.usage.spent[key]
