"""`python -m benchmarks --json | python -m benchmarks.chart`: how much of its reach each figure has, for Mermaid.

1 is the reach itself, more is better: a ratio against the one that was aimed at, or a limit against what was measured.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from typing import Any

MOST = 3.0  # what is far beyond its reach is not drawn any longer
REACH = re.compile(r"(?P<sign>[<≥≤]) (?P<number>[0-9.e+]+)")


def main() -> int:
    """Read figures, print the chart."""
    print(chart([json.loads(line) for line in sys.stdin if line.startswith("{")]))  # noqa: T201
    return 0


def chart(figures: Iterable[dict[str, Any]]) -> str:
    """One bar per figure, in the order they came."""
    bars = [(row["name"], min(share(row), MOST)) for row in figures]
    names = ", ".join(f'"{name}"' for name, _ in bars)
    values = ", ".join(f"{value:.2f}" for _, value in bars)
    axis = f'    y-axis "share of the reach" 0 --> {MOST:g}'
    lines = ["```mermaid", "xychart-beta horizontal", f"    x-axis [{names}]", axis, f"    bar [{values}]", "```"]
    return "\n".join(lines)


def share(figure: dict[str, Any]) -> float:
    """How much of its reach a figure has."""
    found = REACH.match(figure["reach"])
    if found is None:
        raise ValueError(f"{figure['name']}: no reach in {figure['reach']!r}")
    limit = float(found["number"])
    measured = figure["value"] if figure["ratio"] is None or found["sign"] == "<" else figure["ratio"]
    if found["sign"] == "≥":
        return float(measured / limit)
    return float(limit / measured) if measured else MOST


if __name__ == "__main__":
    sys.exit(main())
