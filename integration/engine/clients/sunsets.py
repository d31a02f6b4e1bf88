"""Keep what vendors say about the end of what we call, and say which ends are near."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from integration.connectors.base import Connector
from integration.http import Exchange
from integration.memory import TtlCache
from integration.models import Connection, Health, VendorSunset
from integration.sunset import Sunset, place_of

logger = logging.getLogger(__name__)

STILL_CALLED = timedelta(days=30)  # what was not called for so long has been replaced
_HOUR = 3600.0
noted: TtlCache[tuple[str, str], tuple[date | None]] = TtlCache(1_000, lambda: _HOUR)


def note(connection: Connection, exchange: Exchange) -> None:
    """Store what an answer said, at most once an hour per place and process.

    A database that cannot take it spoils no call that the vendor has answered: the next answer says it again.
    """
    if exchange.sunset is None:
        return
    place = place_of(exchange.method, exchange.path)
    ends_on = exchange.sunset.ends_at.date() if exchange.sunset.ends_at else None
    if noted.get((connection.vendor, place)) == (ends_on,):
        return
    try:
        with transaction.atomic():
            _store(connection.vendor, place, exchange.sunset, declared=False)
    except DatabaseError:
        logger.warning("sunset of %s %s was not stored", connection.vendor, place, exc_info=True)
        return
    noted.put((connection.vendor, place), (ends_on,))


def declare(connectors: Iterable[Connector]) -> None:
    """Store what the connectors know of their vendors' calendars, and forget what they no longer name."""
    for connector in connectors:
        for place, sunset in connector.sunsets.items():
            _store(connector.key, place, sunset, declared=True)
        VendorSunset.objects.filter(vendor=connector.key, declared=True).exclude(place__in=connector.sunsets).delete()


def _store(vendor: str, place: str, sunset: Sunset, *, declared: bool) -> None:
    said = {"ends_at": sunset.ends_at, "link": sunset.link, "declared": declared, "seen_at": timezone.now()}
    VendorSunset.objects.update_or_create(vendor=vendor, place=place, defaults=said)


def in_use(now: datetime) -> QuerySet[VendorSunset]:
    """What ends and is still called, the nearest end first; those without a date come last."""
    connected = Connection.objects.filter(vendor=OuterRef("vendor")).exclude(health=Health.DISCONNECTED)
    called = Q(declared=True) | Q(seen_at__gt=now - STILL_CALLED)
    return VendorSunset.objects.filter(called, Exists(connected)).order_by(
        F("ends_at").asc(nulls_last=True), "vendor", "place"
    )


def near(now: datetime) -> QuerySet[VendorSunset]:
    """Those that somebody should do something about: an end within `ALERT_SUNSET_DAYS`, or a call without a date."""
    soon = now + timedelta(days=settings.ALERT_SUNSET_DAYS)
    return in_use(now).filter(Q(ends_at__isnull=True) | Q(ends_at__lt=soon))
