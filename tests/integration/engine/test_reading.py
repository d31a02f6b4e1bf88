"""Records read one by one: what was read before a limit counts, and who is gone is told from who was not asked for."""

from __future__ import annotations

import pytest

from integration.engine.flow.base import Item, Record
from integration.engine.flow.reading import StoppedReading, read_one_by_one
from integration.errors import NotFound, RateLimited

ITEMS = [Item(key) for key in ("a", "gone", "b", "c")]


def records(keys):
    return {key: Record(key, {}) for key in keys}


def limited(after):
    """A vendor that answers so many calls."""
    calls = []

    def get(key):
        if len(calls) == after:
            raise RateLimited("slow down", retry_after=7)
        calls.append(key)
        if key == "gone":
            raise NotFound("gone")
        return key

    return get


def test_all_are_read_and_who_is_gone_is_missing():
    assert list(read_one_by_one(ITEMS, limited(after=9), records)) == ["a", "b", "c"]


def test_a_limit_in_the_middle_keeps_what_was_read():
    with pytest.raises(StoppedReading) as stopped:
        read_one_by_one(ITEMS, limited(after=3), records)

    assert (list(stopped.value.records), stopped.value.asked) == (["a", "b"], ["a", "gone", "b"])
    assert stopped.value.retry_after == 7


def test_a_limit_before_the_first_concerns_all():
    with pytest.raises(RateLimited) as caught:
        read_one_by_one(ITEMS, limited(after=0), records)

    assert not isinstance(caught.value, StoppedReading)
