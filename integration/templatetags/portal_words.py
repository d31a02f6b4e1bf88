"""Words for the tenant's pages: how long ago, and keys as people say them."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.timesince import timesince

register = template.Library()


@register.filter
def ago(moment: datetime | None) -> str:
    """`12 seconds ago`, `3 hours ago`; one unit is enough."""
    if moment is None:
        return ""
    seconds = max(int((timezone.now() - moment).total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} second{'' if seconds == 1 else 's'} ago"
    return f"{timesince(moment, depth=1)} ago".replace("\xa0", " ")


@register.filter
def words(key: str) -> str:
    """`mark_unsubscribed` becomes `Mark unsubscribed`."""
    return key.replace("_", " ").replace(":", ": ").strip().capitalize()
