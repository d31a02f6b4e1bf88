"""Tests use what a module offers: a private name of ours in a test would hold every change of it back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = ("integration", "tenants", "config")
DJANGOS = frozenset({"_fixture_teardown", "_selected_action"})
CASES = ROOT / "tests" / "cases"  # they reproduce faults as they were found, some from the inside


def test_no_test_uses_a_private_name_of_a_module_of_ours() -> None:
    files = [path for path in sorted((ROOT / "tests").rglob("*.py")) if path.parent != CASES]
    found = [f"{path.relative_to(ROOT)}:{line} {name}" for path in files for line, name in private_names(path)]

    assert len(files) > 200
    assert found == []


def test_the_lint_sees_them(tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(
        "from integration.engine import doorbell, links as known\n"
        "from integration.engine.sync.router import _claim\n"
        'def test_it(monkeypatch):\n    doorbell._ring()\n    monkeypatch.setattr(known, "_load", None)\n'
        "    doorbell.ring()\n    world._made()\n"
    )

    assert sorted(name for _, name in private_names(file)) == ["_claim", "_load", "doorbell._ring"]


def private_names(path: Path) -> Iterator[tuple[int, str]]:
    """The private names a file imports from our modules, or reaches through them."""
    tree = ast.parse(path.read_text())
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(OURS):
            modules |= {alias.asname or alias.name for alias in node.names if alias.name.islower()}
            yield from ((node.lineno, alias.name) for alias in node.names if is_private(alias.name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            if is_private(node.attr):
                yield node.lineno, f"{node.value.id}.{node.attr}"
        if isinstance(node, ast.FunctionDef) and any(patches(inner) for inner in ast.walk(node)):
            named = (inner for inner in ast.walk(node) if isinstance(inner, ast.Constant))
            yield from ((inner.lineno, inner.value) for inner in named if is_private(str(inner.value)))


def patches(node: ast.AST) -> bool:
    """Whether something is set in another object by its name."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("setattr")


def is_private(name: str) -> bool:
    """Whether a name is its module's own."""
    last = name.rpartition(".")[2]
    return last.isidentifier() and last.startswith("_") and not last.startswith("__") and last not in DJANGOS
