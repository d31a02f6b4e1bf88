"""What a limit leaves of many reads and writes: what was done keeps its outcome, the rest is told why it was not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integration.connectors.objects import Draft, ObjectPage, delete_each, get_each, write_each, write_portions
from integration.errors import (
    ContractError,
    IntegrationError,
    NotFound,
    RateLimited,
    RecordError,
    UnreadableRecord,
)

FULL = RateLimited("The window is used up.")
DRAFTS = [Draft(id=key) for key in "abcd"]


def failing(errors: dict[str, IntegrationError]) -> Callable[[str], str]:
    def call(key: str) -> str:
        if key in errors:
            raise errors[key]
        return key

    return call


def test_a_refused_record_leaves_the_others_alone() -> None:
    write = failing({"b": RecordError("no")})
    outcomes = write_each(DRAFTS, lambda draft: write(draft.id))
    assert [(one.id, one.problem is None) for one in outcomes] == [("a", True), ("b", False), ("c", True), ("d", True)]


def test_what_was_written_before_a_limit_keeps_its_outcome() -> None:
    write = failing({"c": FULL})
    outcomes = write_each(DRAFTS, lambda draft: write(draft.id))
    assert [(one.id, one.problem) for one in outcomes] == [("a", None), ("b", None), ("c", FULL), ("d", FULL)]


def test_a_limit_before_the_first_one_is_raised() -> None:
    call = failing({"a": FULL})
    with pytest.raises(RateLimited):
        write_each(DRAFTS, lambda draft: call(draft.id))
    with pytest.raises(RateLimited):
        get_each(["a", "b"], call)


def test_a_portion_that_is_stopped_stops_those_behind_it() -> None:
    done: list[str] = []

    def write(portion):
        if portion[0].id == "c":
            raise FULL
        done.extend(draft.id for draft in portion)
        return write_each(portion, lambda draft: draft.id)

    outcomes = write_portions([DRAFTS[:2], DRAFTS[2:3], DRAFTS[3:]], write)

    assert done == ["a", "b"]
    assert [one.problem for one in outcomes] == [None, None, FULL, FULL]


def test_deleting_what_is_gone_is_fine() -> None:
    outcomes = delete_each(["a", "b"], failing({"a": NotFound("gone")}))
    assert [(one.id, one.problem) for one in outcomes] == [("a", None), ("b", None)]


def test_each_read_has_an_answer() -> None:
    errors = {"b": NotFound("gone"), "c": ContractError("odd")}
    found = get_each(list("abcd"), lambda key: None if key == "d" else failing(errors)(key))

    assert found["a"] == "a"
    assert [type(found[key]) for key in "bcd"] == [NotFound, UnreadableRecord, NotFound]


def test_what_was_read_before_a_limit_is_kept() -> None:
    found = get_each(list("abc"), failing({"b": FULL}))
    assert found == {"a": "a", "b": FULL, "c": FULL}


def test_an_answer_of_another_shape_is_no_problem_of_single_records() -> None:
    with pytest.raises(ContractError):
        get_each(["a", "b"], failing({"a": ContractError("odd"), "b": ContractError("odd")}))


def test_a_page_with_a_problem_is_not_complete() -> None:
    with pytest.raises(UnreadableRecord):
        ObjectPage(("a",), None, {"b": UnreadableRecord("odd")}).complete()
    assert ObjectPage(("a",)).complete() == ("a",)
