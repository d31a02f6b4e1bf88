"""The last 24 hours as bars, one an hour: what portal and console draw their charts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TypedDict

from django.db.models import Count, Model, QuerySet
from django.db.models.functions import TruncHour
from django.utils import timezone

HOURS = 24
WIDTH, HEIGHT = 10.0, 60.0  # of one bar with its gap, and of the tallest one


@dataclass(frozen=True)
class Bar:
    """One hour: its counts by kind, and the rectangles that show them (kind, x, y, height)."""

    hour: datetime
    counts: dict[str, int]
    rectangles: list[tuple[str, float, float, float]]


class StoredBar(TypedDict):
    """The same as a cache keeps it."""

    hour: str
    counts: dict[str, int]
    rectangles: list[tuple[str, float, float, float]]


def to_json(found: Sequence[Bar]) -> list[StoredBar]:
    """The bars as a cache keeps them."""
    return [{"hour": bar.hour.isoformat(), "counts": bar.counts, "rectangles": bar.rectangles} for bar in found]


def from_json(kept: Sequence[StoredBar]) -> list[Bar]:
    """The bars as they were. Raises TypeError, KeyError or ValueError for what are none."""
    return [
        Bar(
            datetime.fromisoformat(bar["hour"]),
            {str(kind): int(count) for kind, count in dict(bar["counts"]).items()},
            [(str(kind), float(x), float(y), float(height)) for kind, x, y, height in bar["rectangles"]],
        )
        for bar in kept
    ]


def bars(
    rows: QuerySet[Model], column: str, zone: tzinfo, kind: str = "", kinds: Sequence[str] = ("all",)
) -> list[Bar]:
    """Count rows per hour of `zone` by the time in `column`, and by the values of `kind`. Empty when there are none."""
    now = timezone.localtime(timezone=zone).replace(minute=0, second=0, microsecond=0)
    hours = [now - timedelta(hours=back) for back in range(HOURS - 1, -1, -1)]
    chosen = rows.filter(**{f"{column}__gte": hours[0]}, **({f"{kind}__in": kinds} if kind else {}))
    names = ("hour", kind) if kind else ("hour",)
    grouped = chosen.order_by().annotate(hour=TruncHour(column, tzinfo=zone)).values_list(*names)
    counts = {(row[0], row[1] if kind else "all"): row[-1] for row in grouped.annotate(n=Count("pk"))}
    found = [(hour, {str(name): counts.get((hour, name), 0) for name in kinds}) for hour in hours]
    most = max(sum(of_hour.values()) for _, of_hour in found)
    return [Bar(hour, of_hour, _stack(n, of_hour, most)) for n, (hour, of_hour) in enumerate(found)] if most else []


def _stack(position: int, counts: dict[str, int], most: int) -> list[tuple[str, float, float, float]]:
    found, top = [], HEIGHT
    for name, number in counts.items():
        height = round(HEIGHT * number / most, 1)
        top = round(top - height, 1)
        if number:
            found.append((name, position * WIDTH + 1.0, top, height))
    return found
