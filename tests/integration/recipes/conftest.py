"""Recipes are woken up at each stage: no sweeper mends what nobody rang for, but where a test says that it may."""

from __future__ import annotations

import pytest

from tests.support.queue import QUEUE


@pytest.fixture(autouse=True)
def _no_sweeper(rings: list[str]) -> None:
    QUEUE.sweeps = False


@pytest.fixture
def sweeper_helps(_no_sweeper: None) -> None:
    """The sweeper looks for work that was there before: rows made, moved or left over without a ring."""
    QUEUE.sweeps = True
