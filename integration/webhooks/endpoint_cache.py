"""The endpoint behind an address, remembered for a moment: a burst comes to few addresses.

What changed within that moment is seen where it matters: a call that does not prove itself makes us read afresh, and a
row that was deleted meanwhile refuses the event.
"""

from __future__ import annotations

import time

from django.conf import settings

from integration.models import Health, WebhookEndpoint

MOST = 10_000  # endpoints; then all are forgotten

remembered: dict[tuple[str, str], tuple[float, WebhookEndpoint]] = {}


def find(vendor: str, token: str, *, afresh: bool = False) -> WebhookEndpoint | None:
    """The endpoint of a connection that is not disconnected, with its connection; None for an unknown address."""
    now = time.monotonic()
    read_at, endpoint = remembered.get((vendor, token), (0.0, None))
    if endpoint is not None and not afresh and now - read_at < settings.INTAKE_MEMORY_SECONDS:
        return endpoint
    endpoint = (
        WebhookEndpoint.objects.select_related("connection")
        .defer("connection__credentials")
        .filter(token=token, connection__vendor=vendor)
        .exclude(connection__health=Health.DISCONNECTED)
        .first()
    )
    if endpoint is None:
        remembered.pop((vendor, token), None)
        return None
    if len(remembered) >= MOST:
        remembered.clear()
    remembered[vendor, token] = now, endpoint
    return endpoint
