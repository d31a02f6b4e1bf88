"""Every case that was ever listed is still collected. A mark may go, a case may not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
MOST_MARKED = 30  # a mark that goes lowers it


@pytest.fixture(scope="module")
def collected() -> dict[str, str]:
    """Id → marked or passes, as pytest collects them."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.cases.listing", "--collect-only"]
    answer = subprocess.run([*command, str(FOLDER)], capture_output=True, text=True, cwd=FOLDER.parents[1], timeout=120)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    rows = [line.split("\t") for line in answer.stdout.splitlines() if line.startswith("case\t")]
    return {case: word for _, case, word in rows if not case.startswith(Path(__file__).name)}


def test_no_case_is_gone(collected: dict[str, str]) -> None:
    listed = set((FOLDER / "ids.txt").read_text().split("\n")[:-1])
    assert listed - collected.keys() == set(), "these cases are gone"
    assert collected.keys() - listed == set(), "these cases are not in ids.txt yet"


def test_the_marks_are_counted(collected: dict[str, str]) -> None:
    """The count is for whoever reads the run; it can only fall."""
    marked = sum(word == "marked" for word in collected.values())
    sys.stdout.write(f"cases: {marked} of {len(collected)} still marked\n")
    assert marked <= MOST_MARKED
