"""What the flows of this recipe work with, as a type: its two clients and its settings."""

from __future__ import annotations

from integration.connectors.hubspot.client import HubSpotClient
from integration.connectors.maileon.client import MaileonClient
from integration.engine.api import SyncSession
from integration.recipes.hubspot_maileon.settings import Settings

Session = SyncSession[HubSpotClient, MaileonClient, Settings]
