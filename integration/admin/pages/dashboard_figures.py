"""What the front page adds to its numbers: charts per hour, the vendors' answers and budgets, the workers that live."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django_q.status import Stat
from redis.exceptions import RedisError

from integration.admin.core import html
from integration.connectors.registry import CONNECTORS, get_connector
from integration.models import Outcome, RateBudget, SyncLog, VendorCall, WebhookEvent
from integration.ui import hourly_chart

CHARTED = (Outcome.SYNCED, Outcome.SKIPPED, Outcome.FAILED)
CHARTS = ("records", "events")
KEEP = 30  # seconds the charts are kept: they count a day's rows
HOUR = timedelta(hours=1)
CALLS = 20_000  # newest calls looked at
LITTLE_LEFT = 0.1


@dataclass(frozen=True)
class Vendor:
    """One vendor's answers of the last hour and its tightest budget."""

    label: str
    calls: html.Html
    refused: html.Html
    broken: html.Html
    limited: html.Html
    median: str
    budget: html.Html


def charts() -> Mapping[str, list[hourly_chart.Bar]]:
    """Records by outcome and events, per hour of the last day."""
    zone = timezone.get_current_timezone()
    with suppress(RedisError, TypeError, KeyError, ValueError):  # the cache only saves work, and is not believed
        kept = cache.get("console-charts")
        return {name: hourly_chart.from_json(kept[name]) for name in CHARTS}
    found = {
        "records": hourly_chart.bars(SyncLog.objects.all(), "created_at", zone, "outcome", CHARTED),
        "events": hourly_chart.bars(WebhookEvent.objects.all(), "received_at", zone),
    }
    with suppress(RedisError):
        cache.set("console-charts", {name: hourly_chart.to_json(of_hours) for name, of_hours in found.items()}, KEEP)
    return found


@dataclass(frozen=True)
class Worker:
    """A queue cluster that is alive."""

    name: str
    workers: int
    state: str
    up: str


def vendors() -> list[Vendor]:
    """One line per vendor that was called within the hour."""
    rows = VendorCall.objects.filter(at__gt=timezone.now() - HOUR).order_by("-at")
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    times: dict[str, list[int]] = defaultdict(list)
    for vendor, status, ms in rows.values_list("connection__vendor", "status", "ms")[:CALLS]:
        kinds[vendor][_kind(status)] += 1
        times[vendor].append(ms)
    budgets = _budgets()
    return [_vendor(key, kinds[key], sorted(times[key]), budgets.get(key)) for key in CONNECTORS if key in kinds]


def workers() -> list[Worker]:
    """The queue clusters that were heard from in the last seconds; none where the broker does not answer."""
    clusters: list[Stat] = []
    with suppress(RedisError):
        clusters = Stat.get_all()
    return [
        Worker(f"{stat.host} {stat.cluster_id}"[:60], len(stat.workers or ()), str(stat.status),
               html.duration(stat.uptime()))
        for stat in sorted(clusters, key=lambda stat: str(stat.cluster_id))
    ]  # fmt: skip


def _kind(status: int) -> str:
    if status == 429:
        return "limited"
    if status == 0 or status >= 500:
        return "broken"
    return "refused" if status >= 400 else "ok"


def _vendor(key: str, kinds: Counter[str], times: list[int], budget: tuple[float, RateBudget] | None) -> Vendor:
    total = sum(kinds.values())
    address = {"since": "1h", "vendor": key}

    def door(number: int, **more: str) -> html.Html:
        share = f" ({100 * number / total:.1f} %)" if more and number else ""
        return html.doors([(html.url_of_list(VendorCall, **address, **more), f"{number:,}{share}")])

    return Vendor(
        get_connector(key).label, door(total), door(kinds["refused"], answer="refused"),
        door(kinds["broken"], answer="broken"), door(kinds["limited"], answer="limited"),
        f"{times[len(times) // 2]:,} ms", _said(budget) if budget else html.EMPTY,
    )  # fmt: skip


def _budgets() -> dict[str, tuple[float, RateBudget]]:
    """The tightest budget of each vendor that is under way."""
    tightest: dict[str, tuple[float, RateBudget]] = {}
    rows = RateBudget.objects.select_related("connection__tenant").defer("connection__credentials")
    for row in rows.filter(resets_at__gt=timezone.now(), limit__gt=0)[:CALLS]:
        share = max(row.remaining, 0.0) / (row.limit or 1)
        vendor = row.connection.vendor
        if vendor not in tightest or share < tightest[vendor][0]:
            tightest[vendor] = (share, row)
    return tightest


def _said(budget: tuple[float, RateBudget]) -> html.Html:
    share, row = budget
    text = gettext("{percent} % of {window} left, {tenant}").format(
        percent=f"{100 * share:.0f}", window=row.window, tenant=row.connection.tenant
    )
    door = html.door(row.connection, text)
    return (
        format_html("{} {}", html.Badge(html.AMBER, "error", gettext("Little left")), door)
        if share < LITTLE_LEFT
        else door
    )
