"""Read a vendor's rows one by one, so that a row nobody can read concerns itself alone.

A list gives what can be read and names the rest. Records asked for by id are all read or an UnreadableRecord is raised:
who asked would take a record that is left out for one that is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from integration.errors import ContractError, UnreadableRecord

Row = TypeVar("Row", bound=Mapping[str, Any])
Record = TypeVar("Record")


@dataclass(frozen=True)
class Read(Generic[Record]):
    """The records of a list, and what is wrong with those that cannot be read, by their id (text)."""

    records: tuple[Record, ...]
    unreadable: Mapping[str, str]

    def complete(self) -> list[Record]:
        """Return the records if these are all. Raises UnreadableRecord."""
        for record_id, problem in self.unreadable.items():
            raise UnreadableRecord("The vendor sent a record that cannot be read.", detail=f"{record_id}: {problem}")
        return list(self.records)


def read_each(rows: Iterable[Row], parse: Callable[[Row], Record], *, key: str = "id") -> Read[Record]:
    """Read each row by itself. `key` is where a row has its id; a row without one has no known shape.

    Raises ContractError when none of several rows can be read: then the shape of the answer has changed.
    """
    records: list[Record] = []
    unreadable: dict[str, str] = {}
    problem: ContractError | None = None
    for row in rows:
        try:
            records.append(parse(row))
        except ContractError as exc:
            record_id = row.get(key) if isinstance(row, Mapping) else None
            if not isinstance(record_id, (str, int)) or record_id == "":
                raise
            problem = exc
            unreadable[str(record_id)] = f"{exc.public} {exc.detail}".strip()
    if problem is not None and not records and len(unreadable) > 1:
        raise problem
    return Read(tuple(records), unreadable)
