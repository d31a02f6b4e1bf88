"""Write the pages of docs/ that are built from the code: `python -m tests.docs`."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from integration.recipes.registry import RECIPES, get_recipe  # noqa: E402
from tests.docs import permissions_page, reasons_page  # noqa: E402

RECIPES_IN_ORDER = [get_recipe(key) for key in RECIPES]
for built in (reasons_page, permissions_page):
    built.PAGE.write_text(built.page(RECIPES_IN_ORDER))
