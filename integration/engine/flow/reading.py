"""Read records one by one, for vendors without a list by ids: what a limit leaves over waits, what was read counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from integration.engine.flow.base import Item, Record
from integration.errors import NotFound, RateLimited


class StoppedReading(RateLimited):
    """A limit was met in the middle. `read` has the records so far by id, None for one that is gone."""

    def __init__(self, cause: RateLimited, read: Mapping[str, Record | None]) -> None:
        super().__init__(cause.public, detail=cause.detail, retry_after=cause.retry_after, reason=cause.reason)
        self.read = read


def read_one_by_one(items: Sequence[Item], read_one: Callable[[str], Record | None]) -> dict[str, Record]:
    """Call `read_one` for each record's id; it returns None or raises NotFound for one that is gone.

    Raises StoppedReading where a limit is met after the first record, RateLimited where it is met before.
    """
    seen: dict[str, Record | None] = {}
    for item in items:
        try:
            seen[item.external_id] = read_one(item.external_id)
        except NotFound:
            seen[item.external_id] = None
        except RateLimited as exc:
            if not seen:
                raise
            raise StoppedReading(exc, seen) from exc
    return {key: record for key, record in seen.items() if record is not None}
