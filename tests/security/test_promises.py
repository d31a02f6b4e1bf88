"""SECURITY.md: each promise names code and tests that exist, and no test of security is left out of it."""

from __future__ import annotations

import re

from django.conf import settings

ROWS = [line for line in (settings.BASE_DIR / "SECURITY.md").read_text().splitlines() if line.startswith("| ")][1:]


def paths(cell: str) -> list[str]:
    """The paths of a cell; one without a folder stands beside the one before it."""
    found: list[str] = []
    for text in re.findall(r"`([^`]+)`", cell):
        folder = found[-1].rpartition("/")[0] if found and "/" not in text and "." in text else ""
        found.append(f"{folder}/{text}" if folder else text)
    return found


def exists(path: str) -> bool:
    roots = (settings.BASE_DIR, settings.BASE_DIR / "integration", settings.BASE_DIR / "integration" / "engine")
    return any(list(root.glob(path.rstrip("/"))) for root in roots)


def test_each_promise_names_code_and_a_test_that_exist() -> None:
    assert len(ROWS) > 15
    for row in ROWS:
        promise, where, test = (cell.strip() for cell in row.strip("| ").split(" | ")[-3:])
        assert paths(test), promise
        missing = [path for path in (*paths(where), *paths(test)) if not exists(path)]
        assert missing == [], promise


def test_every_test_of_security_holds_a_promise() -> None:
    named = {path.rpartition("/")[2] for row in ROWS for path in paths(row.strip("| ").split(" | ")[-1])}
    tests = {path.name for path in (settings.BASE_DIR / "tests" / "security").glob("test_*.py")}
    of_no_promise = {"test_promises.py", "test_demo_check.py"}  # this one, and a proof of the demo's own proof
    assert tests - named - of_no_promise == set()
