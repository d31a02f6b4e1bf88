"""What the flows of this recipe work with, as a type: its two clients and its settings."""

from __future__ import annotations

from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.planhat.client import PlanhatClient
from integration.engine.api import SyncSession
from integration.recipes.planhat_pipedrive.settings import Settings

Session = SyncSession[PipedriveClient, PlanhatClient, Settings]
