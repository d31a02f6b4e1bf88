"""What the flows of this recipe work with, as a type: its two clients and its settings."""

from __future__ import annotations

from integration.connectors.brevo.client import BrevoClient
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import SyncSession
from integration.recipes.pipedrive_brevo.settings import Settings

Session = SyncSession[PipedriveClient, BrevoClient, Settings]
