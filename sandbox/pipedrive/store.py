"""Record tables with the indexes that keep 100,000 rows quick to list, filter and page."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.http import Record

Key = tuple[Any, Any]


class SortedIndex:
    """(value, id) pairs in order; changed one pair at a time."""

    def __init__(self) -> None:
        self.pairs: list[Key] = []

    def add(self, value: Any, record_id: Any) -> None:
        pair = (value, record_id)
        if not self.pairs or self.pairs[-1] < pair:
            self.pairs.append(pair)
        else:
            insort(self.pairs, pair)

    def discard(self, value: Any, record_id: Any) -> None:
        at = bisect_left(self.pairs, (value, record_id))
        if at < len(self.pairs) and self.pairs[at] == (value, record_id):
            del self.pairs[at]

    def walk(self, after: Key | None, *, descending: bool) -> Iterator[Any]:
        """Yield ids in order, starting behind `after`."""
        if descending:
            start = len(self.pairs) if after is None else bisect_left(self.pairs, after)
            for at in range(start - 1, -1, -1):
                yield self.pairs[at][1]
        else:
            start = 0 if after is None else bisect_left(self.pairs, after)
            for at in range(start, len(self.pairs)):
                if self.pairs[at] != after:
                    yield self.pairs[at][1]

    def since(self, value: Any) -> list[Any]:
        return [pair[1] for pair in self.pairs[bisect_left(self.pairs, (value,)) :]]


class Table:
    """Rows by id. A stored row is never changed in place: `put` takes a new dict, so old ones may be kept."""

    def __init__(self, sorts: Iterable[str] = ("id",), links: Iterable[str] = ()) -> None:
        self.rows: dict[Any, Record] = {}
        self.sorted = {name: SortedIndex() for name in sorts}
        self.linked: dict[str, dict[Any, set[Any]]] = {name: defaultdict(set) for name in links}
        self.emails: dict[str, set[Any]] = defaultdict(set)
        self._last_id = 0

    def __len__(self) -> int:
        return len(self.rows)

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def get(self, record_id: Any) -> Record | None:
        return self.rows.get(record_id)

    def put(self, row: Record) -> None:
        old = self.rows.get(row["id"])
        if old is not None:
            self._unindex(old)
        self.rows[row["id"]] = row
        if isinstance(row["id"], int):
            self._last_id = max(self._last_id, row["id"])
        for name, index in self.sorted.items():
            index.add(row.get(name) or "" if name != "id" else row["id"], row["id"])
        for name, ids in self.linked.items():
            if row.get(name) is not None:
                ids[row[name]].add(row["id"])
        for item in row.get("emails") or ():
            self.emails[item["value"].lower()].add(row["id"])

    def remove(self, record_id: Any) -> None:
        old = self.rows.pop(record_id, None)
        if old is not None:
            self._unindex(old)

    def where(self, link: str, value: Any) -> list[Record]:
        """Return the living rows that point at `value`."""
        found = (self.rows[record_id] for record_id in sorted(self.linked[link].get(value, ()), key=str))
        return [row for row in found if not row.get("is_deleted")]

    def living(self) -> Iterator[Record]:
        return (row for row in list(self.rows.values()) if not row.get("is_deleted"))

    def _unindex(self, old: Record) -> None:
        for name, index in self.sorted.items():
            index.discard(old.get(name) or "" if name != "id" else old["id"], old["id"])
        for name, ids in self.linked.items():
            ids[old.get(name)].discard(old["id"])
        for item in old.get("emails") or ():
            self.emails[item["value"].lower()].discard(old["id"])
