"""What the flows of this recipe work with, as a type: its two clients and its settings."""

from __future__ import annotations

from integration.connectors.maileon.client import MaileonClient
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import SyncSession
from integration.recipes.pipedrive_maileon.settings import Settings

Session = SyncSession[PipedriveClient, MaileonClient, Settings]
