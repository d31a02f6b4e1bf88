"""Figures for Prometheus, asked of the database at each scrape: by recipe and vendor, never by tenant.

Every query is bounded: counts by partial indexes up to a cap, and what grows for ever only within the last minutes.
They are gauges; what looks like a counter elsewhere is "in the last five minutes" here, the same whoever answers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db.models import BooleanField, Count, F, Func, Model, QuerySet
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from integration.engine.dispatch import heartbeat, sweeper
from integration.models import (
    Alert,
    AlertKind,
    Connection,
    Health,
    Integration,
    JobState,
    Outcome,
    RateBudget,
    State,
    SyncJob,
    SyncLog,
    SyncRun,
    VendorCall,
    WebhookEvent,
)

WINDOW = timedelta(minutes=5)
CAP = 100_000  # rows looked at by one query
CALLS = 20_000  # calls whose times are sorted
QUANTILES = (0.5, 0.95, 0.99)
UNFINISHED = (JobState.WAITING, JobState.RUNNING, JobState.HELD, JobState.DEAD)
INDEXED = ("= 'waiting'", "IN ('running', 'held', 'dead')")


class InStates(Func):
    """The condition of a partial index, word for word: SQLite recognises it only without parameters."""

    template = "%(expressions)s %(states)s"
    output_field = BooleanField()


class Figures(Collector):
    """All families, computed anew for one scrape. `vendors` and `recipes` are the keys that always have a figure."""

    def __init__(self, vendors: Sequence[str], recipes: Sequence[str]) -> None:
        self._vendors, self._recipes = vendors, recipes

    def collect(self) -> Iterator[Metric]:
        """Yield one family after the other."""
        recipe_of = dict(Integration.objects.values_list("pk", "recipe"))
        yield self._waiting()
        yield from self._worker()
        yield self._events()
        yield self._jobs(recipe_of)
        yield self._log(recipe_of)
        yield from self._calls()
        yield from self._budgets()
        yield self._connections()
        yield self._integrations()
        yield self._runs(recipe_of)
        yield self._alerts()

    def _waiting(self) -> Metric:
        family = GaugeMetricFamily("lockstep_oldest_waiting_seconds", "Age of the oldest change a worker could take.")
        family.add_metric([], sweeper.oldest_waiting_seconds())
        return family

    def _worker(self) -> Iterator[Metric]:
        age = sweeper.sweeper_age()
        alive = GaugeMetricFamily("lockstep_worker_alive", "1 while the heartbeat of the workers is young enough.")
        alive.add_metric([], 0 if heartbeat.nobody_works() else 1)
        yield alive
        if age is not None:
            family = GaugeMetricFamily("lockstep_sweep_age_seconds", "Seconds since the last sweep.")
            family.add_metric([], age.total_seconds())
            yield family

    def _events(self) -> Metric:
        rows = _newest(WebhookEvent, received_at__gt=timezone.now() - WINDOW)
        counted = _counted(rows, "connection__vendor")
        counts = {(vendor,): counted.get((vendor,), 0) for vendor in self._vendors}
        return _family("lockstep_events_recent", "Events received in the last 5 minutes.", ("vendor",), counts)

    def _jobs(self, recipe_of: dict[UUID, str]) -> Metric:
        counts: Counter[tuple[str, ...]] = Counter()
        for states in INDEXED:
            rows = SyncJob.objects.filter(InStates(F("state"), states=states)).order_by().values("pk")[:CAP]
            counts += _by_recipe(SyncJob.objects.filter(pk__in=rows), recipe_of, "state")
        filled = self._filled(counts, UNFINISHED)
        text = f"Unfinished jobs by state, counted up to {CAP:,}."
        return _family("lockstep_jobs", text, ("recipe", "state"), filled)

    def _log(self, recipe_of: dict[UUID, str]) -> Metric:
        rows = _newest(SyncLog, created_at__gt=timezone.now() - WINDOW)
        filled = self._filled(_by_recipe(rows, recipe_of, "outcome"), Outcome.values)
        text = "Records by outcome in the last 5 minutes."
        return _family("lockstep_records_recent", text, ("recipe", "outcome"), filled)

    def _filled(self, counts: Counter[tuple[str, ...]], values: Iterable[str]) -> dict[tuple[str, ...], float]:
        return {(recipe, str(value)): counts[recipe, str(value)] for recipe in self._recipes for value in values}

    def _calls(self) -> Iterator[Metric]:
        rows = VendorCall.objects.filter(at__gt=timezone.now() - WINDOW).order_by("-at")
        classes: Counter[tuple[str, ...]] = Counter()
        times: dict[str, list[int]] = defaultdict(list)
        for vendor, status, ms in rows.values_list("connection__vendor", "status", "ms")[:CALLS]:
            classes[vendor, _status_class(status)] += 1
            times[vendor].append(ms)
        labels = ("vendor", "status")
        kinds = ("2xx", "3xx", "4xx", "429", "5xx", "none")
        counts = {(vendor, kind): float(classes[vendor, kind]) for vendor in self._vendors for kind in kinds}
        text = "Calls to vendors by status class in the last 5 minutes; none: no answer."
        yield _family("lockstep_vendor_calls_recent", text, labels, counts)
        quantiles = {
            (vendor, str(share)): _quantile(sorted(found), share) / 1000
            for vendor, found in times.items()
            for share in QUANTILES
        }
        text = "How long calls to vendors took in the last 5 minutes."
        yield _family("lockstep_vendor_call_seconds", text, ("vendor", "quantile"), quantiles)

    def _budgets(self) -> Iterator[Metric]:
        tightest: dict[tuple[str, ...], float] = {}
        used_up: Counter[tuple[str, ...]] = Counter()
        rows = RateBudget.objects.filter(resets_at__gt=timezone.now(), limit__gt=0)
        for vendor, window, left, limit in rows.values_list("connection__vendor", "window", "remaining", "limit")[:CAP]:
            key, share = (vendor, window), max(left, 0.0) / (limit or 1)
            tightest[key] = min(tightest.get(key, 1.0), share)
            used_up[key] += share == 0
        labels = ("vendor", "window")
        text = "Share left of the budget that is tightest among all accounts."
        yield _family("lockstep_budget_left_ratio", text, labels, tightest)
        text = "Accounts whose budget is used up."
        yield _family("lockstep_budgets_used_up", text, labels, dict(used_up))

    def _connections(self) -> Metric:
        counted = _counted(Connection.objects.exclude(health=Health.DISCONNECTED), "vendor", "health")
        kept = [str(value) for value in Health.values if value != Health.DISCONNECTED]
        counts = {(vendor, value): counted.get((vendor, value), 0) for vendor in self._vendors for value in kept}
        return _family("lockstep_connections", "Connections by health.", ("vendor", "health"), counts)

    def _integrations(self) -> Metric:
        counted = _counted(Integration.objects.all(), "recipe", "state")
        counts = {(key, str(value)): counted.get((key, value), 0) for key in self._recipes for value in State.values}
        return _family("lockstep_integrations", "Integrations by state.", ("recipe", "state"), counts)

    def _runs(self, recipe_of: dict[UUID, str]) -> Metric:
        rows = SyncRun.objects.filter(state__in=("waiting", "running"))
        counts = _by_recipe(rows, recipe_of, "kind")
        return _family("lockstep_runs_unfinished", "Runs that are not finished.", ("recipe", "kind"), dict(counts))

    def _alerts(self) -> Metric:
        counted = _counted(Alert.objects.filter(resolved_at__isnull=True), "kind")
        counts = {(str(kind),): counted.get((kind,), 0) for kind in AlertKind.values}
        return _family("lockstep_alerts_open", "Open alerts.", ("kind",), counts)


M = TypeVar("M", bound=Model)
K = TypeVar("K", bound=tuple[str, ...])


def exposition(vendors: Sequence[str], recipes: Sequence[str]) -> bytes:
    """The text Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(vendors, recipes))
    return generate_latest(registry)


def _newest(model: type[M], **within: datetime) -> QuerySet[M]:
    """The rows of the window, and of those the newest only: how busy it is must not decide how long a scrape takes."""
    last = model._default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0
    rows: QuerySet[M] = model._default_manager.filter(pk__gt=last - CAP, **within)
    return rows


def _counted(rows: QuerySet[Model], *names: str) -> dict[tuple[str, ...], float]:
    found = rows.order_by().values_list(*names).annotate(n=Count("pk"))
    return {tuple(str(part) for part in row[:-1]): row[-1] for row in found}


def _by_recipe(rows: QuerySet[Model], recipe_of: dict[UUID, str], name: str) -> Counter[tuple[str, ...]]:
    """Counted by integration, whose recipe is known, so that the large table is not joined."""
    counts: Counter[tuple[str, ...]] = Counter()
    for integration, value, count in rows.order_by().values_list("integration_id", name).annotate(n=Count("pk")):
        counts[recipe_of.get(integration, "unknown"), str(value)] += count
    return counts


def _family(name: str, text: str, labels: Sequence[str], values: Mapping[K, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(list(key), float(value))
    return family


def _status_class(status: int) -> str:
    if status in (0, 429):
        return "429" if status else "none"
    return f"{status // 100}xx"


def _quantile(times: Sequence[int], share: float) -> float:
    """Nearest rank."""
    return float(times[min(int(share * len(times)), len(times) - 1)])
