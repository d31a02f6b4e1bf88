"""Build docs/permissions.md from what the recipes name: `python -m tests.docs`."""

from __future__ import annotations

from pathlib import Path

from integration.connectors.registry import get_connector
from integration.engine.api import Recipe

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
INTRODUCTION = """# Permissions

What each pair of systems asks for at both vendors, and what for. The connect page shows the same before a vendor's own
page opens, and every test of a recipe runs with these permissions and no others.

An app in Pipedrive's Developer Hub asks for its scopes whatever pair is connected, so it needs those of the pairs that
the installation offers. HubSpot's consent page asks for
exactly the required scopes of the app's own configuration, and for the optional ones where the app has them. Where
a customer connects a second pair that needs more than the first consent gave, the connect page says what is missing
and leads to the vendor's page again.

The identity provider of operators, where there is one, is asked for `openid`, `email` and `profile`: who somebody is,
the address and name the console shows, and the groups that give the role. Nothing is written there, and no token but
the ID token is kept, encrypted, for signing out.

`python -m tests.docs` builds this page from `integration/recipes/*/permissions.py`; a test compares it.
"""


def page(recipes: list[Recipe]) -> str:
    """Return the whole page."""
    parts = [INTRODUCTION.strip()]
    for recipe in recipes:
        parts.append(f"## {recipe.label}")
        for side in ("left", "right"):
            vendor = get_connector(getattr(recipe, side)).label
            rows = "\n".join(
                f"| `{needed.name}`{' (optional)' if needed.optional else ''} | {needed.why} |"
                for needed in recipe.permissions[side]
            )
            parts.append(f"| {vendor} | what for |\n|---|---|\n{rows}")
    return "\n\n".join(parts) + "\n"
