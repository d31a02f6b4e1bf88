"""What a process remembers ends by age and by number."""

from __future__ import annotations

import pytest

from integration import memory
from integration.memory import TtlCache


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves."""
    now = [100.0]
    monkeypatch.setattr(memory.time, "monotonic", lambda: now[0])
    return now


def test_an_entry_ends_by_age(clock):
    cache = TtlCache[str, str](10, lambda: 5.0)
    cache.put("a", "one")
    clock[0] += 4.9
    assert cache.get("a") == "one"
    clock[0] += 0.2
    assert cache.get("a") is None


def test_with_no_time_nothing_is_kept_and_the_older_entry_is_gone(clock):
    seconds = [5.0]
    cache = TtlCache[str, str](10, lambda: seconds[0])
    cache.put("a", "one")
    seconds[0] = 0.0
    cache.put("a", "two")
    assert cache.get("a") is None


def test_beyond_the_number_the_least_used_goes(clock):
    cache = TtlCache[str, int](2, lambda: 60.0)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)


def test_it_is_made_once():
    cache = TtlCache[str, dict[str, int]](2, lambda: 60.0)
    first = cache.get_or_put("a", dict)
    first["x"] = 1
    assert cache.get_or_put("a", dict) is first


def test_forgetting():
    cache = TtlCache[str, int](2, lambda: 60.0)
    cache.put("a", 1)
    cache.forget("a")
    cache.forget("never there")
    assert cache.get("a") is None
