"""Lists of Pipedrive: several pages as one, all of them, and what a lost answer left among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from integration.connectors.pipedrive.records import AnyRecord, Page

SLACK = timedelta(minutes=5)  # between our clock and the vendor's
Record = TypeVar("Record", bound=AnyRecord)


def gather(turn: Callable[[str | None], Page[Record]], cursor: str | None, pages: int) -> Page[Record]:
    """Read up to so many pages. Who was edited between two of them is on both; the later one is kept."""
    found: dict[str, Record] = {}
    unreadable: dict[str, str] = {}
    for _ in range(pages):
        page = turn(cursor)
        found |= {record.id: record for record in page.records}
        unreadable |= page.unreadable
        cursor = page.next_cursor
        if cursor is None:
            break
    return Page(tuple(found.values()), cursor, unreadable)


def every(turn: Callable[[str | None], Page[Record]]) -> Iterator[Record]:
    """Walk over a whole list. Raises UnreadableRecord for a record that cannot be read."""
    cursor: str | None = None
    while True:
        page = turn(cursor)
        yield from page.complete()
        cursor = page.next_cursor
        if cursor is None:
            return


def created_earlier(
    turn: Callable[[str | None, datetime], Page[Record]], announced: datetime, is_ours: Callable[[Record], bool]
) -> str:
    """The id of what an earlier try created, its answer lost; empty where it did not get through.

    It is among what changed since it was announced: a list knows at once what a search may not know yet (pipedrive
    sheet §11).
    """
    since = announced - SLACK
    return next((record.id for record in every(lambda cursor: turn(cursor, since)) if is_ours(record)), "")
