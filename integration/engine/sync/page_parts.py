"""A page of a run in parts, so that its progress shows and Cancel is heard within seconds. Called by `runs`.

Where one bulk call takes a whole page, the page is one part. Where each record takes a call, `one_by_one.write_each`
stops when the part's time is over; what it left goes into the next part, which is as large as fits.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.json_value import JSONObject, json_number, json_object
from integration.engine.flow.base import Flow, Item, Page, Record, Result
from integration.engine.flow.session import SyncSession, Usage
from integration.engine.sync.composite import Group
from integration.models import LONGEST_ID, Outcome, SyncRun
from integration.reasons import Reason

PART_SECONDS = 2.0  # what a part aims at
FEW_CALLS = 12  # a part with no more of them did not take long because of its size
GROWTH = 4
ENDLESS_ID = "The id is longer than an id may be."


@dataclass
class OpenPage:
    """What is left to do of the page a run is at."""

    page: Page
    left: list[Item]
    unreadable: Mapping[str, str]
    done: list[str] = field(default_factory=list)  # ids, in this pass and in an earlier one that was broken off

    @classmethod
    def of(cls, run: SyncRun, page: Page) -> OpenPage:
        """The page as it was read now, without what was done before a worker stopped in the middle of it."""
        done = set(run.page_done)
        endless = {item.external_id[:LONGEST_ID]: ENDLESS_ID for item in page.items if _is_endless(item)}
        unreadable = {**page.unreadable, **endless}
        return cls(
            page,
            [item for item in page.items if item.external_id not in done and not _is_endless(item)],
            {key: problem for key, problem in unreadable.items() if key not in done},
            list(run.page_done),
        )

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left of it."""
        return not self.left and not self.unreadable


@dataclass
class Part:
    """Some records of a page, and what working on them took."""

    items: Sequence[Item]
    records: Mapping[str, Record] | None
    unreadable: Mapping[str, str]
    began: float


def _is_endless(item: Item) -> bool:
    return len(item.external_id) > LONGEST_ID


def following(ctx: SyncSession, flow: Flow, run: SyncRun, opened: OpenPage) -> Part:
    """The next part of the page; its time begins now. What nobody can read takes none and is in the first."""
    items, records = opened.left[: _size(flow, run)], opened.page.records
    if records is not None and len(items) < len(opened.page.items):
        records = {item.external_id: records[item.external_id] for item in items if item.external_id in records}
    part = Part(items, records, opened.unreadable, time.monotonic())
    ctx.part_ends = 0.0 if flow.is_composite else part.began + PART_SECONDS
    ctx.page_size = len(opened.page.items)
    return part


def settle(flow: Flow, run: SyncRun, opened: OpenPage, part: Part, groups: Sequence[Group], used: Usage) -> list[Group]:
    """Take what is done off the page and choose the next part's size. Returns the groups without what gave way.

    What gave way stays on the page, unless nothing else came of the part: then it is left to become jobs.
    """
    gave_way = {entry.item.external_id for group in groups for entry in group.done if _gave_way(flow, entry.result)}
    if len(gave_way) == len(part.items):
        gave_way = set()
    settled = [item.external_id for item in part.items if item.external_id not in gave_way]
    later = [item for item in part.items if item.external_id in gave_way]
    opened.left = later + opened.left[len(part.items) :]
    opened.done += [*settled, *part.unreadable]
    opened.unreadable = {}
    _choose_size(flow, run, part, len(settled), used, gave_way=bool(gave_way))
    return [
        replace(group, done=[entry for entry in group.done if entry.item.external_id not in gave_way])
        for group in groups
    ]


def _gave_way(flow: Flow, result: Result) -> bool:
    return not flow.is_composite and result.outcome == Outcome.RETRYING and result.reason == Reason.GAVE_WAY


def _choose_size(flow: Flow, run: SyncRun, part: Part, settled: int, used: Usage, *, gave_way: bool) -> None:
    """As many records as a part's time allows. One that took long for few calls would not be quicker in halves."""
    took = time.monotonic() - part.began - used.waited
    size = _size(flow, run)
    if gave_way:
        size = settled
    elif took > PART_SECONDS and used.calls.total() > FEW_CALLS:
        size = max(int(len(part.items) * PART_SECONDS / took), 1)
    elif size is not None and took < PART_SECONDS / 2:
        size = max(size, len(part.items) * GROWTH)
    if size is not None:
        run.usage["part"] = size


def _size(flow: Flow, run: SyncRun) -> int | None:
    """How many records a part has; None: all that are left."""
    return run.usage.get("part") or flow.first_part


def added(usage: JSONObject, used: Usage, seconds: float) -> JSONObject:
    """What a run has used so far, with what its last part took. Waiting for limits is no work."""
    sums = {
        key: dict(Counter(json_object(usage.get(key))) + values)
        for key, values in (("calls", used.calls), ("spent", used.spent))
    }
    before = json_number(usage.get("seconds"))
    return {**usage, **sums, "seconds": round(before + seconds - used.waited, 3)}
