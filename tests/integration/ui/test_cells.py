"""Cells of CSV files: what came from outside is shown and never run."""

import pytest

from integration.ui.cells import guarded


@pytest.mark.parametrize("text", ["=1+1", "+49 30 1", "-2", "@SUM(A1)", "\tcmd", "\rcmd"])
def test_a_formula_is_quoted(text):
    assert guarded(text) == f"'{text}"


def test_other_values_stay_as_they_are_and_nothing_is_empty():
    assert [guarded(value) for value in ("Ada", None, 12, True)] == ["Ada", "", "12", "True"]
