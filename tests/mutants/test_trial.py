"""What a trial makes of tests that pass, fail and break; nothing of a fault is left in the working tree."""

from __future__ import annotations

import pytest

from tests.mutants.catalogue import ROOT
from tests.mutants.trial import BADLY, SURVIVED, Judge, by_assertion


def wrong(code: str) -> pytest.ExceptionInfo[BaseException]:
    try:
        exec(code, {"pytest": pytest})
    except BaseException as exc:
        return pytest.ExceptionInfo.from_exception(exc)
    raise AssertionError("nothing is wrong")


@pytest.mark.parametrize("code", ["assert False", "pytest.fail('no')", "raise ExceptionGroup('', [AssertionError()])"])
def test_an_assertion_of_a_test_notices_a_fault(code):
    assert by_assertion(wrong(code))


@pytest.mark.parametrize(
    "code", ["1 / 0", "import not_there", "raise ExceptionGroup('', [AssertionError(), KeyError()])"]
)
def test_whatever_else_breaks_notices_nothing(code):
    assert not by_assertion(wrong(code))


def test_an_assertion_of_the_product_notices_nothing():
    with pytest.raises(AssertionError) as found:
        exec(compile("assert False", ROOT / "integration" / "anywhere.py", "exec"))
    assert not by_assertion(found)


def test_tests_that_did_not_run_have_not_looked():
    judge = Judge()
    assert judge.verdict().word == BADLY
    judge.passed = 1
    assert judge.verdict().word == SURVIVED
    judge.skipped = ["tests/x.py::test_on_postgres"]
    assert judge.verdict().word == BADLY
