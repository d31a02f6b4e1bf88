"""`make metrics` counts what it says it counts."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / ".ci" / "metrics.py"
SAMPLE = '''
from typing import Any, cast

def load_links(ids: list[str]) -> Any:
    """Load the links of the ids."""
    found = [one for one in ids if one]
    return cast(list[str], found) if found else (last := None)  # type: ignore[return-value]

def due(job: object) -> bool:
    """Tell whether a worker may take it now; a time in the vendor's zone counts as UTC."""
    return bool(job)
'''


@pytest.fixture(scope="module")
def metrics():
    spec = importlib.util.spec_from_file_location("metrics", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["metrics"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["metrics"]


def test_a_room_is_counted(metrics, tmp_path):
    file = tmp_path / "links.py"
    file.write_text(SAMPLE)

    row = metrics.measure("room", [file])

    assert (row.lines, row.modules, row.functions, row.largest_function) == (11, 1, 2, 4)
    assert row.expressions_per_1000 == 272.7  # a comprehension, a conditional expression, a walrus in eleven lines
    assert row.untyped == 5  # Any twice, cast, an ignored complaint, object
    assert (row.documented, row.echoes) == (2, 1)


def test_rooms_are_the_packages_of_the_great_ones(metrics):
    root = metrics.ROOT
    rooms = [metrics.room_of(root / path) for path in ("integration/http.py", "integration/engine/alerts/watch.py")]

    assert rooms == ["integration", "integration/engine/alerts"]


def test_complexity_is_radons(metrics, tmp_path):
    file = tmp_path / "twisted.py"
    file.write_text("def twisted(a):\n" + "".join(f"    if a == {n}:\n        return {n}\n" for n in range(12)))

    row = metrics.measure("room", [file])

    assert (row.over_10, row.over_12) == (1, 1)
