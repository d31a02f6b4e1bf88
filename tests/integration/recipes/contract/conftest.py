"""A stage of the recipe a rule is tested with."""

from __future__ import annotations

from typing import Any

import pytest

from integration.recipes.registry import RECIPES
from sandbox.thread import SandboxThread

from .exempt import EXEMPT
from .stages import STAGES, Stage


def pytest_generate_tests(metafunc: Any) -> None:
    """A test marked with `rule` is asked of every recipe the rule applies to."""
    mark = metafunc.definition.get_closest_marker("rule")
    if mark is not None:
        [name] = mark.args
        broken = mark.kwargs.get("broken", {})
        chosen = [recipe for recipe in RECIPES if (name, recipe) not in EXEMPT]
        marks = {recipe: [pytest.mark.xfail(strict=True, reason=why)] for recipe, why in broken.items()}
        metafunc.parametrize("recipe", [pytest.param(one, marks=marks.get(one, ())) for one in chosen])


@pytest.fixture
def stage(recipe: str, sandbox: SandboxThread, settings: Any, hubspot_app: None, transactional_db: None) -> Stage:
    """The recipe installed, its webhooks held back."""
    assert recipe in STAGES, f"the recipe {recipe} has no class in contract/stages.py, so no safety rule was tested"
    settings.PUBLIC_URL = "https://hub.example.com"
    return STAGES[recipe](sandbox)
