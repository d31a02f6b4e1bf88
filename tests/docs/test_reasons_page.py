"""docs/reasons.md says what the texts say: one section per reason, the words of each recipe, an example each."""

from __future__ import annotations

import re
import tomllib

from integration.recipes.registry import RECIPES, get_recipe
from tests.docs.reasons_page import EXAMPLES, PAGE, page

ALL = [get_recipe(key) for key in RECIPES]
CODES = {code for recipe in ALL for code in recipe.reason_texts}


def test_the_page_is_built_from_the_texts():
    assert PAGE.read_text() == page(ALL), "run: python -m tests.docs"


def test_every_reason_has_one_anchor():
    headings = re.findall(r"^### ([a-z_]+)$", PAGE.read_text(), re.MULTILINE)

    assert sorted(headings) == sorted(CODES)


def test_every_reason_has_an_example():
    examples = tomllib.loads(EXAMPLES.read_text())

    assert examples.keys() == CODES
    assert all(len(example) > 20 for example in examples.values())
