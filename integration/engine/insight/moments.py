"""Moments in the words of a sentence: how long ago, and at what time in somebody's zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext


def ago(moment: datetime | None) -> str:
    """`12 seconds ago`, `3 hours ago`; one unit is enough."""
    return gettext("{time} ago").format(time=span(moment)) if moment else ""


def span(since: datetime) -> str:
    """How long ago, without the last word: `40 seconds`, `4 minutes`."""
    seconds = max(int((timezone.now() - since).total_seconds()), 0)
    if seconds < 60:
        return ngettext("{count} second", "{count} seconds", seconds).format(count=seconds)
    return timesince(since, depth=1).replace("\xa0", " ")


def clock(moment: datetime, zone: ZoneInfo) -> str:
    """`20:57`, on another day `28 Nov, 20:57`; the zone is named where it is not that of the pages."""
    local = moment.astimezone(zone)
    text = date_format(local, "H:i")
    if local.date() != timezone.now().astimezone(zone).date():
        text = date_format(local, "j M, H:i")
    shown = local.tzname()
    return text if shown == timezone.localtime(moment).tzname() else f"{text} {shown}"
