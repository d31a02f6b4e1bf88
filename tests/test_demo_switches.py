"""The sets of `make demo-switches`: every two switches meet in all four ways."""

from __future__ import annotations

from itertools import combinations

import pytest

from sandbox.assumptions import SWITCHES
from tests.demo_switches import sets


@pytest.mark.parametrize("keys", [["a"], ["a", "b"], ["a", "b", "c"], sorted(SWITCHES)], ids=len)
def test_every_two_switches_meet_in_all_four_ways(keys: list[str]) -> None:
    thrown = [set(chosen) for chosen in sets(keys).values()]

    for one, other in combinations(keys, 2):
        assert {(one in chosen, other in chosen) for chosen in thrown} == {
            (True, True), (True, False), (False, True), (False, False),
        }  # fmt: skip


def test_there_are_few_of_them() -> None:
    assert len(sets(sorted(SWITCHES))) <= 16
