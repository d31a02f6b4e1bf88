"""What import contracts cannot say: the engine names no vendor, no recipe and no page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from integration.connectors.registry import CONNECTORS
from integration.recipes.registry import RECIPES

PACKAGE = Path(__file__).resolve().parent.parent / "integration"
GROUND = ("errors.py", "http.py", "guard.py", "secrets.py", "redact.py", "gc_tuning.py", "models", "engine")
BELOW_PAGES = (*GROUND, "connectors", "recipes", "forms", "ui", "tasks.py", "oauth_login.py")
OFTEN = re.compile(rf"({'|'.join([*CONNECTORS, *RECIPES])})", re.IGNORECASE)
PAGE = re.compile(r"^(portal|admin):\w+$")


def files(names: tuple[str, ...]) -> list[Path]:
    found = [PACKAGE / name for name in names]
    return sorted(path for one in found for path in (one.rglob("*.py") if one.is_dir() else [one]))


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts and names of a module, without its docstrings and comments, which may name an example or a source."""
    tree = ast.parse(path.read_text())
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id


def test_foundation_and_engine_name_no_vendor_and_no_recipe() -> None:
    named = {path: [text for _, text in texts(path) if OFTEN.search(text)] for path in files(GROUND)}

    assert len(named) > 60
    assert {path: found for path, found in named.items() if found} == {}


def test_nothing_below_the_pages_names_one() -> None:
    named = {
        str(path.relative_to(PACKAGE)) for path in files(BELOW_PAGES) for _, text in texts(path) if PAGE.match(text)
    }

    assert named == set()


def test_the_search_finds_what_it_looks_for() -> None:
    assert any(OFTEN.search(text) for _, text in texts(PACKAGE / "recipes" / "registry.py"))
    assert any(PAGE.match(text) for path in files(("portal",)) for _, text in texts(path))
