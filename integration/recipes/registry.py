"""The recipes by key: dotted paths, loaded on first use. A new recipe is one line here."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from integration.engine.api import Recipe

RECIPES = {
    "hubspot_maileon": "integration.recipes.hubspot_maileon.recipe",
    "pipedrive_maileon": "integration.recipes.pipedrive_maileon.recipe",
    "pipedrive_brevo": "integration.recipes.pipedrive_brevo.recipe",
    "leadboxer_pipedrive": "integration.recipes.leadboxer_pipedrive.recipe",
    "planhat_pipedrive": "integration.recipes.planhat_pipedrive.recipe",
}


@cache
def get_recipe(key: str) -> Recipe:
    """Return the recipe with this key. Raises KeyError for an unknown one."""
    recipe = import_module(RECIPES[key]).RECIPE
    assert isinstance(recipe, Recipe)
    return recipe


def recipe_choices() -> list[tuple[str, str]]:
    """Choices for forms and filters."""
    return [(key, get_recipe(key).label) for key in RECIPES]
