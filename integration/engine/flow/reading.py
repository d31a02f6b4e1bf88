"""Read records one by one, for vendors without a list by ids: what a limit leaves over waits, what was read counts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from integration.engine.flow.base import Item, Record
from integration.errors import NotFound, RateLimited

T = TypeVar("T")


class StoppedReading(RateLimited):
    """A limit was met in the middle: so far the items with these ids were asked for. One without a record is gone."""

    def __init__(self, cause: RateLimited, asked: Collection[str], records: Mapping[str, Record]) -> None:
        super().__init__(cause.public, detail=cause.detail, retry_after=cause.retry_after, reason=cause.reason)
        self.asked, self.records = asked, records


def read_one_by_one(
    items: Sequence[Item], get: Callable[[str], T | None], records: Callable[[Sequence[T]], Mapping[str, Record]]
) -> Mapping[str, Record]:
    """Call `get` for each item's id and make records of what it returned; None or NotFound say that one is gone.

    Raises StoppedReading where a limit is met after the first item, RateLimited where it is met before.
    """
    asked: list[str] = []
    found: list[T] = []
    for item in items:
        try:
            row = get(item.external_id)
        except NotFound:
            row = None
        except RateLimited as exc:
            if not asked:
                raise
            raise StoppedReading(exc, asked, records(found)) from exc
        asked.append(item.external_id)
        if row is not None:
            found.append(row)
    return records(found)
