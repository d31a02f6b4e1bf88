"""`make check` refuses a function with too many branches."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / ".ci" / "complexity.py"


@pytest.fixture
def complexity(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("complexity", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def module_at(path: Path, conditions: int) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(f"def decide(a):\n    return {' and '.join(['a'] * (conditions + 1))}\n")


def test_a_function_with_too_many_branches_is_named(complexity, tmp_path, capsys):
    module_at(tmp_path / "integration" / "engine" / "sync" / "batch.py", 12)

    assert complexity.main() == 1
    assert capsys.readouterr().out == "integration/engine/sync/batch.py:1: decide has 13 branches\n"


@pytest.mark.parametrize(("place", "conditions"), [("integration/engine", 11), ("integration/recipes", 20)])
def test_fewer_or_exempt_ones_pass(complexity, tmp_path, place, conditions):
    module_at(tmp_path / place / "module.py", conditions)

    assert complexity.main() == 0
