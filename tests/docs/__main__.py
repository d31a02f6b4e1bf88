"""Write the pages of docs/ that are built from the code: `python -m tests.docs`."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from integration.recipes.registry import RECIPES, get_recipe  # noqa: E402
from tests.docs.reasons_page import PAGE, page  # noqa: E402

PAGE.write_text(page([get_recipe(key) for key in RECIPES]))
