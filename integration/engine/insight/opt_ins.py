"""Opt-in mails that nobody answers: no vendor says whether a mail went out, so what proves it is that people click.

A mailing that does not exist is accepted and sends nothing (maileon sheet, corrections). Read from the consent ledger.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q

from integration.engine.flow.recipe import Recipes
from integration.models import ConsentEntry, Integration

PERIOD = timedelta(days=7)  # that is looked at
PATIENCE = timedelta(days=1)  # people need time to read their mail
NEWEST = 200_000  # entries that are looked at, of all integrations


@dataclass(frozen=True)
class Unanswered:
    """So many people were asked by mail within `PERIOD`, and nobody has confirmed since."""

    integration: Integration
    asked: int


def unanswered(recipes: Recipes, now: datetime, only: Integration | None = None) -> list[Unanswered]:
    """The integrations, or this one, whose opt-in mails seem to reach nobody."""
    last = ConsentEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
    entries = ConsentEntry.objects.filter(id__gt=last - NEWEST, at__gt=now - PERIOD)
    if only is not None:
        entries = entries.filter(integration=only)
    became_long_ago: Counter[tuple[UUID, str]] = Counter()
    changed: Counter[tuple[UUID, str, str]] = Counter()
    by_change = entries.order_by().values_list("integration_id", "was", "became")
    for key, was, became, long_ago, count in by_change.annotate(
        long_ago=Count("id", filter=Q(at__lt=now - PATIENCE)), count=Count("id")
    ):
        became_long_ago[key, became] += long_ago
        changed[key, was, became] = count
    least = settings.ALERT_OPT_IN_MINIMUM
    many = {key for (key, _), count in became_long_ago.items() if count >= least}
    found: list[Unanswered] = []
    for row in Integration.objects.select_related("tenant").filter(pk__in=many):
        asked, confirmed = recipes(row.recipe).opt_in_states or ("", "")
        count, answers = became_long_ago[row.pk, asked], changed[row.pk, asked, confirmed]
        if asked and count >= least and not answers:
            found.append(Unanswered(row, count))
    return found
