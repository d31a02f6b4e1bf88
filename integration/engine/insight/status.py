"""The status of integrations and connections, decided here for portal, console, /healthz and Diagnose alike.

It is computed from rows, with as many queries for a list of integrations as for one, and never asks a vendor. Pages
choose colours and places for it; they add nothing to what it says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import Count, Exists, F, Min, OuterRef, TextChoices
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from integration.engine.clients import connection_health
from integration.engine.dispatch import sweeper
from integration.engine.flow.general_reasons import general_text
from integration.engine.flow.recipe import Recipe, Recipes
from integration.engine.insight import traffic_baseline
from integration.engine.mapping.labels import labels_of, read_as
from integration.models import (
    Connection,
    EventState,
    FieldMapping,
    Health,
    Integration,
    JobState,
    RemoteSubscription,
    RunState,
    State,
    SyncJob,
    SyncRun,
    Unfinished,
    WebhookEndpoint,
    WebhookEvent,
)
from integration.reasons import Reason

LATE = timedelta(minutes=1)  # what waits longer than this is a backlog
TOO_LATE = timedelta(minutes=5)  # a backlog this old does not go away by itself; /healthz answers 503


class SyncState(TextChoices):
    """How an integration or a connection is doing. The last two are for connections only."""

    IN_SYNC = "in_sync", _("In sync")
    CATCHING_UP = "catching_up", _("Catching up")
    NEEDS_ATTENTION = "needs_attention", _("Needs attention")
    PAUSED = "paused", _("Paused")
    SETTING_UP = "setting_up", _("Being set up")
    REMOVED = "removed", _("Uninstalled")
    UNCHECKED = "unchecked", _("Not checked yet")
    DISCONNECTED = "disconnected", _("Disconnected")


# Of several integrations together, the first of these that occurs.
WORST_FIRST = (
    SyncState.NEEDS_ATTENTION, SyncState.CATCHING_UP, SyncState.IN_SYNC, SyncState.PAUSED, SyncState.SETTING_UP,
)  # fmt: skip


class Mend(StrEnum):
    """What mends an issue: a page of the tenant's or the console's, the operator of the hub, or only time."""

    ACCOUNT = "account"
    SETTINGS = "settings"
    MAPPING = "mapping"
    DECIDE = "decide"
    JOBS = "jobs"
    VENDOR = "vendor"
    OPERATOR = "operator"
    TIME = "time"


@dataclass(frozen=True)
class Issue:
    """One reason why not everything is in sync: `what` and `fix` are ours, `detail` may quote a vendor or a person.

    `code` is one of `integration.reasons`, of Diagnose's faults, or `step_failed` and `mapping_broken`. `count` says of
    how many records or changes it is true. With `mend` JOBS and DECIDE, `job_state` says how these jobs stand.
    """

    code: str
    mend: Mend
    what: str
    fix: str = ""
    detail: str = ""
    count: int = 1
    side: str = ""
    job_state: str = ""

    @property
    def sentence(self) -> str:
        """What it is, with what may only be read by those who may see people."""
        return f"{self.what} {self.detail}".strip()


@dataclass(frozen=True)
class Status:
    """The state, what a person must do (worst first), and what goes on by itself."""

    state: SyncState
    issues: tuple[Issue, ...] = ()
    progress: tuple[Issue, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the issues."""
        return tuple(issue.code for issue in self.issues)


@dataclass(frozen=True)
class _Stopped:
    """Jobs of one integration that will not move without somebody."""

    state: str
    reason: str
    count: int


@dataclass(frozen=True)
class _Backlog:
    """Jobs or events that nobody has taken for longer than a minute."""

    count: int
    oldest: datetime


@dataclass(frozen=True)
class _BrokenRow:
    """A row of the field mapping that cannot travel. The problem may quote a value."""

    name: str
    problem: str


@dataclass(frozen=True)
class _Rows:
    """What was read for a list of integrations, by integration or by connection."""

    jobs: Mapping[UUID, list[_Stopped]]
    late: Mapping[UUID, _Backlog]
    events: Mapping[UUID, _Backlog]
    running: set[UUID]
    mappings: Mapping[UUID, list[_BrokenRow]]
    waiting: Mapping[UUID, int]
    silent: Mapping[UUID, datetime]
    worker_gone: bool
    now: datetime


def status_of(integration: Integration, recipes: Recipes) -> Status:
    """Compute the status of one integration, loaded with its connections and tenant."""
    return statuses([integration], recipes)[integration.pk]


def statuses(integrations: Iterable[Integration], recipes: Recipes) -> dict[UUID, Status]:
    """Compute the status of each, by primary key. The number of queries does not depend on how many there are."""
    listed = list(integrations)
    present = [row for row in listed if row.state != State.UNINSTALLED]
    if not present:
        return {row.pk: Status(SyncState.REMOVED) for row in listed}
    rows = _read(present)
    return {row.pk: _status(row, rows, recipes) for row in listed}


def overall(recipes: Recipes) -> SyncState | None:
    """Return the worst state of all integrations of the hub; None when nothing is installed."""
    rows = Integration.objects.exclude(state=State.UNINSTALLED).select_related("left", "right", "tenant")
    found = statuses(rows.defer("left__credentials", "right__credentials"), recipes)
    states = {status.state for status in found.values()}
    return next((state for state in WORST_FIRST if state in states), None)


def connection_status(connection: Connection) -> Status:
    """Compute the status of one connection."""
    if connection.health == Health.DISCONNECTED:
        return Status(SyncState.DISCONNECTED)
    if issue := _refusal(connection):
        return Status(SyncState.NEEDS_ATTENTION, (issue,))
    if connection.health == Health.UNCHECKED:
        return Status(SyncState.UNCHECKED)
    if rest := _rest(connection, timezone.now()):
        return Status(SyncState.CATCHING_UP, (), (rest,))
    return Status(SyncState.IN_SYNC)


def is_too_late(seconds: float) -> bool:
    """Whether a change has waited so long for a worker that the hub does not do its work."""
    return seconds >= TOO_LATE.total_seconds()


def is_any_flow_on(row: Integration, recipe: Recipe) -> bool:
    """Whether the settings switch at least one flow on."""
    settings = {**recipe.default_settings, **row.settings}
    return any(flow.enabled(settings) for flow in recipe.flows)


def _status(row: Integration, rows: _Rows, recipes: Recipes) -> Status:
    if row.state == State.UNINSTALLED:
        return Status(SyncState.REMOVED)
    issues = tuple(_issues(row, rows, recipes))
    progress = tuple(_progress(row, rows))
    if row.state == State.PAUSED or not row.tenant.is_active:
        return Status(SyncState.PAUSED, issues, progress)
    if issues:
        return Status(SyncState.NEEDS_ATTENTION, issues, progress)
    if row.state == State.DRAFT:
        return Status(SyncState.SETTING_UP)
    return Status(SyncState.CATCHING_UP if progress else SyncState.IN_SYNC, (), progress)


def _issues(row: Integration, rows: _Rows, recipes: Recipes) -> Iterable[Issue]:
    """What a person must do, worst first."""
    working = row.state == State.ACTIVE and row.tenant.is_active
    if not row.tenant.is_active:
        what, fix = gettext("The tenant is switched off."), gettext("Ask the operator to switch it on.")
        yield Issue("tenant_off", Mend.OPERATOR, what, fix)
    if working and rows.worker_gone:
        what = gettext("No worker is alive: changes are collected and wait. Nothing is lost.")
        yield Issue("worker_gone", Mend.OPERATOR, what, gettext("The operator must start the workers."))
    for side in ("left", "right"):
        if issue := _refusal(getattr(row, side), side, rows.waiting.get(row.pk, 0)):
            yield issue
    recipe = recipes(row.recipe)
    yield from _failed_steps(row, recipe)
    for broken in rows.mappings.get(row.pk, ()):
        yield Issue("mapping_broken", Mend.MAPPING, f"{broken.name}:", detail=broken.problem)
    yield from _stuck(rows.jobs.get(row.pk, ()), recipe)
    if working:
        yield from _not_working(row, rows, recipes)


def _refusal(connection: Connection, side: str = "", waiting: int = 0) -> Issue | None:
    """What is wrong with an account, which may serve several recipes; the count is that of the changes that wait."""
    if connection.usable:
        return None
    label = connection.connector.label
    code = connection.health_reason or str(connection.health)
    known = general_text(connection.health_reason)
    if known is None:
        said = connection.health_said or gettext("It does not work at the moment.")
        fix = gettext("Connect the account again.")
        return Issue(code, Mend.ACCOUNT, f"{label}:", fix, said, waiting, side)
    return Issue(code, Mend.ACCOUNT, f"{label}: {known.what}", str(known.fix), "", waiting, side)


def _failed_steps(row: Integration, recipe: Recipe) -> Iterable[Issue]:
    for step in row.provisioning:
        if not step.get("ok"):
            known = recipe.reason_text(step.get("reason", ""))
            code = step.get("reason") or "step_failed"
            yield Issue(
                code, Mend.SETTINGS, f"{step['label']}:", str(known.fix) if known else "", step.get("detail", "")
            )


def _stuck(groups: Sequence[_Stopped], recipe: Recipe) -> Iterable[Issue]:
    """Jobs that will not move without somebody: held ones by reason, and those that failed for good."""
    for group in sorted(groups, key=lambda group: -group.count):
        known = recipe.reason_text(group.reason)
        text, mend = ngettext("{count} record failed: {why}", "{count} records failed: {why}", group.count), Mend.JOBS
        if group.state == JobState.HELD:
            text = ngettext("{count} record waits: {why}", "{count} records wait: {why}", group.count)
            mend = Mend.DECIDE if group.reason in connection_health.DECIDED_BY_A_PERSON else Mend.JOBS
        what = text.format(count=f"{group.count:,}", why=known.what if known else group.reason)
        fix = str(known.fix) if known else ""
        yield Issue(group.reason, mend, what, fix, count=group.count, job_state=group.state)


def _not_working(row: Integration, rows: _Rows, recipes: Recipes) -> Iterable[Issue]:
    """What keeps an integration that is switched on from doing anything."""
    if not is_any_flow_on(row, recipes(row.recipe)):
        what, fix = gettext("Nothing is switched on."), gettext("Switch a part on in the settings.")
        yield Issue("nothing_on", Mend.SETTINGS, what, fix)
    for side in ("left", "right"):
        connection: Connection = getattr(row, side)
        if since := rows.silent.get(connection.pk):
            label = connection.connector.label
            text = gettext("{vendor} has sent nothing since {date}, although it usually does at these hours.")
            what = text.format(vendor=label, date=date_format(since, "j M Y"))
            fix = gettext("Check in {vendor} whether its webhook is on.").format(vendor=label)
            yield Issue("webhook_silent", Mend.VENDOR, what, fix, side=side)
    oldest = min((backlog.oldest for backlog in _backlogs(row, rows)), default=None)
    if oldest and rows.now - oldest >= TOO_LATE and _could_work(row, rows):
        minutes = int((rows.now - oldest).total_seconds() // 60)
        text = ngettext(
            "The oldest change has waited for {minutes} minute.",
            "The oldest change has waited for {minutes} minutes.",
            minutes,
        )
        fix = gettext("The operator can see whether the workers are busy.")
        yield Issue("queue_late", Mend.OPERATOR, text.format(minutes=minutes), fix)


def _could_work(row: Integration, rows: _Rows) -> bool:
    """Whether nothing else explains that changes wait."""
    sides = (row.left, row.right)
    return not rows.worker_gone and all(side.usable and _rest(side, rows.now) is None for side in sides)


def _progress(row: Integration, rows: _Rows) -> Iterable[Issue]:
    """What goes on by itself and is not finished."""
    count = sum(backlog.count for backlog in _backlogs(row, rows))
    if count:
        text = ngettext("{count} change is being synced.", "{count} changes are being synced.", count)
        yield Issue("late", Mend.TIME, text.format(count=f"{count:,}"), count=count)
    if row.pk in rows.running:
        yield Issue("fetch_all", Mend.TIME, gettext("Fetch All is under way."))
    for side in ("left", "right"):
        if rest := _rest(getattr(row, side), rows.now, side):
            yield rest


def _rest(connection: Connection, now: datetime, side: str = "") -> Issue | None:
    """A connection that is left alone for longer than a moment, because of a limit or of failures."""
    if connection.not_before is None or connection.not_before <= now + LATE:
        return None
    text = gettext("Calls to {vendor} are paused for a while; they continue by themselves.")
    return Issue("resting", Mend.TIME, text.format(vendor=connection.connector.label), side=side)


def _backlogs(row: Integration, rows: _Rows) -> list[_Backlog]:
    """Late jobs of the integration and late events of its connections."""
    found = [rows.late.get(row.pk), rows.events.get(row.left_id), rows.events.get(row.right_id)]
    return [backlog for backlog in found if backlog is not None]


def _read(integrations: Sequence[Integration]) -> _Rows:
    """Ask the database once per table."""
    now = timezone.now()
    active = [row.pk for row in integrations if row.state == State.ACTIVE]
    connections = {pk for row in integrations if row.state == State.ACTIVE for pk in (row.left_id, row.right_id)}
    broken = [row for row in integrations if not (row.left.usable and row.right.usable)]
    return _Rows(
        jobs=_stopped_jobs(integrations), late=_late_jobs(active, now), events=_new_events(connections, now),
        running=_running(active), mappings=_broken_mappings(integrations), waiting=_waiting(broken),
        silent=_silent(connections, now), worker_gone=bool(active) and sweeper.nobody_works(), now=now,
    )  # fmt: skip


def _stopped_jobs(integrations: Sequence[Integration]) -> dict[UUID, list[_Stopped]]:
    """Held and dead jobs by state and reason; what a switched-off part left behind asks nothing of anybody."""
    jobs = SyncJob.objects.filter(Unfinished(F("state")), integration__in=integrations)
    jobs = jobs.filter(state__in=(JobState.HELD, JobState.DEAD)).exclude(reason=Reason.FLOW_OFF)
    found: dict[UUID, list[_Stopped]] = defaultdict(list)
    for group in jobs.order_by().values("integration_id", "state", "reason").annotate(n=Count("id")):
        found[group["integration_id"]].append(_Stopped(group["state"], group["reason"], group["n"]))
    return found


def _late_jobs(active: Sequence[UUID], now: datetime) -> dict[UUID, _Backlog]:
    jobs = SyncJob.objects.filter(integration__in=active, state=JobState.WAITING, next_attempt_at__lt=now - LATE)
    groups = jobs.order_by().values("integration_id").annotate(n=Count("id"), oldest=Min("next_attempt_at"))
    return {group["integration_id"]: _Backlog(group["n"], group["oldest"]) for group in groups}


def _new_events(connections: set[UUID], now: datetime) -> dict[UUID, _Backlog]:
    """Events that no router has taken for long, by connection."""
    events = WebhookEvent.objects.filter(state=EventState.NEW, received_at__lt=now - LATE, connection__in=connections)
    groups = events.order_by().values("connection_id").annotate(n=Count("id"), oldest=Min("received_at"))
    return {group["connection_id"]: _Backlog(group["n"], group["oldest"]) for group in groups}


def _running(active: Sequence[UUID]) -> set[UUID]:
    runs = SyncRun.objects.filter(integration__in=active, state__in=(RunState.WAITING, RunState.RUNNING))
    return set(runs.filter(kind="fetch_all").values_list("integration_id", flat=True))


def _broken_mappings(integrations: Sequence[Integration]) -> dict[UUID, list[_BrokenRow]]:
    """Rows that cannot travel, with the labels people know the fields by."""
    rows = list(FieldMapping.objects.filter(integration__in=integrations).exclude(problem=""))
    labels = labels_of([row for row in integrations if row.pk in {broken.integration_id for broken in rows}])
    found = defaultdict(list)
    for row in rows:
        source = read_as(row.source, "", labels)[0] if row.source else gettext("Constant")
        found[row.integration_id].append(_BrokenRow(f"{source} → {row.target}", row.problem))
    return found


def _waiting(broken: Sequence[Integration]) -> dict[UUID, int]:
    """How many changes wait for an account, by integration."""
    if not broken:
        return {}
    jobs = SyncJob.objects.filter(integration__in=broken, state__in=(JobState.WAITING, JobState.HELD)).order_by()
    return dict(jobs.values_list("integration_id").annotate(n=Count("id")))


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
