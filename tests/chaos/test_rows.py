"""No row of the chaos table is without a test, and no test names a row that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.chaos.plugin import Line, Tally, survived
from tests.chaos.rows import ELSEWHERE, ROWS
from tests.support.required import missing

MARK = re.compile(r"\bchaos\(((?:\"[A-Z]\d+\"(?:, )?)+)\)")


def named():
    texts = (path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))
    return {row for text in texts for rows in MARK.findall(text) for row in re.findall(r"[A-Z]\d+", rows)}


def test_every_row_has_a_test_or_a_reason():
    assert named() | ELSEWHERE.keys() == ROWS.keys()


def test_a_row_that_injected_nothing_has_survived_nothing():
    assert survived(Line(tests=1, tally=Tally(injected=1)))
    assert not survived(Line(tests=1, tally=Tally(events=40)))
    assert not survived(Line(tests=0, tally=Tally(injected=1)))
    assert not survived(Line(tests=1, failed=["one"], tally=Tally(injected=1)))


@pytest.mark.parametrize("switch", ["REQUIRE_NETNS", "REQUIRE_SPECS"])
def test_what_a_gate_requires_fails_where_it_is_missing_and_is_skipped_elsewhere(monkeypatch, switch):
    monkeypatch.delenv(switch, raising=False)
    with pytest.raises(pytest.skip.Exception, match="no root"):
        missing(switch, "no root")

    monkeypatch.setenv(switch, "1")
    with pytest.raises(pytest.fail.Exception, match=f"{switch}=1, and no root"):
        missing(switch, "no root")
