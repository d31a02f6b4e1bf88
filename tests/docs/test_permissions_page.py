"""docs/permissions.md says what the recipes name."""

from __future__ import annotations

from integration.recipes.registry import RECIPES, get_recipe
from tests.docs.permissions_page import PAGE, page


def test_the_page_is_built_from_the_recipes() -> None:
    assert PAGE.read_text() == page([get_recipe(key) for key in RECIPES]), "run: python -m tests.docs"
