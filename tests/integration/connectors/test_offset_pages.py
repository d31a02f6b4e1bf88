"""A list that is paged by offset is read to its end, whatever goes and comes between two pages."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.connectors import offset_pages
from integration.connectors.offset_pages import Rows

SIZE = 3


@dataclass(frozen=True)
class Row:
    id: str


class Listing:
    """A vendor's list; what a page asked for is noted."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids
        self.asked: list[tuple[int, int]] = []

    def fetch(self, offset: int, size: int) -> Rows[Row]:
        self.asked.append((offset, size))
        found = self.ids[offset : offset + size]
        return Rows([Row(key) for key in found], {}, len(found) == size)


def read_all(listing: Listing, between: list[set[str]], *, by_page: bool) -> list[str]:
    """Every id that came, in order. After each page the next set of ids goes from the list."""
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = offset_pages.read(listing.fetch, cursor, SIZE, by_page=by_page)
        seen += [row.id for row in page.records]
        cursor = page.next_cursor
        if cursor is None:
            return seen
        gone = between.pop(0) if between else set()
        listing.ids = [key for key in listing.ids if key not in gone]


@pytest.mark.parametrize("by_page", [False, True])
def test_a_list_that_rests_is_read_once(by_page: bool) -> None:
    listing = Listing([str(n) for n in range(10)])

    assert read_all(listing, [], by_page=by_page) == [str(n) for n in range(10)]
    assert all(offset % SIZE == 0 for offset, size in listing.asked if size == SIZE) is by_page


@pytest.mark.parametrize("by_page", [False, True])
@pytest.mark.parametrize("gone", [{"0"}, {"2"}, {"0", "1", "2"}, {"1", "4"}, {"3", "4"}])
def test_who_stays_is_read_although_others_go(gone: set[str], by_page: bool) -> None:
    seen = read_all(Listing([str(n) for n in range(10)]), [set(gone)], by_page=by_page)

    assert {str(n) for n in range(10)} - gone <= set(seen)


@given(
    count=st.integers(0, 20),
    between=st.lists(st.sets(st.integers(0, 19).map(str), max_size=4), max_size=8),
    by_page=st.booleans(),
)
@pytest.mark.property
def test_nobody_who_stays_is_passed_over(count: int, between: list[set[str]], by_page: bool) -> None:
    ids = [str(n) for n in range(count)]
    gone = set().union(*between)

    seen = read_all(Listing(ids), list(between), by_page=by_page)

    assert set(ids) - gone <= set(seen)
