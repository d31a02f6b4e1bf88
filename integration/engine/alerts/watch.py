"""What is wrong now? One watcher per kind of alert, with few queries each that stay small however large the tables."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils.timesince import timesince

from integration.engine.alerts import words
from integration.engine.clients import sunsets
from integration.engine.dispatch import heartbeat
from integration.engine.flow.recipe import Recipes
from integration.engine.insight import opt_ins, traffic_baseline
from integration.engine.safety import limits
from integration.models import (
    AccountClaim,
    Alert,
    AlertKind,
    Brake,
    BreakGlassUse,
    ClaimState,
    Connection,
    EventState,
    Health,
    Integration,
    JobState,
    Outcome,
    RemoteSubscription,
    SchemaChange,
    State,
    SyncJob,
    SyncLog,
    VendorSunset,
    WebhookEndpoint,
    WebhookEvent,
)
from integration.reasons import Reason
from tenants.models import Tenant

log = logging.getLogger(__name__)

HUB = "hub"
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
NEWEST = 200_000  # rows of the log that are looked at: an hour of a very busy hub
CAP = 10_000  # where counting stops


@dataclass(frozen=True)
class Condition:
    """One thing that is wrong with one subject, in words that may be mailed."""

    kind: str
    subject: str
    what: str
    reason: str = ""
    tenant_id: UUID | None = None
    integration_id: UUID | None = None
    connection_id: UUID | None = None


Watcher = Callable[[Recipes, datetime], Iterator[Condition]]


def look(recipes: Recipes, now: datetime) -> tuple[list[Condition], set[str]]:
    """Everything that is wrong now, and the kinds that could be judged; one that crashes leaves its kind open."""
    found: list[Condition] = []
    judged: set[str] = set()
    for kind, watcher in WATCHERS.items():
        if kind == AlertKind.WAITING and (any(row.kind == AlertKind.WORKER for row in found) or _catching_up(now)):
            continue  # without a worker everything waits: that is one alert, not one per integration
        try:
            found += list(watcher(recipes, now))
            judged.add(kind)
        except Exception:
            log.exception("The watcher for %s alerts crashed.", kind)
    return found, judged


def _catching_up(now: datetime) -> bool:
    """Whether a worker came back so lately that it cannot have worked off what had waited."""
    grace = now - timedelta(seconds=settings.ALERT_WAITING_SECONDS)
    gone = Alert.objects.filter(kind=AlertKind.WORKER, subject=HUB)
    return gone.filter(Q(resolved_at__isnull=True) | Q(resolved_at__gt=grace)).exists()


def worker(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """Nobody works: found by whoever still evaluates, /healthz or cron."""
    heard = heartbeat.heard(timedelta(seconds=settings.ALERT_WORKER_SECONDS))
    if heard.pulse == heartbeat.Pulse.GONE:
        last = f"the last one was heard {_span(heard.last, now)} ago" if heard.last else "none was ever heard"
        yield Condition(AlertKind.WORKER, HUB, f"No worker is alive: {last}", "worker_gone")


def connection(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """Connections that need a person and are in use."""
    used = Integration.objects.filter(Q(left=OuterRef("pk")) | Q(right=OuterRef("pk")), state__in=_IN_USE)
    rows = Connection.objects.filter(Exists(used), health=Health.NEEDS_YOU, tenant__is_active=True)
    for row in rows.select_related("tenant").defer("credentials"):
        integrations = Integration.objects.filter(Q(left=row) | Q(right=row), state__in=_IN_USE).order_by("created_at")
        what = words.refusal(row, waiting(integrations))
        yield Condition(
            AlertKind.CONNECTION, f"connection:{row.pk}", what, row.health_reason, tenant_id=row.tenant_id,
            integration_id=integrations[0].pk, connection_id=row.pk,
        )  # fmt: skip


def waiting(integrations: QuerySet[Integration]) -> int:
    """How many changes wait there, up to a limit."""
    jobs = SyncJob.objects.filter(integration__in=integrations, state__in=(JobState.WAITING, JobState.HELD)).order_by()
    return len(jobs.values_list("pk")[: CAP + 1])


def late(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """The oldest change that somebody could work on waits too long."""
    limit = now - timedelta(seconds=settings.ALERT_WAITING_SECONDS)
    event = (
        WebhookEvent.objects.filter(state=EventState.NEW)
        .order_by("deferred", "id")
        .values_list("received_at", flat=True)[:1]
    )
    for moment in event:
        if moment < limit:
            yield Condition(
                AlertKind.WAITING, HUB, f"Events have waited to be routed for {_span(moment, now)}", "queue_late"
            )
    due = SyncJob.objects.filter(integration=OuterRef("pk"), state=JobState.WAITING, next_attempt_at__lt=limit)
    for row in _working(now).filter(Exists(due)).select_related("tenant"):
        oldest = row.jobs.filter(state=JobState.WAITING).order_by("next_attempt_at").first()
        if oldest is not None:
            what = f"Changes of {words.named(row, recipes)} have waited for {_span(oldest.next_attempt_at, now)}"
            yield _of(AlertKind.WAITING, row, what, "queue_late")


def failures(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """Too large a share of the last hour's records failed, or something urgent did."""
    last = SyncLog.objects.order_by("-id").values_list("id", flat=True).first() or 0
    rows = SyncLog.objects.filter(id__gt=last - NEWEST, created_at__gt=now - HOUR)
    ended = rows.filter(outcome__in=(Outcome.SYNCED, Outcome.FAILED)).order_by()
    counts = ended.values("integration_id").annotate(n=Count("id"), bad=Count("id", filter=Q(outcome=Outcome.FAILED)))
    high = {row["integration_id"]: row for row in counts if _too_many(row["bad"], row["n"])}
    for row in Integration.objects.filter(pk__in=high, state=State.ACTIVE).select_related("tenant"):
        bad, of = high[row.pk]["bad"], high[row.pk]["n"]
        share = f"{100 * bad // of} % of the records of {words.named(row, recipes)}"
        yield _of(AlertKind.FAILURES, row, f"{share} failed in the last hour ({bad:,} of {of:,})")
    yield from _untold(recipes)


def _untold(recipes: Recipes) -> Iterator[Condition]:
    """Consent that did not reach the other side: each such record counts, however few they are."""
    dead = SyncJob.objects.filter(state=JobState.DEAD, integration__state__in=_IN_USE)
    rows = dead.order_by().values("integration_id", "flow").annotate(n=Count("id"), reason=Max("reason"))
    for row in rows:
        integration = Integration.objects.select_related("tenant").get(pk=row["integration_id"])
        urgent = {flow.key for flow in recipes(integration.recipe).flows if flow.urgent}
        if row["flow"] in urgent:
            what = f"{row['n']:,} urgent changes of {words.named(integration, recipes)} could not be written"
            alert = _of(AlertKind.FAILURES, integration, what, row["reason"])
            yield replace(alert, subject=f"{alert.subject}:{row['flow']}"[:60])


def _too_many(failed: int, total: int) -> bool:
    share = settings.ALERT_FAILURE_PERCENT
    return bool(failed >= settings.ALERT_FAILURE_MINIMUM and 100 * failed >= share * total)


def silent(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """A vendor that usually calls at these hours has not."""
    before = now - timedelta(hours=settings.ALERT_SILENT_HOURS)
    used = Integration.objects.filter(
        Q(left=OuterRef("connection")) | Q(right=OuterRef("connection")), state=State.ACTIVE, tenant__is_active=True
    )
    wanted = RemoteSubscription.objects.filter(connection=OuterRef("connection"))
    rows = WebhookEndpoint.objects.filter(Exists(used), Exists(wanted), last_received_at__lt=before)
    for row in rows.select_related("connection__tenant", "habit").defer("secret", "connection__credentials"):
        if row.last_received_at is None or not traffic_baseline.is_silent(row, now):
            continue
        tenant = words.plain(row.connection.tenant.name)
        vendor, since = row.connection.connector.label, _span(row.last_received_at, now)
        integration = Integration.objects.filter(Q(left=row.connection) | Q(right=row.connection), state=State.ACTIVE)
        yield Condition(
            AlertKind.SILENT, f"connection:{row.connection_id}",
            f"{vendor} has sent nothing of {tenant} for {since}, although it usually does at these hours",
            "webhook_silent", row.connection.tenant_id, integration[0].pk, row.connection_id,
        )  # fmt: skip


def brake(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """A brake holds records until a person decides."""
    rows = Brake.objects.filter(tripped_at__isnull=False, integration__state__in=_IN_USE)
    for row in rows.select_related("integration__tenant"):
        count = limits.held(row.integration, row.kind)
        if count:
            reason = limits.REASONS[row.kind]
            what = recipes(row.integration.recipe).reason_texts[reason].what.rstrip(".")
            said = f"{what}: {count:,} of {words.named(row.integration, recipes)} wait for a decision"
            alert = _of(AlertKind.BRAKE, row.integration, said, reason)
            yield replace(alert, subject=f"{alert.subject}:{row.kind}")


def claim(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """An administrator at a vendor asks for an account that another customer holds."""
    for row in AccountClaim.objects.filter(state=ClaimState.OPEN):
        what = f"An administrator at {row.get_vendor_display()} claims an account that another customer holds"
        yield Condition(AlertKind.CLAIM, f"claim:{row.pk}", what)


_IN_USE = (State.ACTIVE, State.PAUSED)


def _working(now: datetime) -> QuerySet[Integration]:
    """Integrations whose jobs a worker could take now."""
    rows = Integration.objects.filter(state=State.ACTIVE, tenant__is_active=True)
    for side in ("left", "right"):
        rows = rows.filter(**{f"{side}__health__in": (Health.OK, Health.UNCHECKED)})
        rows = rows.filter(Q(**{f"{side}__not_before__isnull": True}) | Q(**{f"{side}__not_before__lte": now}))
    return rows


def _of(kind: str, row: Integration, what: str, reason: str = "") -> Condition:
    return Condition(kind, f"integration:{row.pk}", what, reason, tenant_id=row.tenant_id, integration_id=row.pk)


def _span(since: datetime, until: datetime) -> str:
    return timesince(since, until, depth=1).replace("\xa0", " ")


def unanswered(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """Opt-in mails that nobody confirms: perhaps they never went out."""
    for found in opt_ins.unanswered(recipes, now):
        row = found.integration
        if row.state != State.ACTIVE or not row.tenant.is_active:
            continue
        what = f"{found.asked:,} people of {words.named(row, recipes)} were asked by mail, and nobody has confirmed"
        yield _of(AlertKind.UNANSWERED, row, what, "opt_ins_unanswered")


def sunset(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """A vendor ends what we still call. One alert per vendor: an update of ours mends all of it at once."""
    by_vendor: dict[str, list[VendorSunset]] = {}
    for row in sunsets.near(now):
        by_vendor.setdefault(row.vendor, []).append(row)
    for vendor, rows in by_vendor.items():
        first, more = rows[0], len(rows) - 1
        when = f"on {first.ends_at:%-d %B %Y}" if first.ends_at else "at a date it has not named"
        others = f" and {more} more" if more else ""
        what = f"{first.get_vendor_display()} switches off “{first.place}”{others} {when}"
        yield Condition(AlertKind.SUNSET, f"sunset:{vendor}", what[:300])


def schema(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """Fields, options, stages or pipelines that mapping rows or settings use are gone, or no longer fit."""
    by_integration: dict[UUID, list[SchemaChange]] = {}
    rows = SchemaChange.objects.filter(
        is_broken=True, integration__state__in=_IN_USE, integration__tenant__is_active=True
    )
    for row in rows.select_related("integration__tenant", "integration__left", "integration__right").order_by("id"):
        by_integration.setdefault(row.integration_id, []).append(row)
    for changes in by_integration.values():
        yield _of(AlertKind.SCHEMA, changes[0].integration, words.changed(changes), "")


def not_routed(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """Integrations whose recipe this version does not have, and events that it could not turn into jobs."""
    for row in Integration.objects.filter(state__in=_IN_USE, tenant__is_active=True).exclude(
        recipe__in=_known(recipes)
    ):
        what = f"This version does not have the recipe {row.recipe} of {words.plain(row.tenant.name)}; its changes wait"
        yield _of(AlertKind.NOT_ROUTED, row, what, Reason.RECIPE_UNKNOWN)
    spoilt = WebhookEvent.objects.filter(reason=Reason.INTERNAL_ERROR, received_at__gt=now - DAY).order_by()
    for found in spoilt.values("connection_id", "connection__tenant_id").annotate(n=Count("id")):
        tenant = Tenant.objects.get(pk=found["connection__tenant_id"])
        what = f"{found['n']:,} events of {words.plain(tenant.name)} could not be turned into work within the last day"
        yield Condition(
            AlertKind.NOT_ROUTED, f"connection:{found['connection_id']}", what, Reason.INTERNAL_ERROR,
            tenant_id=tenant.pk, connection_id=found["connection_id"],
        )  # fmt: skip


def _known(recipes: Recipes) -> list[str]:
    """The recipes in use that this version of the code has."""
    used = Integration.objects.order_by().values_list("recipe", flat=True).distinct()
    return [key for key in used if recipes(key).is_known]


def break_glass(recipes: Recipes, now: datetime) -> Iterator[Condition]:
    """The local account that is for emergencies opened the hub within the last day. Each day of use is told."""
    last = BreakGlassUse.objects.filter(at__gt=now - DAY).order_by("-at").first()
    if last is not None:
        what = f"The break-glass account signed in with its password, at {last.at:%H:%M} UTC on {last.at:%-d %B}"
        yield Condition(AlertKind.BREAK_GLASS, HUB, what)


WATCHERS: Mapping[str, Watcher] = {
    AlertKind.WORKER: worker,
    AlertKind.CONNECTION: connection,
    AlertKind.WAITING: late,
    AlertKind.FAILURES: failures,
    AlertKind.SILENT: silent,
    AlertKind.BRAKE: brake,
    AlertKind.CLAIM: claim,
    AlertKind.UNANSWERED: unanswered,
    AlertKind.SUNSET: sunset,
    AlertKind.SCHEMA: schema,
    AlertKind.NOT_ROUTED: not_routed,
    AlertKind.BREAK_GLASS: break_glass,
}
