"""The chart of results says how much of its reach a figure has."""

import json

import pytest

from benchmarks.chart import chart, share
from benchmarks.figures import at_least, at_most, no_more_than


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (at_least("rate", 400, "/s", 1000, 0.8), 0.5),
        (at_least("rate", 800, "/s", 1000, 0.8), 1.0),
        (at_most("delay", 25, "ms", 50), 2.0),
        (at_most("delay", 100, "ms", 50, baseline=400), 0.5),
        (no_more_than("others", 3, "ms", 2, 2), 1.3333),
        (at_most("writes", 0, "calls", 1), 3.0),
    ],
    ids=["half", "all", "twice as quick", "half as quick", "three quarters", "nothing"],
)  # fmt: skip
def test_share(figure, expected):
    assert share(json.loads(figure.as_json())) == pytest.approx(expected, abs=0.001)


def test_one_bar_each_and_none_without_end():
    rows = [at_least("intake", 600, "/s", 1000, 0.8), at_most("writes", 0, "calls", 1)]
    drawn = chart([json.loads(row.as_json()) for row in rows])
    assert 'x-axis ["intake", "writes"]' in drawn
    assert "bar [0.75, 3.00]" in drawn
