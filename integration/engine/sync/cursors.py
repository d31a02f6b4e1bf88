"""How far each poll has read, in the vendor's time. A poll starts a little earlier: what is unchanged is cheap.

A cursor that lies in the future was written by a clock that was wrong. It says nothing of what was read, so the poll
starts where the last one began that did not.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from integration.models import Cursor, Integration, RunState, SyncRun

OVERLAP = timedelta(minutes=2)  # what the clocks differ unnoticed, and long transactions at a vendor


def since(integration: Integration, name: str, start: datetime) -> datetime:
    """Return the moment from which to read: the cursor less the overlap, or `start` for the first poll."""
    cursor = Cursor.objects.filter(integration=integration, name=name).first()
    if cursor is None:
        return start - OVERLAP
    if cursor.position > timezone.now() + OVERLAP:
        return _last_poll(integration, name, start) - OVERLAP
    return cursor.position - OVERLAP


def advance(integration: Integration, name: str, position: datetime) -> None:
    """Move the cursor forward; back only from the future."""
    cursor, created = Cursor.objects.get_or_create(integration=integration, name=name, defaults={"position": position})
    if not created:
        behind = Q(position__lt=position) | Q(position__gt=timezone.now() + OVERLAP)
        Cursor.objects.filter(behind, pk=cursor.pk).update(position=position)


def _last_poll(integration: Integration, name: str, start: datetime) -> datetime:
    """When the last finished poll began whose time can be true."""
    polls = SyncRun.objects.filter(integration=integration, kind="poll", flow=name, state=RunState.DONE)
    began = polls.filter(started_at__lte=timezone.now()).order_by("-started_at").values_list("started_at", flat=True)
    return began.first() or start
