"""The endpoint behind an address, remembered for a moment: a burst comes to few addresses.

What changed within that moment is seen where it matters: a call that does not prove itself makes us read afresh, and a
row that was deleted meanwhile refuses the event.
"""

from __future__ import annotations

from django.conf import settings

from integration.memory import TtlCache
from integration.models import Health, WebhookEndpoint

MOST = 10_000  # endpoints

remembered: TtlCache[tuple[str, str], WebhookEndpoint] = TtlCache(MOST, lambda: settings.INTAKE_MEMORY_SECONDS)


def find(vendor: str, token: str, *, afresh: bool = False) -> WebhookEndpoint | None:
    """The endpoint of a connection that is not disconnected, with its connection; None for an unknown address."""
    known = None if afresh else remembered.get((vendor, token))
    if known is not None:
        return known
    endpoint = (
        WebhookEndpoint.objects.select_related("connection")
        .defer("connection__credentials")
        .filter(token=token, connection__vendor=vendor)
        .exclude(connection__health=Health.DISCONNECTED)
        .first()
    )
    if endpoint is None:
        remembered.forget((vendor, token))
        return None
    remembered.put((vendor, token), endpoint)
    return endpoint
