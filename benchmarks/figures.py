"""A figure, how it is printed, and how a call is timed."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One answer. `baseline` is from the same run, `ratio` is value / baseline, `reach` says what is aimed at."""

    name: str
    value: float
    unit: str
    baseline: float | None
    ratio: float | None
    reach: str
    ok: bool

    def as_json(self) -> str:
        """One object on one line."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def as_text(self) -> str:
        """One line for people."""
        against = f"  baseline {self.baseline:,.1f} {self.unit}, ratio {self.ratio:.3f}" if self.baseline else ""
        return (
            f"{'ok ' if self.ok else 'NOT'}  {self.name:<44} {self.value:>10,.1f} {self.unit:<8} {self.reach}{against}"
        )


def at_most(name: str, value: float, unit: str, limit: float, baseline: float | None = None) -> Figure:
    """A figure that shall not exceed a limit."""
    ratio = round(value / baseline, 4) if baseline else None
    return Figure(
        name, round(value, 2), unit, baseline and round(baseline, 2), ratio, f"< {limit:g} {unit}", value < limit
    )


def at_least(name: str, value: float, unit: str, baseline: float, ratio: float) -> Figure:
    """A figure that shall reach a multiple of its baseline."""
    reached = value / baseline if baseline else 0.0
    return Figure(
        name, round(value, 2), unit, round(baseline, 2), round(reached, 4), f"≥ {ratio:g} × baseline", reached >= ratio
    )


def no_more_than(name: str, value: float, unit: str, baseline: float, ratio: float) -> Figure:
    """A figure that shall stay below a multiple of its baseline."""
    reached = value / baseline if baseline else 0.0
    return Figure(
        name, round(value, 2), unit, round(baseline, 2), round(reached, 4), f"≤ {ratio:g} × baseline", reached <= ratio
    )


def median_ms(call: Callable[[], object], times: int, *, warm: int = 3) -> float:
    """The median time of a call in milliseconds, after some that do not count."""
    for _ in range(warm):
        call()
    return statistics.median(_timed(call) for _ in range(times)) * 1000


def show(figures: Iterable[Figure], *, as_json: bool) -> bool:
    """Print each figure as it comes. Returns whether all of them reached what they aim at."""
    fine = True
    for figure in figures:
        print(figure.as_json() if as_json else figure.as_text(), flush=True)  # noqa: T201
        fine = fine and figure.ok
    return fine


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
