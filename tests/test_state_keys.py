"""What links and jobs remember is read and written by typed classes: a misspelled key fails the type check.

Recipes that are not listed yet still use plain keys.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[1] / "integration" / "recipes"
TYPED = ("newsletter", "pipedrive_maileon", "hubspot_maileon", "pipedrive_brevo")
STORED = {"notes", "hint"}


def plain_keys(tree: ast.AST) -> list[str]:
    """Where a key of `notes` or `hint` is written as a plain word."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is_stored(node.value):
            found.append(ast.unparse(node))
        if isinstance(node, ast.Call):
            is_get = isinstance(node.func, ast.Attribute) and node.func.attr == "get" and _is_stored(node.func.value)
            literal = [word for word in node.keywords if word.arg in STORED and isinstance(word.value, ast.Dict)]
            keyed = [word for word in literal if any(isinstance(key, ast.Constant) for key in word.value.keys)]
            if is_get or keyed:
                found.append(ast.unparse(node))
    return found


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in STORED


@pytest.mark.parametrize("path", [path for name in TYPED for path in sorted((RECIPES / name).glob("*.py"))], ids=str)
def test_no_key_is_a_plain_word(path):
    assert plain_keys(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "code",
    [
        'link.notes.get("x")',
        'link.notes["x"]',
        'item.hint["x"]',
        'Skip(reason, notes={"x": 1})',
        'Enqueue("a", hint={"x": 1})',
    ],
)
def test_each_form_of_a_plain_key_is_found(code):
    assert plain_keys(ast.parse(code))
