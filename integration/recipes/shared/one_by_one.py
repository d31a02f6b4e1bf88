"""Read records a call each, where the vendor has no list by ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from integration.errors import NotFound

Record = TypeVar("Record")


def one_by_one(get: Callable[[str], Record], ids: Iterable[str]) -> dict[str, Record]:
    """Id → record. Those that are gone are missing."""
    found: dict[str, Record] = {}
    for key in ids:
        try:
            found[key] = get(key)
        except NotFound:
            continue
    return found
