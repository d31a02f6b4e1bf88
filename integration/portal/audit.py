"""Who did what in the portal, in the same audit the console writes to."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model
from django.http import HttpRequest

from tenants import audit
from tenants.audit import Change


def note(request: HttpRequest, row: Model, message: str, changes: Mapping[str, Change] | None = None) -> None:
    """Add one audit line. `message` names no person: it outlives an erasure."""
    audit.record(message, row, changes=changes)
