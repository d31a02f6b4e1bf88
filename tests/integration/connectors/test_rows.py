"""Rows are read one by one: what cannot be read is named and stops nobody else."""

from __future__ import annotations

import pytest

from integration.connectors.rows import read_each
from integration.errors import ContractError, UnreadableRecord


def parse(row):
    if not isinstance(row.get("name"), str):
        raise ContractError("A name is no text.", detail=str(row.get("name")))
    return row["name"]


def test_good_rows_are_read_and_the_bad_one_is_named():
    read = read_each([{"id": 1, "name": "Ada"}, {"id": 2, "name": 3}, {"id": 4, "name": "Bob"}], parse)

    assert read.records == ("Ada", "Bob")
    assert read.unreadable == {"2": "A name is no text. 3"}


def test_who_needs_all_of_them_is_told_that_one_is_missing():
    with pytest.raises(UnreadableRecord) as caught:
        read_each([{"id": 1, "name": "Ada"}, {"id": 2, "name": 3}], parse).complete()
    assert caught.value.detail == "2: A name is no text. 3"


def test_one_bad_row_alone_is_a_bad_row():
    assert read_each([{"id": 2, "name": 3}], parse).unreadable.keys() == {"2"}


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([{"id": 1, "name": 2}, {"id": 2, "name": 3}], id="none of several"),
        pytest.param([{"name": 3}, {"id": 1, "name": "Ada"}], id="no id"),
        pytest.param([{"id": None, "name": 3}, {"id": 1, "name": "Ada"}], id="empty id"),
    ],
)
def test_where_the_shape_itself_is_unknown_nothing_is_believed(rows):
    with pytest.raises(ContractError):
        read_each(rows, parse)


def test_the_id_may_have_another_name():
    assert read_each([{"_id": "a1", "name": 3}], parse, key="_id").unreadable.keys() == {"a1"}
