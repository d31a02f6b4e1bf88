"""Every recipe is asked, and whoever is not says why."""

from __future__ import annotations

import pytest

from integration.engine.flow.recipe import Recipe
from integration.recipes.registry import RECIPES, get_recipe
from tests.support import database

from .exempt import BRAKE, EXEMPT, KEEPS_WHAT_IS_GONE, MAY_CHANGE, RULES, SECONDARY
from .stages import STAGES, flows_of


def test_every_recipe_has_a_stage():
    assert STAGES.keys() == RECIPES.keys(), "a recipe without a class in contract/stages.py is not safe to install"


@pytest.mark.parametrize(("rule", "recipe"), EXEMPT)
def test_an_exemption_names_a_rule_and_a_recipe_and_says_why_in_a_sentence(rule, recipe):
    assert rule in RULES
    assert recipe in RECIPES
    why = EXEMPT[rule, recipe]
    assert len(why.split()) > 4
    assert why.endswith(".")


@pytest.mark.parametrize("table", MAY_CHANGE)
def test_a_table_that_a_dry_run_may_change_exists_and_says_why(table):
    assert table in database.tables()
    assert MAY_CHANGE[table].endswith(".")


@pytest.mark.parametrize(("recipe", "flow"), KEEPS_WHAT_IS_GONE)
def test_what_may_call_the_unseen_deleted_takes_nothing_away_and_says_why(recipe, flow):
    assert flow in flows_of(recipe)
    assert not get_recipe(recipe).flow(flow).destructive_actions
    why = KEEPS_WHAT_IS_GONE[recipe, flow]
    assert len(why.split()) > 4
    assert why.endswith(".")


@pytest.mark.parametrize("recipe", RECIPES)
def test_nobody_is_exempt_from_a_rule_about_what_the_recipe_does(recipe):
    declared = get_recipe(recipe)
    keeps_consent = declared.consent_of is not Recipe.__dataclass_fields__["consent_of"].default
    assert any(flow.destructive_actions for flow in declared.flows) == ((BRAKE, recipe) not in EXEMPT)
    assert keeps_consent == ((SECONDARY, recipe) not in EXEMPT)
