"""The recipes by key: dotted paths, loaded on first use. A new recipe is one line here."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from django import forms

from integration.engine.api import GENERAL, ReasonText, Recipe, general_text

RECIPES = {
    "hubspot_maileon": "integration.recipes.hubspot_maileon.recipe",
    "pipedrive_maileon": "integration.recipes.pipedrive_maileon.recipe",
    "pipedrive_brevo": "integration.recipes.pipedrive_brevo.recipe",
    "leadboxer_pipedrive": "integration.recipes.leadboxer_pipedrive.recipe",
    "planhat_pipedrive": "integration.recipes.planhat_pipedrive.recipe",
}


@cache
def get_recipe(key: str) -> Recipe:
    """Return the recipe with this key.

    For one that this version of the code does not have (a worker during a deploy, a roll-back) it is a stand-in without
    flows, `is_known` False: such an integration does nothing, and keeps nobody else from working.
    """
    if key not in RECIPES:
        return _unknown(key)
    recipe = import_module(RECIPES[key]).RECIPE
    assert isinstance(recipe, Recipe)
    return recipe


def _unknown(key: str) -> Recipe:
    left, _, right = key.partition("_")
    return Recipe(
        key=key, label=key, left=left, right=right, flows=(), settings_form=forms.Form, default_settings={},
        steps=lambda ctx: (), is_known=False,
    )  # fmt: skip


def reason_text(code: str, recipe: str = "") -> ReasonText | None:
    """Return the text of a stored code in the words of a recipe, None for an empty one.

    A connection and its events belong to no recipe: then the general text counts, else that of the first recipe which
    has one.
    """
    if recipe in RECIPES:
        return get_recipe(recipe).reason_text(code)
    for key in RECIPES:
        known = get_recipe(key)
        if code not in GENERAL and code in known.reason_texts:
            return known.reason_texts[code]
    return general_text(code)


def reason_choices(recipe: str = "") -> list[tuple[str, str]]:
    """Choices for a filter by reason: those of a recipe, or all, where each recipe's own follow its label."""
    if recipe in RECIPES:
        texts = get_recipe(recipe).reason_texts
        return sorted(((code, str(text.what)) for code, text in texts.items()), key=lambda pair: pair[1])
    found = sorted(((code, str(text.what)) for code, text in GENERAL.items()), key=lambda pair: pair[1])
    own: dict[str, list[Recipe]] = {}
    for key in RECIPES:
        for code in get_recipe(key).reason_texts.keys() - GENERAL.keys():
            own.setdefault(code, []).append(get_recipe(key))
    named = [
        (code, f"{', '.join(known.label for known in recipes)}: {recipes[0].reason_texts[code].what}")
        for code, recipes in own.items()
    ]
    return [*found, *sorted(named, key=lambda pair: pair[1])]


def recipe_choices() -> list[tuple[str, str]]:
    """Choices for forms and filters."""
    return [(key, get_recipe(key).label) for key in RECIPES]
