"""The tests nearest to a place in the code, as the coverage map knows them: those beside it, then the quickest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from tests.mutants.catalogue import ROOT, symbols

PLACE = ROOT / "var" / "mutants" / "map.json"


def tests_of(path: Path, line: int, seconds: float) -> list[str]:
    """Tests that execute this line, or its function where the line itself runs at import.

    All of those in a file of the same name, and of the others so many seconds.
    """
    known = _map()
    lines: dict[str, list[int]] = known["lines"].get(str(path.relative_to(ROOT)), {})
    covering = set(lines.get(str(line), ())) or _of(lines, _function(path, line)) or _of(lines, lines)
    chosen, spent = [], 0.0
    for name, took in sorted((known["tests"][number] for number in covering), key=lambda row: _rank(path, *row)):
        beside = not _rank(path, name, took)[0]
        if beside or spent + took <= seconds or not chosen:
            chosen.append(name)
            spent += 0 if beside else took
    return chosen


def _of(lines: dict[str, list[int]], wanted: Iterable[object]) -> set[int]:
    return {number for line in wanted for number in lines.get(str(line), ())}


def _function(path: Path, line: int) -> Iterable[int]:
    """The lines of the smallest function or class around a line."""
    before = path.read_text()
    spans = [
        (before.count("\n", 0, start) + 1, before.count("\n", 0, end) + 1)
        for places in symbols(path).values()
        for start, end in places
    ]
    around = [(first, last) for first, last in spans if first <= line < last]
    return range(*min(around, key=lambda span: span[1] - span[0])) if around else ()


def _rank(path: Path, name: str, seconds: float) -> tuple[bool, bool, float]:
    """Tests of a file of the same name come first, then those of the same folder."""
    file = name.partition("::")[0]
    folder = f"tests/{path.parent.relative_to(ROOT)}/"
    return not file.endswith(f"/test_{path.stem}.py"), not file.startswith(folder), seconds


@cache
def _map() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PLACE.read_text())
    return found
