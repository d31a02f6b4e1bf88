"""A pytest plugin that notes which tests execute which lines: `python -m pytest -p tests.mutants.coverage_map`.

The map tells the runner the nearest tests of a place. It is a note of its day, kept in `var/`, and never committed.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import coverage
import pytest

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "var" / "mutants" / "map.json"
SOURCES = [str(ROOT / name) for name in ("integration", "tenants", "config")]

_coverage = coverage.Coverage(data_file=None, source=SOURCES, config_file=False)
_seconds: dict[str, float] = defaultdict(float)


def pytest_configure(config: pytest.Config) -> None:
    _coverage.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    """Everything from here to the end of the test's teardown is this test's."""
    _coverage.switch_context(item.nodeid)
    return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] += report.duration


def pytest_sessionfinish() -> None:
    """Write file → line → numbers of tests, and the tests with their seconds. What was known of others stays."""
    _coverage.stop()
    data = _coverage.get_data()
    known = json.loads(PLACE.read_text()) if PLACE.exists() else {"tests": [], "lines": {}}
    others = {number for number, (name, _) in enumerate(known["tests"]) if name not in _seconds}
    tests = [*known["tests"], *([name, round(took, 2)] for name, took in _seconds.items())]
    numbers = {name: len(known["tests"]) + number for number, name in enumerate(_seconds)}
    lines = {
        path: {line: [number for number in found if number in others] for line, found in rows.items()}
        for path, rows in known["lines"].items()
    }
    for path in sorted(data.measured_files()):
        rows = lines.setdefault(str(Path(path).relative_to(ROOT)), {})
        for line, names in data.contexts_by_lineno(path).items():
            found = (numbers[name] for name in names if name in numbers)
            rows[str(line)] = [*rows.get(str(line), ()), *sorted(found)]
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    PLACE.write_text(json.dumps({"tests": tests, "lines": lines}))
