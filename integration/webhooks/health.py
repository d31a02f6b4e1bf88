"""/healthz: is the hub doing its work? Judged by the age of what waits, not by which processes exist."""

from __future__ import annotations

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse

from integration.engine import sweeper

LATE = 300.0  # seconds


def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the database answers and nothing waits longer than five minutes, 503 otherwise."""
    try:
        waiting = sweeper.oldest_waiting_seconds()
        age = sweeper.sweeper_age()
    except DatabaseError:
        return JsonResponse({"ok": False, "database": False}, status=503)
    sweeper_seconds = round(age.total_seconds()) if age is not None else None
    ok = waiting < LATE
    body = {"ok": ok, "database": True, "oldest_waiting_seconds": round(waiting, 1), "sweeper_seconds": sweeper_seconds}
    return JsonResponse(body, status=200 if ok else 503)
