"""The connectors by key: dotted paths, loaded on first use. A new vendor is one line here."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from integration.connectors.base import Connector

CONNECTORS = {
    "pipedrive": "integration.connectors.pipedrive.connector",
    "hubspot": "integration.connectors.hubspot.connector",
    "maileon": "integration.connectors.maileon.connector",
    "brevo": "integration.connectors.brevo.connector",
    "leadboxer": "integration.connectors.leadboxer.connector",
    "planhat": "integration.connectors.planhat.connector",
}


@cache
def get_connector(key: str) -> Connector:
    """Return the connector with this key. Raises KeyError for an unknown one."""
    connector = import_module(CONNECTORS[key]).CONNECTOR
    assert isinstance(connector, Connector)
    return connector


def connector_choices() -> list[tuple[str, str]]:
    """Choices for a model field; a callable, so that a new vendor makes no migration."""
    return [(key, get_connector(key).label) for key in CONNECTORS]
