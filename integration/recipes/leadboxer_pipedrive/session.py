"""What the flows of this recipe work with, as a type: its two clients and its settings."""

from __future__ import annotations

from integration.connectors.leadboxer.client import LeadBoxerClient
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import SyncSession
from integration.recipes.leadboxer_pipedrive.settings import Settings

Session = SyncSession[LeadBoxerClient, PipedriveClient, Settings]
