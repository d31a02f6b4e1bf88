"""What happened to a contact, on its timeline: app events where HubSpot has approved them for our app, else a note.

Both are create-only. `again` says that an earlier try may have arrived: then it is looked up before it is repeated.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from django.conf import settings

from integration.connectors.hubspot.client import HubSpotClient


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `kind` is the event type's name, `key` is unique and the same at each try."""

    kind: str
    key: str
    at: datetime
    title: str
    facts: Mapping[str, str] = field(default_factory=dict)


class Timeline(Protocol):
    """A way to put an entry on a contact's timeline."""

    def add(self, contact_id: str, entry: Entry, *, again: bool) -> None:
        """Put the entry there, once."""


class AppEvents:
    """Events of our app (approval needed, hubspot sheet §6). Their id makes them unique."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client

    def add(self, contact_id: str, entry: Entry, *, again: bool) -> None:
        """Send the event; HubSpot itself refuses a second one with the same id."""
        self._client.send_event(entry.kind, entry.key, contact_id, entry.at, entry.facts)


class Notes:
    """A note, open to every app. It carries its key as a visible reference, because it has no other mark."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client

    def add(self, contact_id: str, entry: Entry, *, again: bool) -> None:
        """Write the note, unless an earlier try left it there."""
        if again and any(entry.key in note.body for note in self._client.get_notes(contact_id)):
            return
        self._client.create_note(contact_id, note_body(entry), entry.at)


def of(client: HubSpotClient) -> Timeline:
    """The way this hub uses: HUBSPOT_APP_EVENTS says that our app has its event types."""
    return AppEvents(client) if settings.HUBSPOT_APP_EVENTS else Notes(client)


def note_body(entry: Entry) -> str:
    """The note as HTML; everything that came from outside is escaped."""
    facts = "".join(f"<br>{html.escape(name)}: {html.escape(value)}" for name, value in entry.facts.items())
    return f"<strong>{html.escape(entry.title)}</strong>{facts}<br><em>Reference {html.escape(entry.key)}</em>"
