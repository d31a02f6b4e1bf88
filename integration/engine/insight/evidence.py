"""What a status is computed from: one query per table for a whole list of integrations. It decides nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext

from config.texts import StrOrPromise
from integration.engine.clients import vendor_answers
from integration.engine.dispatch import heartbeat, sweeper
from integration.engine.dispatch.heartbeat import Heartbeat, Pulse
from integration.engine.insight import traffic_baseline
from integration.engine.mapping.labels import labels_of, read_as
from integration.models import (
    Connection,
    Drift,
    DriftKind,
    DriftState,
    EventState,
    FieldMapping,
    Integration,
    JobState,
    RateBudget,
    RecordLink,
    RemoteSubscription,
    RunState,
    State,
    SyncJob,
    SyncLog,
    SyncRun,
    Unfinished,
    WebhookEndpoint,
    WebhookEvent,
)
from integration.reasons import Reason

LATE = timedelta(minutes=1)  # what waits longer than this is a backlog
MOVED = timedelta(minutes=2)  # a backlog of which nothing was done for so long does not move
BRIEF = timedelta(seconds=10)  # shorter pauses belong to the usual work
LEFT_OUT = timedelta(days=14)  # the schedule compares every flow once a week
LONG = 3600  # seconds; a shorter budget is full again before anybody has read this


@dataclass(frozen=True)
class Stopped:
    """Jobs of one integration that will not move without somebody."""

    state: str
    reason: str
    count: int


@dataclass(frozen=True)
class PutOff:
    """Jobs of one integration that are tried again later, for a reason."""

    reason: str
    count: int
    until: datetime


@dataclass(frozen=True)
class Backlog:
    """Jobs or events that nobody has taken for longer than a minute."""

    count: int
    oldest: datetime


@dataclass(frozen=True)
class Waits:
    """All changes of an integration that wait, and when the first is due."""

    count: int = 0
    due: datetime | None = None


@dataclass(frozen=True)
class BrokenRow:
    """A row of the field mapping that cannot travel. The problem may quote a value."""

    name: str
    problem: str


@dataclass(frozen=True)
class Limit:
    """One of a connection's longer budgets."""

    window: StrOrPromise
    left: float
    limit: float
    resets_at: datetime
    used_up: bool


@dataclass(frozen=True)
class Drifted:
    """What the last comparison found to differ, of one kind."""

    kind: str
    count: int
    since: datetime


@dataclass(frozen=True)
class Rows:
    """What was read for a list of integrations, by integration or by connection."""

    jobs: Mapping[UUID, list[Stopped]]
    put_off: Mapping[UUID, list[PutOff]]
    late: Mapping[UUID, Backlog]
    events: Mapping[UUID, Backlog]
    moved: Mapping[UUID, int]  # jobs done lately, of integrations with a backlog
    running: set[UUID]
    mappings: Mapping[UUID, list[BrokenRow]]
    waiting: Mapping[UUID, Waits]  # of integrations that cannot work now
    silent: Mapping[UUID, datetime]
    limits: Mapping[UUID, list[Limit]]
    webhooks: Mapping[UUID, set[str]]  # events that the vendors were told to call us for
    drifts: Mapping[UUID, list[Drifted]]
    new: set[UUID]  # no record of these has travelled yet
    heartbeat: Heartbeat
    sweep: datetime | None  # the last one
    now: datetime

    def backlogs(self, row: Integration) -> list[Backlog]:
        """Late jobs of the integration and late events of its connections."""
        found = [self.late.get(row.pk), self.events.get(row.left_id), self.events.get(row.right_id)]
        return [backlog for backlog in found if backlog is not None]


def read(integrations: Sequence[Integration]) -> Rows:
    """Ask the database once per table. The number of queries does not depend on how many integrations there are."""
    now = timezone.now()
    active_rows = [row for row in integrations if row.state == State.ACTIVE]
    active = [row.pk for row in active_rows]
    connections = set[UUID]().union(*(_sides(row) for row in active_rows))
    heard, limits = heartbeat.heard(), limits_of(connections, now)
    late, events = _late_jobs(active, now), _new_events(connections, now)
    backlogged = [row for row in active_rows if _sides(row) & events.keys() or row.pk in late]
    unable = [row for row in integrations if heard.pulse == Pulse.GONE or not _can_work(row, limits, now)]
    return Rows(
        jobs=_stopped_jobs(integrations), put_off=_put_off(active, now), late=late, events=events,
        moved=_moved(backlogged, now), running=_running(active), mappings=_broken_mappings(integrations),
        waiting=_waiting(unable), silent=_silent(connections, now), limits=limits, webhooks=_webhooks(connections),
        drifts=_drifts(integrations), new=_new(active), heartbeat=heard, sweep=sweeper.last_sweep(), now=now,
    )  # fmt: skip


def _sides(row: Integration) -> set[UUID]:
    return {row.left_id, row.right_id}


def limits_of(connections: Iterable[UUID], now: datetime) -> dict[UUID, list[Limit]]:
    """The budgets of an hour and more, beyond the share that stays the customer's."""
    rows = RateBudget.objects.filter(connection__in=connections, limit__isnull=False).select_related("connection")
    found: dict[UUID, list[Limit]] = defaultdict(list)
    for row in rows.defer("connection__credentials").order_by("connection", "window"):
        if limit := _limit(row, now):
            found[row.connection_id].append(limit)
    return found


def _limit(row: RateBudget, now: datetime) -> Limit | None:
    window = next((window for window in row.connection.connector.windows if window.key == row.window), None)
    if window is None or window.seconds < LONG:
        return None
    limit, running = row.limit or 0.0, row.resets_at > now
    left = max(row.remaining, 0.0) if running else limit
    return Limit(window.label, left, limit, row.resets_at, running and left <= window.reserve * limit)


def _can_work(row: Integration, limits: Mapping[UUID, list[Limit]], now: datetime) -> bool:
    return not any(
        not side.usable
        or vendor_answers.is_down(side)
        or (side.not_before is not None and side.not_before > now)
        or any(limit.used_up for limit in limits.get(side.pk, ()))
        for side in (row.left, row.right)
    )


def _stopped_jobs(integrations: Sequence[Integration]) -> dict[UUID, list[Stopped]]:
    """Held and dead jobs by state and reason; what a switched-off part left behind asks nothing of anybody."""
    jobs = SyncJob.objects.filter(Unfinished(F("state")), integration__in=integrations)
    jobs = jobs.filter(state__in=(JobState.HELD, JobState.DEAD)).exclude(reason=Reason.FLOW_OFF)
    found: dict[UUID, list[Stopped]] = defaultdict(list)
    for group in jobs.order_by().values("integration_id", "state", "reason").annotate(n=Count("id")):
        found[group["integration_id"]].append(Stopped(group["state"], group["reason"], group["n"]))
    return found


def _put_off(active: Sequence[UUID], now: datetime) -> dict[UUID, list[PutOff]]:
    jobs = SyncJob.objects.filter(
        integration__in=active, state=JobState.WAITING, next_attempt_at__gt=now + BRIEF
    ).exclude(reason="")
    groups = jobs.order_by().values("integration_id", "reason").annotate(n=Count("id"), until=Min("next_attempt_at"))
    found: dict[UUID, list[PutOff]] = defaultdict(list)
    for group in groups:
        found[group["integration_id"]].append(PutOff(group["reason"], group["n"], group["until"]))
    return found


def _late_jobs(active: Sequence[UUID], now: datetime) -> dict[UUID, Backlog]:
    jobs = SyncJob.objects.filter(integration__in=active, state=JobState.WAITING, next_attempt_at__lt=now - LATE)
    groups = jobs.order_by().values("integration_id").annotate(n=Count("id"), oldest=Min("next_attempt_at"))
    return {group["integration_id"]: Backlog(group["n"], group["oldest"]) for group in groups}


def _new_events(connections: set[UUID], now: datetime) -> dict[UUID, Backlog]:
    """Events that no router has taken for long, by connection."""
    events = WebhookEvent.objects.filter(state=EventState.NEW, received_at__lt=now - LATE, connection__in=connections)
    groups = events.order_by().values("connection_id").annotate(n=Count("id"), oldest=Min("received_at"))
    return {group["connection_id"]: Backlog(group["n"], group["oldest"]) for group in groups}


def _moved(backlogged: Sequence[Integration], now: datetime) -> dict[UUID, int]:
    """How many jobs were done lately, or are in a worker's hands since lately."""
    if not backlogged:
        return {}
    lately = SyncJob.objects.filter(integration__in=backlogged, updated_at__gte=now - MOVED)
    moved = lately.filter(Q(state=JobState.DONE) | Q(state=JobState.RUNNING)).order_by()
    return dict(moved.values_list("integration_id").annotate(n=Count("id")))


def _running(active: Sequence[UUID]) -> set[UUID]:
    runs = SyncRun.objects.filter(integration__in=active, state__in=(RunState.WAITING, RunState.RUNNING))
    return set(runs.filter(kind="fetch_all").values_list("integration_id", flat=True))


def _broken_mappings(integrations: Sequence[Integration]) -> dict[UUID, list[BrokenRow]]:
    """Rows that cannot travel, with the labels people know the fields by."""
    rows = list(FieldMapping.objects.filter(integration__in=integrations).exclude(problem=""))
    labels = labels_of([row for row in integrations if row.pk in {broken.integration_id for broken in rows}])
    found = defaultdict(list)
    for row in rows:
        source = read_as(row.source, "", labels)[0] if row.source else gettext("Constant")
        found[row.integration_id].append(BrokenRow(f"{source} → {row.target}", row.problem))
    return found


def _waiting(unable: Sequence[Integration]) -> dict[UUID, Waits]:
    """How many changes wait for an account, a vendor or a worker, by integration."""
    if not unable:
        return {}
    jobs = SyncJob.objects.filter(integration__in=unable, state__in=(JobState.WAITING, JobState.HELD)).order_by()
    groups = jobs.values("integration_id").annotate(
        n=Count("id"), due=Min("next_attempt_at", filter=Q(state=JobState.WAITING))
    )
    return {group["integration_id"]: Waits(group["n"], group["due"]) for group in groups}


def _silent(connections: set[UUID], now: datetime) -> dict[UUID, datetime]:
    """Connections whose vendor has not called for unusually long, with the time of the last call."""
    wanted = RemoteSubscription.objects.filter(connection=OuterRef("connection"))
    rows = WebhookEndpoint.objects.filter(Exists(wanted), connection__in=connections, habit__isnull=False)
    endpoints = rows.select_related("habit").defer("secret")
    return {
        row.connection_id: row.last_received_at
        for row in endpoints
        if row.last_received_at is not None and traffic_baseline.is_silent(row, now)
    }


def _webhooks(connections: set[UUID]) -> dict[UUID, set[str]]:
    found: dict[UUID, set[str]] = defaultdict(set)
    rows = RemoteSubscription.objects.filter(connection__in=connections)
    for connection, event in rows.values_list("connection_id", "event"):
        found[connection].add(event)
    return found


def _drifts(integrations: Sequence[Integration]) -> dict[UUID, list[Drifted]]:
    rows = Drift.objects.filter(integration__in=integrations, state=DriftState.OPEN).order_by()
    rows = rows.exclude(kind=DriftKind.ONLY_TARGET)  # who is only there came there by another way
    found: dict[UUID, list[Drifted]] = defaultdict(list)
    groups = rows.values("integration_id", "kind").annotate(n=Count("id"), since=Min("since"))
    for group in groups.order_by("kind"):
        found[group["integration_id"]].append(Drifted(group["kind"], group["n"], group["since"]))
    return found


def _new(active: Sequence[UUID]) -> set[UUID]:
    log, links = (model.objects.filter(integration=OuterRef("pk")) for model in (SyncLog, RecordLink))
    rows = Integration.objects.filter(~Exists(log), ~Exists(links), pk__in=active)
    return set(rows.values_list("pk", flat=True))


def last_comparison(integrations: Sequence[Integration]) -> dict[UUID, datetime]:
    """Since when each is known to have been compared as a whole; those of which that is not proven are missing.

    The flow that was compared longest ago counts, and a sample or a comparison that failed proves nothing. A flow that
    the schedule has left out since, because it was switched off, is passed over.
    """
    runs = SyncRun.objects.filter(integration__in=integrations, kind="compare").order_by()
    whole = Q(state=RunState.DONE, options__sampled__isnull=True)
    groups = runs.values_list("integration_id", "flow").annotate(
        last=Max("finished_at", filter=whole), begun=Max("created_at")
    )
    by_integration: dict[UUID, list[tuple[datetime | None, datetime]]] = defaultdict(list)
    for pk, _, last, begun in groups:
        by_integration[pk].append((last, begun))
    found = {}
    for pk, flows in by_integration.items():
        newest = max(begun for _, begun in flows)
        lasts = [last for last, begun in flows if newest - begun < LEFT_OUT]
        if all(lasts):
            found[pk] = min(last for last in lasts if last is not None)
    return found


def answered_at(connection: Connection) -> datetime | None:
    """The vendor's last good answer; of rows older than that column, the last check that found it working."""
    fallback = connection.last_checked_at if connection.usable and not connection.failures else None
    return connection.last_answer_at or fallback
