"""A vendor says that our app was removed at its side: note it at once, uninstall what lived on it soon after."""

from __future__ import annotations

from integration.connectors.base import Removal
from integration.engine.clients import connection_health
from integration.engine.flow.recipe import Recipes
from integration.engine.setup import lifecycle
from integration.models import Connection, Health


def note(vendor: str, removal: Removal) -> int:
    """Mark the connections that live on this user's consent. Returns how many; others of the account go on."""
    rows = Connection.objects.filter(
        vendor=vendor, auth_kind="oauth", external_account_id=removal.account_id,
        consent_user_id=removal.user_id,
    ).exclude(health=Health.DISCONNECTED)  # fmt: skip
    for connection in rows:
        connection_health.mark(connection, Health.NEEDS_YOU, connection_health.APP_REMOVED, "The vendor told us so.")
    return len(rows)


def finish(recipes: Recipes) -> int:
    """Uninstall every integration on a connection whose app was removed. Safe to run again; returns how many."""
    done = 0
    for connection in Connection.objects.filter(health=Health.NEEDS_YOU, health_reason=connection_health.APP_REMOVED):
        integrations = connection_health.integrations_on(connection)
        for integration in integrations:
            lifecycle.uninstall(integration, recipes)
            done += 1
        if not integrations:
            lifecycle.erase_credentials(connection)
    return done
