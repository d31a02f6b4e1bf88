"""A walk is woken up at each stage: no sweeper mends what nobody rang for.

With `--switches` each walk runs once per switch of the vendors it uses, the other variant played: whatever the truth
about an open question is, the walk arrives.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.assumptions import SWITCHES
from sandbox.journal import Journal
from tests.sandbox import documented
from tests.support.queue import QUEUE

# What a walk is given → the vendors that take part.
VENDORS = {
    "world": ("pipedrive", "maileon"),
    "hubspot_world": ("hubspot", "maileon"),
    "brevo_world": ("pipedrive", "brevo"),
    "brevo_install": ("pipedrive", "brevo"),
    "planhat_world": ("planhat", "pipedrive"),
    "planhat_install": ("planhat", "pipedrive"),
    "leadboxer_install": ("leadboxer", "pipedrive"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One walk per switch, or per switch of the tenth that the option's text chooses."""
    chosen = metafunc.config.getoption("--switches")
    if chosen:
        [given] = VENDORS.keys() & set(_arguments(metafunc))
        keys = [row.key for row in SWITCHES.values() if row.vendor in VENDORS[given] and _taken(row.key, chosen)]
        metafunc.parametrize("thrown", [[key] for key in keys], ids=keys)


def _arguments(metafunc: pytest.Metafunc) -> tuple[str, ...]:
    return metafunc.function.__code__.co_varnames[: metafunc.function.__code__.co_argcount]


def _taken(key: str, chosen: str) -> bool:
    return chosen == "all" or zlib.crc32(f"{chosen} {key}".encode()) % 10 == 0


@pytest.fixture(autouse=True)
def _no_sweeper(rings: list[str]) -> None:
    QUEUE.sweeps = False


@pytest.fixture(autouse=True)
def _calls_are_documented(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the hub asks of Pipedrive and Brevo in a walk is what their official files describe, where they are here."""
    made: list[dict[str, Any]] = []
    add = Journal.add
    monkeypatch.setattr(Journal, "add", lambda self, **call: (made.append(call), add(self, **call))[1])
    yield
    assert documented.problems(made) == []
