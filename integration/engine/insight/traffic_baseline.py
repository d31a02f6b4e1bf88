"""At which hours of the week a vendor usually calls an endpoint, so that an unusual silence is noticed.

Each hour of the week has a weight between 0 and 1: in what share of the past weeks something came in then. A silence is
unusual when the hours it has lasted add up to many that usually bring something: five working hours for an account
that is used by day, five weeks for one that gets an event a week.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from integration.models import WebhookEndpoint, WebhookHabit

HOUR = timedelta(hours=1)
WEEK = 7 * 24  # hours
LEAST = 0.3  # how much the newest week counts; so old weeks fade within two months
PORTION = 500


def update(now: datetime | None = None) -> int:
    """Note which endpoints were called in this hour and close the hour that is over. Returns how many rows changed."""
    hour = (now or timezone.now()).replace(minute=0, second=0, microsecond=0)
    changed, new = [], []
    unheard = Q(habit__heard=False, last_received_at__gte=hour)
    news = WebhookEndpoint.objects.filter(Q(habit__isnull=True) | Q(habit__hour__lt=hour) | unheard)
    for endpoint in news.defer("secret").select_related("habit").iterator(chunk_size=PORTION):
        row = getattr(endpoint, "habit", None)
        heard = endpoint.last_received_at is not None and endpoint.last_received_at >= hour
        if row is None:
            new.append(WebhookHabit(endpoint=endpoint, hour=hour, heard=heard, weights=[0.0] * WEEK))
        else:
            _note(row, hour, heard)
            changed.append(row)
    WebhookHabit.objects.bulk_create(new, ignore_conflicts=True, batch_size=PORTION)
    WebhookHabit.objects.bulk_update(changed, ["hour", "heard", "observed", "weights"], batch_size=PORTION)
    return len(new) + len(changed)


def _note(row: WebhookHabit, hour: datetime, heard: bool) -> None:
    """Bring one row up to this hour. Hours in which nobody looked teach nothing."""
    if row.hour == hour:
        row.heard = row.heard or heard
        return
    slot = _slot(row.hour)
    rate = max(LEAST, 1 / (row.observed // WEEK + 1))
    row.weights[slot] += rate * (float(row.heard) - row.weights[slot])
    row.hour, row.heard, row.observed = hour, heard, row.observed + 1


def missed(endpoint: WebhookEndpoint, now: datetime) -> float:
    """How many hours that usually bring something have passed since the last event; 0 in the first week.

    Load the endpoint with its `habit`.
    """
    row = getattr(endpoint, "habit", None)
    last = endpoint.last_received_at
    if row is None or last is None or row.observed < WEEK:
        return 0.0
    return float(sum(row.weights[_slot(hour)] for hour in _hours(last, now)))


def is_silent(endpoint: WebhookEndpoint, now: datetime) -> bool:
    """Whether the vendor has not called for unusually long. Load the endpoint with its `habit`."""
    limit: float = settings.ALERT_SILENT_HOURS
    return missed(endpoint, now) >= limit


def _hours(last: datetime, now: datetime) -> Iterable[datetime]:
    """The whole hours between the last event and now."""
    hour = last.replace(minute=0, second=0, microsecond=0) + HOUR
    while hour + HOUR <= now:
        yield hour
        hour += HOUR


def _slot(hour: datetime) -> int:
    return hour.weekday() * 24 + hour.hour
