"""How far each poll has read. A poll starts a little before its cursor, because unchanged records cost nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from integration.models import Cursor, Integration

OVERLAP = timedelta(minutes=2)  # vendor clocks and long vendor transactions


def since(integration: Integration, name: str, start: datetime) -> datetime:
    """Return the moment from which to read: the cursor less the overlap, or `start` for the first poll."""
    cursor = Cursor.objects.filter(integration=integration, name=name).first()
    return (cursor.position if cursor else start) - OVERLAP


def advance(integration: Integration, name: str, position: datetime) -> None:
    """Move the cursor forward; never back."""
    cursor, created = Cursor.objects.get_or_create(integration=integration, name=name, defaults={"position": position})
    if not created:
        Cursor.objects.filter(pk=cursor.pk, position__lt=position).update(position=position)
