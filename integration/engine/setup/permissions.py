"""Which of a recipe's permissions a connection has, as far as its vendor tells."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from integration.connectors.base import Permission
from integration.engine.flow.permission import NeededPermission
from integration.engine.flow.recipe import Recipe
from integration.models import Connection

FIX = _("Add them to the app at {vendor}, then let the customer log in with {vendor} again.")


def consented(connection: Connection, recipe: Recipe, side: str) -> list[Permission]:
    """Each permission that the recipe names, and whether the consent grants it.

    Nothing for a key, and for a consent of before we kept what it grants: neither tells.
    """
    granted = frozenset(str(connection.credentials.get("scope") or "").replace(",", " ").split())
    if connection.auth_kind != "oauth" or not granted:
        return []
    enough = connection.connector.includes(granted)
    fix = FIX.format(vendor=connection.connector.label)
    named = [needed for needed in recipe.permissions.get(side, ()) if not needed.optional]
    return [Permission(needed.name, needed.name in enough, fix) for needed in named]


def missing(connection: Connection, recipe: Recipe, side: str) -> Sequence[NeededPermission]:
    """What the consent behind this connection did not grant."""
    lacking = {right.name for right in consented(connection, recipe, side) if not right.granted}
    return [needed for needed in recipe.permissions.get(side, ()) if needed.name in lacking]
