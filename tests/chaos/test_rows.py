"""No row of the chaos table is without a test, and no test names a row that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.chaos.rows import ELSEWHERE, ROWS

MARK = re.compile(r"\bchaos\(((?:\"[A-Z]\d+\"(?:, )?)+)\)")


def named():
    texts = (path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))
    return {row for text in texts for rows in MARK.findall(text) for row in re.findall(r"[A-Z]\d+", rows)}


def test_every_row_has_a_test_or_a_reason():
    assert named() | ELSEWHERE.keys() == ROWS.keys()
