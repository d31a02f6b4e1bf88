"""No test without an assertion of its own, read from the syntax trees of all test files.

An assertion is `assert` on something that is not a constant, `pytest.raises` or `pytest.warns`, a mock's `assert_…`,
what a page is expected `to_be_…`, a fixture that counts queries, or a call of a declared checker, see
`tests/support/checkers.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.checkers import CHECKERS, COUNTING_FIXTURES

ROOT = Path(__file__).parents[1]
RAISING = frozenset({"pytest.raises", "pytest.warns", "pytest.fail"})


def test_every_test_can_fail() -> None:
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    found = [test for path in files for test in functions_of(path)]
    assert len(found) > 1000, "the lint sees the suite"
    idle = [f"{path.relative_to(ROOT)}:{test.lineno} {test.name}" for path, test in found if not can_fail(path, test)]
    assert idle == [], "these tests assert nothing"


@pytest.mark.parametrize("file", CHECKERS)
def test_a_declared_checker_asserts_itself(file: str) -> None:
    path = ROOT / file
    functions = {node.name: node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)}
    for name in CHECKERS[file]:
        assert name in functions, f"{file} has no {name}"
        raises = any(isinstance(node, ast.Raise) for node in ast.walk(functions[name]))
        assert raises or can_fail(path, functions[name]), f"{name} of {file} asserts nothing"


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "world.deliver()",
        "assert True",
        "assert 'reason'",
        "check(1)",
        "health.check(1)",
        "for row in rows: row",
    ],
)
def test_the_lint_refuses_a_test_that_asserts_nothing(tmp_path: Path, body: str) -> None:
    assert not can_fail(*written(tmp_path, body))


@pytest.mark.parametrize(
    "body",
    [
        "assert world.mails() == []",
        "with pytest.raises(KeyError): work()",
        "mock.assert_called_once_with(1)",
        "with django_assert_num_queries(0): work()",
        "client_cases.check(1)",
        "proof(1)",
    ],
)
def test_the_lint_accepts_a_test_that_asserts(tmp_path: Path, body: str) -> None:
    assert can_fail(*written(tmp_path, body))


def written(folder: Path, body: str) -> tuple[Path, ast.FunctionDef]:
    """A test file with this one test."""
    path = folder / "test_it.py"
    imports = "from tests.support import client_cases\nfrom tests.support.webhook_cases import check_proof as proof\n"
    path.write_text(f"{imports}def test_it():\n    {body}\n")
    [(_, test)] = functions_of(path)
    return path, test


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions_of(path: Path) -> Iterator[tuple[Path, ast.FunctionDef]]:
    """The test functions and methods of a file, those inside of other functions left out."""
    for node in tree(path).body:
        for inner in [node, *getattr(node, "body", ())] if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test_"):
                yield path, inner


def can_fail(path: Path, function: ast.FunctionDef) -> bool:
    """Whether the function asserts something itself or calls a declared checker."""
    return any(asserts(path, node) for node in ast.walk(function))


def asserts(path: Path, node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant)
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func)
    last = name.rpartition(".")[2]
    is_mocks = last.startswith("assert_") or (name.startswith("expect(") and last.startswith(("to_be_", "to_have_")))
    return is_mocks or name in RAISING | COUNTING_FIXTURES or name in checkers_known_in(path)


@cache
def checkers_known_in(path: Path) -> frozenset[str]:
    """How the declared checkers are called in this file: by their own name, or below the module they come from."""
    known = set(CHECKERS.get(str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else "", ()))
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                known |= imported(node.module, alias.name, alias.asname or alias.name)
    return frozenset(known)


def imported(module: str, name: str, known_as: str) -> set[str]:
    """The checkers that one imported name brings along: itself, or those of the module it is."""
    file = module.replace(".", "/")
    if name in CHECKERS.get(f"{file}.py", ()):
        return {known_as}
    return {f"{known_as}.{checker}" for checker in CHECKERS.get(f"{file}/{name}.py", ())}
