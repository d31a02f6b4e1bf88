"""What an installation does before anybody has chosen anything: nothing that cannot be taken back."""

from __future__ import annotations

import pytest

from integration.recipes.registry import RECIPES, get_recipe

# What deletes, merges, creates at the other side or lowers a status of the tenant's own, and its harmless choice.
HARMLESS = {
    "merge_duplicates": False, "set_marketing_status": False, "create_persons": False, "deals_create_contacts": False,
    "create_organizations": False, "create_deals": False, "override_limit": "configured", "doi_enabled": True,
    "permission": "1", "on_email_change": "ask_again", "trial": False, "confirmed_stage": False,
    "unsubscribed_stage": False, "deals_enabled": False, "organizations_enabled": False, "activities_enabled": False,
    "leads_enabled": False,
}  # fmt: skip


@pytest.mark.parametrize("recipe", RECIPES)
def test_nothing_that_cannot_be_taken_back_is_on_by_itself(recipe):
    defaults = get_recipe(recipe).default_settings
    known = HARMLESS.keys() & defaults.keys()

    assert {name: defaults[name] for name in known} == {name: HARMLESS[name] for name in known}
    assert defaults.get("on_delete") in (None, "keep", "unsubscribe")


def test_each_of_these_choices_is_some_recipes():
    offered = {name for recipe in RECIPES for name in get_recipe(recipe).default_settings}

    assert set(HARMLESS) <= offered
