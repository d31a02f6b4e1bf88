"""Who did what in the portal, in the same audit list the console writes to."""

from __future__ import annotations

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest

from config.texts import english


def note(request: HttpRequest, row: Model, message: str) -> None:
    """One audit line. `message` names no person: it outlives an erasure."""
    with english():
        LogEntry.objects.create(
            user_id=request.user.pk or 0,
            content_type=ContentType.objects.get_for_model(type(row)),
            object_id=str(row.pk),
            object_repr=str(row)[:200],
            action_flag=CHANGE,
            change_message=message,
        )
