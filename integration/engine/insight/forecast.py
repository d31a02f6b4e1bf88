"""How long a run takes and what it needs of the vendors' limits: before Start, and while it runs.

What earlier runs of the flow used per record is the best guess, what the connectors declare the next best. The run's
own figures take over as it goes on. Every window of both connections is asked how long it makes the run wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import mean

from django.utils import timezone
from django.utils.translation import gettext, ngettext

from config.json_value import JSONObject, json_number, json_object
from integration.connectors.base import RateWindow
from integration.engine.flow.base import Flow
from integration.engine.flow.recipe import Recipe
from integration.engine.insight.preview import looking
from integration.engine.sync import runs
from integration.errors import IntegrationError
from integration.models import (
    Connection,
    Integration,
    LinkState,
    Outcome,
    RateBudget,
    RecordLink,
    RunState,
    SyncRun,
    VendorCall,
)

SIDES = ("left", "right")
TYPICAL_CALL = 0.2  # seconds, of a vendor that was not called lately
OURS = 0.0005  # seconds of our own work per record, where no run has shown it
RECENT_CALLS = 50
# Earlier runs count as much as so many records of this one.
PRIOR_WEIGHT = 100.0
MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True)
class Rates:
    """What one record takes: seconds of work, calls per side, cost per window ("left:day")."""

    seconds: float
    calls: Mapping[str, float] = field(default_factory=dict)
    spent: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Share:
    """What a run needs of one window. `reserve` is the share of it that stays free for live changes."""

    vendor: str
    window: RateWindow
    need: float
    limit: float
    waits: float  # seconds

    @property
    def text(self) -> str:
        """In words."""
        text = gettext("{vendor}, {window}: {need} of {limit}.").format(
            vendor=self.vendor, window=self.window.label, need=f"{ceil(self.need):,}", limit=f"{self.limit:,.0f}"
        )
        if self.window.reserve:
            kept = gettext("{share}% stays free for live changes.").format(share=f"{self.window.reserve * 100:.0f}")
            text = f"{text} {kept}"
        if self.waits >= MINUTE:
            text = f"{text} {gettext('It pauses when this is used up, and continues by itself.')}"
        return text


@dataclass(frozen=True)
class Forecast:
    """What a run of one flow will take. `records` is None where nobody can tell without reading all of them."""

    label: str
    records: int | None
    seconds: float = 0.0
    calls: int = 0
    shares: Sequence[Share] = ()
    measured: bool = False  # by an earlier run

    @property
    def text(self) -> str:
        """In words: how many, how long."""
        if self.records is None:
            return gettext("The number of records isn't known before they are read.")
        records = ngettext("{count} record", "{count} records", self.records).format(count=f"{self.records:,}")
        calls = ngettext("{count} call", "{count} calls", self.calls).format(count=f"{self.calls:,}")
        return f"{records}, {calls}, {about(self.seconds)}"

    @property
    def limit_texts(self) -> list[str]:
        """What it needs of limits that are counted for longer than a minute, or that slow it down."""
        return [share.text for share in self.shares if share.window.seconds > MINUTE or share.waits >= MINUTE]


def about(seconds: float) -> str:
    """A length of time as one says it."""
    if seconds < MINUTE:
        return gettext("less than a minute")
    if seconds < 2 * HOUR:
        count = ceil(seconds / MINUTE)
        return ngettext("about {count} minute", "about {count} minutes", count).format(count=count)
    if seconds < 2 * DAY:
        count = ceil(seconds / HOUR)
        return ngettext("about {count} hour", "about {count} hours", count).format(count=count)
    count = ceil(seconds / DAY)
    return ngettext("about {count} day", "about {count} days", count).format(count=count)


def before_start(
    integration: Integration, recipe: Recipe, flows: Sequence[Flow], kind: str = "fetch_all"
) -> list[Forecast]:
    """What a run of each of these flows would take now. May ask the vendor how many records there are."""
    return [_forecast(integration, flow, kind, _records(integration, recipe, flow, kind)) for flow in flows]


def seconds_left(run: SyncRun, recipe: Recipe) -> float | None:
    """Seconds until an unfinished run is done; None where the number of its records is not known."""
    if run.total is None or run.finished_at is not None:
        return None
    flow = recipe.flow(run.flow)
    rates = _blended(_rates(run.integration, flow, run.kind, dry_run=run.dry_run), run)
    left = max(run.total - run.done, 0)
    shares = _shares(run.integration, rates, left)
    pause = max((run.next_attempt_at - timezone.now()).total_seconds(), 0.0)
    return pause + max([left * rates.seconds, *(share.waits for share in shares)])


def time_left(run: SyncRun, recipe: Recipe) -> str:
    """The same in words; empty where nobody knows."""
    seconds = seconds_left(run, recipe)
    return "" if seconds is None else gettext("{time} left").format(time=about(seconds))


def _forecast(integration: Integration, flow: Flow, kind: str, records: int | None) -> Forecast:
    if records is None:
        return Forecast(str(flow.label), None)
    rates = _rates(integration, flow, kind)
    shares = _shares(integration, rates, records)
    return Forecast(
        str(flow.label),
        records,
        seconds=max([records * rates.seconds, *(share.waits for share in shares)]),
        calls=ceil(sum(rates.calls.values()) * records),
        shares=shares,
        measured=_last_run(integration, flow, kind) is not None,
    )


def _records(integration: Integration, recipe: Recipe, flow: Flow, kind: str) -> int | None:
    """How many records a run would see: the vendor's word where it is cheap, else the last run's, else the links."""
    earlier = SyncRun.objects.filter(integration=integration, flow=flow.key, kind=kind, state=RunState.DONE)
    whole = earlier.filter(total__isnull=False).exclude(options__has_key=runs.CONTINUES)
    if last := whole.order_by("-id").first():
        return last.total
    connections = (integration.left, integration.right)
    if all(row.usable and (row.not_before is None or row.not_before < timezone.now()) for row in connections):
        try:
            with looking(integration, recipe) as ctx:
                counted = flow.count(ctx, kind)
        except IntegrationError:
            counted = None
        if counted is not None:
            return counted
    linked = RecordLink.objects.filter(
        integration=integration, link_type=flow.link_type, state=LinkState.ACTIVE
    ).count()
    return linked or None


def _last_run(integration: Integration, flow: Flow, kind: str, *, dry_run: bool = False) -> SyncRun | None:
    rows = SyncRun.objects.filter(
        integration=integration, flow=flow.key, kind=kind, dry_run=dry_run, state=RunState.DONE, done__gt=0
    )
    return rows.exclude(usage={}).order_by("-id").first()


def _rates(integration: Integration, flow: Flow, kind: str, *, dry_run: bool = False) -> Rates:
    last = _last_run(integration, flow, kind, dry_run=dry_run)
    if last is None:
        return _declared(integration, flow, dry_run=dry_run)
    return _without_writes(_measured(last), flow, _writes_again(last))


def _writes_again(last: SyncRun) -> float:
    """Which part of what the last run wrote the next one will: what a later dry run counted, else nothing."""
    later = SyncRun.objects.filter(
        integration=last.integration_id,
        flow=last.flow,
        kind=last.kind,
        dry_run=True,
        state=RunState.DONE,
        pk__gt=last.pk,
    )
    dry = later.order_by("-id").first()
    if dry is None or not _written(last):
        return 0.0 if _written(last) else 1.0
    return _written(dry) / _written(last)


def _written(run: SyncRun) -> int:
    """How many records a run wrote, or would have written: those whose count is under an action."""
    return sum(count for key, count in run.counts.items() if key.partition(":")[0] not in Outcome.values)


def _without_writes(rates: Rates, flow: Flow, share: float) -> Rates:
    """The same with only this share of the calls to the target, and of the time they took."""
    target = "right" if flow.side == "left" else "left"
    scale = {side: share if side == target else 1.0 for side in SIDES}
    calls = {side: number * scale[side] for side, number in rates.calls.items()}
    spent = {key: cost * scale[key.partition(":")[0]] for key, cost in rates.spent.items()}
    before = sum(rates.calls.values())
    return Rates(rates.seconds * sum(calls.values()) / before if before else rates.seconds, calls, spent)


def _measured(run: SyncRun) -> Rates:
    usage: JSONObject = run.usage

    def each(key: str) -> dict[str, float]:
        return {name: json_number(value) / run.done for name, value in json_object(usage.get(key)).items()}

    return Rates(json_number(usage.get("seconds")) / run.done, each("calls"), each("spent"))


def _declared(integration: Integration, flow: Flow, *, dry_run: bool) -> Rates:
    """From what the connectors say of the two objects: records per page and per write."""
    source, target = integration.left, integration.right
    if flow.side == "right":
        source, target = target, source
    read, written = source.connector.objects.get(flow.source_object), target.connector.objects.get(flow.target_object)
    per_page = max(read.limits.page, 1) if read else 1
    per_write = max(written.limits.write, 1) if written and flow.first_part is None else 1
    sides = SIDES if flow.side == "left" else SIDES[::-1]
    calls = dict(zip(sides, (1 / per_page, 0.0 if dry_run else 1 / per_write), strict=True))
    spent: dict[str, float] = {}
    for side, connection, api in zip(sides, (source, target), (read, written), strict=True):
        windows = api.limits.windows if api else ()
        for window in connection.connector.windows:
            if window.key in windows:
                spent[f"{side}:{window.key}"] = calls[side] * window.per_call
    seconds = calls[sides[0]] * _call_seconds(source) + calls[sides[1]] * _call_seconds(target)
    return Rates(OURS + seconds, calls, spent)


def _call_seconds(connection: Connection) -> float:
    newest = VendorCall.objects.filter(connection=connection).order_by("-id")
    times = list(newest.values_list("ms", flat=True)[:RECENT_CALLS])
    return mean(times) / 1000 if times else TYPICAL_CALL


def _blended(prior: Rates, run: SyncRun) -> Rates:
    """What was expected, corrected by what the run has shown: the more of it is done, the more it counts."""
    if not run.done or not run.usage:
        return prior
    own, weight = _measured(run), run.done / (run.done + PRIOR_WEIGHT)

    def mixed(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
        return {key: weight * now.get(key, 0.0) + (1 - weight) * before.get(key, 0.0) for key in {*before, *now}}

    seconds = weight * own.seconds + (1 - weight) * prior.seconds
    return Rates(seconds, mixed(prior.calls, own.calls), mixed(prior.spent, own.spent))


def _shares(integration: Integration, rates: Rates, records: int) -> list[Share]:
    """What so many records need of each window that has a limit, the longest window first."""
    found: list[Share] = []
    for side in SIDES:
        connection: Connection = getattr(integration, side)
        rows = {row.window: row for row in RateBudget.objects.filter(connection=connection)}
        for window in connection.connector.windows:
            need, row = rates.spent.get(f"{side}:{window.key}", 0.0) * records, rows.get(window.key)
            limit = (row.limit if row is not None else None) or window.limit
            if need and limit:
                waits = _waits(window, row, need, float(limit))
                found.append(Share(connection.connector.label, window, need, float(limit), waits))
    return sorted(found, key=lambda share: -share.window.seconds)


def _waits(window: RateWindow, row: RateBudget | None, need: float, limit: float) -> float:
    """Seconds until a window has given so much, when nobody else uses it."""
    each, now = limit * (1 - window.reserve), timezone.now()
    if row is not None and row.resets_at > now:
        left, rest = max(row.remaining - limit * window.reserve, 0.0), (row.resets_at - now).total_seconds()
    else:
        left, rest = each, float(window.seconds)
    if need <= left:
        return 0.0
    return rest + (ceil((need - left) / each) - 1) * window.seconds
