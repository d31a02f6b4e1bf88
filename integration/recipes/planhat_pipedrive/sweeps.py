"""Reading lists of Pipedrive for runs: several vendor pages make one of ours, so that one bulk write serves them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from integration.connectors.pipedrive.records import Organization
from integration.engine.context import Context

VENDOR_PAGE, IDS_PER_CALL = 500, 100
# Vendor pages in one of ours, and calls for its organizations: few enough for the smallest plan's burst of twenty.
PAGES, DEAL_PAGES, MOST_CALLS = 10, 4, 12


def gather(turn: Callable[..., Any], cursor: str | None) -> tuple[list[Any], str | None]:
    """Records of up to ten vendor pages, and the cursor after them."""
    found: list[Any] = []
    for _ in range(PAGES):
        page = turn(cursor)
        found += page.records
        cursor = page.next_cursor
        if cursor is None:
            break
    return found, cursor


def calls_for(ids: Collection[str]) -> int:
    """How many calls reading these organizations costs, the cheaper way."""
    return min(_by_id(ids), _by_list(ids))


def organizations(ctx: Context, ids: Sequence[str], *, include_fields: Sequence[str] = ()) -> list[Organization]:
    """Organizations with these ids: a hundred per call, or the whole list up to the last of them when that is less.

    Ids grow with time, and a list by id begins with the oldest.
    """
    wanted = list(dict.fromkeys(ids))
    if not wanted or _by_id(wanted) <= _by_list(wanted):
        return list(ctx.left.get_organizations(wanted, include_fields=include_fields)) if wanted else []
    last, cursor, known = max(map(int, wanted)), None, set(wanted)
    found: list[Organization] = []
    while True:
        page = ctx.left.organizations_page(cursor)
        found += [row for row in page.records if row.id in known]
        cursor = page.next_cursor
        if cursor is None or (page.records and int(page.records[-1].id) >= last):
            return found


def _by_id(ids: Collection[str]) -> int:
    return -(-len(ids) // IDS_PER_CALL)


def _by_list(ids: Collection[str]) -> int:
    numbers = [int(key) for key in ids if key.isdigit()]
    return -(-max(numbers) // VENDOR_PAGE) if len(numbers) == len(ids) and numbers else len(ids) + 1
