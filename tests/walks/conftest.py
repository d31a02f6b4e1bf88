"""A walk is woken up at each stage: no sweeper mends what nobody rang for."""

from __future__ import annotations

import pytest

from tests.support.queue import QUEUE


@pytest.fixture(autouse=True)
def _no_sweeper(rings: list[str]) -> None:
    QUEUE.sweeps = False
