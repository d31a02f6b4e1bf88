"""Walk over a list that is paged by offset, so that rows deleted meanwhile make nobody be passed over.

The cursor keeps the last ids seen. If the last of them is not where it stood, the list has moved: the page is read
from further ahead, and goes on behind whichever of them is still there. Then rows may come twice, never not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from integration.connectors.objects import ObjectPage, page_of

ANCHORS = 5  # so many neighbours may be deleted together before the page before is read again whole


class Identified(Protocol):
    """A record with its vendor's id."""

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Identified)


@dataclass(frozen=True)
class Rows(Generic[T]):
    """What one call gave: the rows that can be read, and what is wrong with the others, by id."""

    records: Sequence[T]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    full: bool = False  # as many as were asked for: there may be more


Fetch = Callable[[int, int], Rows[T]]  # offset, how many


def read(fetch: Fetch[T], cursor: str | None, size: int, *, by_page: bool = False) -> ObjectPage[T]:
    """Return one page behind the cursor.

    `by_page`: only multiples of `size` can be asked for, so the row before is asked for by itself, after the page.
    """
    offset, anchors = _place(cursor)
    start = offset - (1 if offset and not by_page else 0)
    rows = fetch(start, size)
    if offset:
        before = fetch(offset - 1, 1) if by_page else rows
        if not before.records or before.records[0].id != anchors[-1]:
            start, rows = _from_further_ahead(fetch, offset, size, anchors)
    records = _behind(rows.records, anchors)
    seen = [*anchors, *(record.id for record in rows.records)][-ANCHORS:]
    following = f"{start + size}:{','.join(seen)}" if rows.full and seen else None
    return page_of(records, following, rows.unreadable)


def _from_further_ahead(fetch: Fetch[T], offset: int, size: int, anchors: Sequence[str]) -> tuple[int, Rows[T]]:
    """The nearest page ahead on which one of the last rows seen still stands; the first one if there is none."""
    start = offset
    while True:
        start = max(0, start - size)
        rows = fetch(start, size)
        if start == 0 or any(record.id in anchors for record in rows.records):
            return start, rows


def _behind(records: Sequence[T], anchors: Sequence[str]) -> Sequence[T]:
    """The records behind the last one that was seen before."""
    known = [position for position, record in enumerate(records) if record.id in anchors]
    return records[known[-1] + 1 :] if known else records


def _place(cursor: str | None) -> tuple[int, list[str]]:
    offset, _, ids = (cursor or "0:").partition(":")
    return int(offset), [key for key in ids.split(",") if key]
