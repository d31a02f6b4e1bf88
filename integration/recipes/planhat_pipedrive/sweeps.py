"""Reading lists of Pipedrive for runs: several vendor pages make one of ours, so that one bulk write serves them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from integration.connectors.pipedrive.records import Organization
from integration.recipes.planhat_pipedrive.session import Session

VENDOR_PAGE, IDS_PER_CALL = 500, 100
# Vendor pages in one of ours, and calls for its organizations: few enough for the smallest plan's burst of twenty.
PAGES, DEAL_PAGES, MOST_CALLS = 10, 4, 12


def calls_for(ctx: Session, ids: Collection[str]) -> int:
    """How many calls reading these organizations costs, the cheaper way."""
    return min(_by_id(ids), _by_list(ctx, ids))


def organizations(ctx: Session, ids: Sequence[str], *, include_fields: Sequence[str] = ()) -> list[Organization]:
    """Organizations with these ids: a hundred per call, or the list from first to last of them when that is less.

    Ids grow with time, and a list by id begins with the oldest, or where an earlier walk of this slice put a bookmark.
    """
    wanted = list(dict.fromkeys(ids))
    if not wanted or _by_id(wanted) <= _by_list(ctx, wanted):
        return list(ctx.left.get_organizations(wanted, include_fields=include_fields)) if wanted else []
    numbers, known = [int(key) for key in wanted], set(wanted)
    cursor = _bookmark(ctx, min(numbers))[1]
    found: list[Organization] = []
    while True:
        page = ctx.left.organizations_page(cursor)
        found += [row for row in page.complete() if row.id in known]
        cursor = page.next_cursor
        if cursor is None or not page.records:
            return found
        last = int(page.records[-1].id)
        _bookmarks(ctx)[last] = cursor
        if last >= max(numbers):
            return found


def _bookmarks(ctx: Session) -> dict[int, str]:
    """Id of the last organization of a page that was read → the cursor behind it."""
    marks: dict[int, str] = ctx.cache.setdefault("organizations read so far", {})
    return marks


def _bookmark(ctx: Session, first: int) -> tuple[int, str | None]:
    """The last place in the list that lies before this id."""
    return max(((last, cursor) for last, cursor in _bookmarks(ctx).items() if last < first), default=(0, None))


def _by_id(ids: Collection[str]) -> int:
    return -(-len(ids) // IDS_PER_CALL)


def _by_list(ctx: Session, ids: Collection[str]) -> int:
    numbers = [int(key) for key in ids if key.isdigit()]
    if len(numbers) < len(ids) or not numbers:
        return len(ids) + 1
    return -(-(max(numbers) - _bookmark(ctx, min(numbers))[0]) // VENDOR_PAGE)
