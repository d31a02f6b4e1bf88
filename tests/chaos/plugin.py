"""`--chaos` runs the tests of the chaos table and prints what became of each row.

A test may count with the fixture `tally`: what was injected, how many events there were, and what an oracle found lost,
doubled or wrong; anything found fails the test when it ends. A test that does not count stands for one fault.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest
from django.db import connection as database

from tests.chaos.rows import ELSEWHERE, NOT_EMBEDDED, ROWS


@dataclass
class Tally:
    """The numbers of one test."""

    injected: int = 0
    events: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0

    def add(self, other: Tally) -> None:
        for name in ("injected", "events", "lost", "doubled", "wrong"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Line:
    """One row of the table."""

    tests: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0


TALLY = pytest.StashKey[Tally]()


def pytest_addoption(parser: Any) -> None:
    parser.addoption(
        "--chaos", action="store_true", help="only the tests of the chaos table, with the table at the end"
    )


def pytest_configure(config: Any) -> None:
    config.addinivalue_line("markers", "chaos(*rows): the rows of the chaos table this test stands for")
    if config.getoption("--chaos"):
        config.pluginmanager.register(Table(config), "chaos-table")


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Counts of this test; whatever was found lost, doubled or wrong fails it."""
    counts = request.node.stash.setdefault(TALLY, Tally())
    yield counts
    assert counts.injected > 0, "nothing was injected, so nothing was survived"
    found = counts.lost + counts.doubled + counts.wrong
    assert found == 0, counts


def rows_of(item: Any) -> list[str]:
    return [row for mark in item.iter_markers("chaos") for row in mark.args]


def survived(line: Line) -> bool:
    """Whether a row was tested, with something injected, and nothing failed."""
    return line.tests > 0 and line.tally.injected > 0 and not line.failed


def _trouble(line: Line) -> str:
    """What is wrong with a row that did not survive."""
    if line.failed:
        return "FAILED"
    if line.tests:
        return "NOTHING INJECTED"
    return "SKIPPED" if line.skipped else "NO TEST"


class Table:
    """Chooses the tests and keeps the score."""

    def __init__(self, config: Any) -> None:
        self.lines: dict[str, Line] = defaultdict(Line)
        self.only_some = config.args_source is pytest.Config.ArgsSource.ARGS
        self.is_worker = hasattr(config, "workerinput")  # whose reports are counted elsewhere

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        config.hook.pytest_deselected(items=[item for item in items if not rows_of(item)])
        items[:] = [item for item in items if rows_of(item)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Any:
        """Give the report what the row's line needs; it may be counted in another process."""
        report = yield
        counts = item.stash.get(TALLY, Tally(injected=1, events=1))
        report.user_properties.append(("chaos", {"rows": rows_of(item), "tally": asdict(counts)}))
        return report

    def pytest_runtest_logreport(self, report: Any) -> None:
        said = dict(report.user_properties).get("chaos", {"rows": ()})
        for row in said["rows"]:
            line = self.lines[row]
            line.seconds += report.duration
            if report.skipped:
                line.skipped.append(report.nodeid)
            elif report.failed:
                line.failed.append(report.nodeid)
            elif report.when == "teardown" and report.nodeid not in (*line.failed, *line.skipped):
                line.tests += 1
                line.tally.add(Tally(**said["tally"]))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        write = terminalreporter.write_line
        write("")
        counted = f"{'injected':>8} {'events':>7} {'lost':>4} {'doubled':>7} {'wrong':>5} {'seconds':>7}"
        write(f"{'row':4} {'fault':58} {'tests':>5} {counted}")
        number, passed, sums = 0, 0, Tally()
        for row, text in ROWS.items():
            line = self.lines.get(row, Line())
            if why := self._not_here(row):
                write(f"{row:4} {text:58} {why}")
                continue
            sums.add(line.tally)
            good = survived(line)
            number, passed = number + 1, passed + good
            counts = line.tally
            word = "" if good else f"  {_trouble(line)}"
            write(
                f"{row:4} {text:58} {line.tests:5} {counts.injected:8} {counts.events:7} {counts.lost:4} "
                f"{counts.doubled:7} {counts.wrong:5} {line.seconds:7.1f}{word}"
            )
        write("")
        write(f"chaos: rows {number} passed {passed} lost {sums.lost} doubled {sums.doubled} wrong {sums.wrong}")

    def _not_here(self, row: str) -> str:
        """Why this row is not counted in this run, or nothing. On the embedded stack not every fault can happen."""
        if row in ELSEWHERE:
            return ELSEWHERE[row]
        if self.only_some and row not in self.lines:
            return "not asked for"
        return NOT_EMBEDDED.get(row, "") if database.vendor == "sqlite" else ""

    def pytest_sessionfinish(self, session: Any) -> None:
        fallen = [row for row in ROWS if not self._not_here(row) and not survived(self.lines.get(row, Line()))]
        if fallen and session.exitstatus == 0 and not self.is_worker:
            session.exitstatus = 1
