"""/livez, /readyz and /healthz: does the process answer, can it take webhooks in, and is the hub doing its work?

Load balancers ask the first two, monitoring the third: a dead worker must never take the intake out of rotation.
"""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError
from django.db import connection as database
from django.http import HttpRequest, JsonResponse

from integration.engine.dispatch import heartbeat, sweeper
from integration.engine.dispatch.heartbeat import Pulse
from integration.engine.insight import status
from integration.engine.insight.issues import SyncState
from integration.memory import TtlCache
from integration.recipes.registry import get_recipe

_state: TtlCache[str, tuple[SyncState | None]] = TtlCache(1, lambda: settings.HEALTH_MEMORY_SECONDS)


def livez(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all; asks nobody."""
    return JsonResponse({"ok": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 while webhooks can be stored, which needs the database and nothing else; 503 otherwise."""
    try:
        with database.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"ok": False, "database": False}, status=503)
    return JsonResponse({"ok": True, "database": True})


def _overall() -> SyncState | None:
    """The worst state of all, remembered for a moment: anybody may ask, and it is computed from every integration."""
    known = _state.get("all")
    if known is None:
        known = (status.overall(get_recipe),)
        _state.put("all", known)
    return known[0]


def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the database answers, a worker lives and nothing waits longer than five minutes, 503 otherwise.

    `worker` is null in the first moment and while nothing is switched on: then nobody can say, or need not.
    `state` is the worst of all integrations: what needs a tenant's attention is no reason to restart the hub.
    """
    try:
        waiting = sweeper.oldest_waiting_seconds()
        age = sweeper.sweeper_age()
        pulse = heartbeat.heard().pulse
        state = _overall()
    except DatabaseError:
        return JsonResponse({"ok": False, "database": False}, status=503)
    worker = None if pulse == Pulse.STARTING else pulse == Pulse.ALIVE
    ok = pulse != Pulse.GONE and not status.is_too_late(waiting)
    body = {
        "ok": ok, "database": True, "worker": worker, "state": state, "oldest_waiting_seconds": round(waiting, 1),
        "sweeper_seconds": round(age.total_seconds()) if age is not None else None,
    }  # fmt: skip
    return JsonResponse(body, status=200 if ok else 503)
