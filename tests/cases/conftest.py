"""Say at the end of a run how many cases are still marked as failing."""

from __future__ import annotations

from typing import Any

FOLDER = "tests/cases/"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Count the cases that ran here."""
    counts = {
        word: sum(report.nodeid.startswith(FOLDER) for report in terminalreporter.getreports(word))
        for word in ("xfailed", "passed", "failed", "skipped")
    }
    if any(counts.values()):
        terminalreporter.write_line(
            f"cases: {counts['xfailed']} still marked, {counts['passed']} pass, {counts['failed']} fail, "
            f"{counts['skipped']} skipped"
        )
