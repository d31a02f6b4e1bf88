"""Lists of Pipedrive: several pages as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from integration.connectors.pipedrive.records import AnyRecord, Page

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
