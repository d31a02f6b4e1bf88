"""What links and jobs remember is read and written by typed classes: a misspelled key fails the type check.

A query names the key of a link's state itself, where no type checker looks: it must be a field of the recipe's states.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from integration.engine.flow.state import FlowState
from integration.recipes import registry

RECIPES = Path(__file__).parents[1] / "integration" / "recipes"
PATHS = sorted(RECIPES.rglob("*.py"))
STORED = {"notes", "hint"}
CARRIERS = {"Enqueue", "Item", "Route"}  # take what travels with a job by its place too
QUERY = "notes__"


def plain_keys(tree: ast.AST) -> list[str]:
    """Where a key of `notes` or `hint` is written as a plain word."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is_stored(node.value):
            found.append(ast.unparse(node))
        if isinstance(node, ast.Call):
            is_get = isinstance(node.func, ast.Attribute) and node.func.attr == "get" and _is_stored(node.func.value)
            given = [word.value for word in node.keywords if word.arg in STORED]
            if isinstance(node.func, ast.Name) and node.func.id in CARRIERS:
                given += node.args
            literal = [value for value in given if isinstance(value, ast.Dict)]
            keyed = [value for value in literal if any(isinstance(key, ast.Constant) for key in value.keys)]
            if is_get or keyed:
                found.append(ast.unparse(node))
    return found


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in STORED


def queried_keys(tree: ast.AST) -> set[str]:
    """The keys of a link's state that queries name."""
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.keyword) or node.arg is None or not node.arg.startswith(QUERY):
            continue
        asked = node.arg.removeprefix(QUERY)
        if asked != "has_key":
            found.add(asked.partition("__")[0])
        elif isinstance(node.value, ast.Constant):
            found.add(str(node.value.value))
    return found


def fields_of_states() -> set[str]:
    """The fields of every class that says what a link remembers."""
    for recipe in registry.RECIPES:
        registry.get_recipe(recipe)
    found: set[str] = set()
    classes = [FlowState]
    while classes:
        one = classes.pop()
        found |= set(one.__dataclass_fields__)
        classes += one.__subclasses__()
    return found


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(RECIPES)))
def test_no_key_is_a_plain_word(path):
    assert plain_keys(ast.parse(path.read_text())) == []


def test_each_query_names_a_field_of_a_state():
    asked = set().union(*(queried_keys(ast.parse(path.read_text())) for path in PATHS))

    assert {"trial"} <= asked <= fields_of_states()


@pytest.mark.parametrize(
    "code",
    [
        'link.notes.get("x")',
        'link.notes["x"]',
        'item.hint["x"]',
        'Skip(reason, notes={"x": 1})',
        'Enqueue("a", hint={"x": 1})',
        'Enqueue("a", "1", {"x": 1})',
    ],
)
def test_each_form_of_a_plain_key_is_found(code):
    assert plain_keys(ast.parse(code))
