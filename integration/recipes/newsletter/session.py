"""What the flows to and from Maileon work with, as a type: any source's client, Maileon's, and the common settings."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypeVar

from integration.connectors.maileon.client import MaileonClient
from integration.engine.api import SyncSession
from integration.recipes.newsletter.settings import Settings

L = TypeVar("L", default=Any)  # the source's client: what all recipes share asks nothing of it, whichever it is
S = TypeVar("S", bound=Settings, default=Settings)  # the recipe's settings

Session = SyncSession[L, MaileonClient, S]
