"""The stretches of time that lists can be narrowed to."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

PERIODS = {
    "1h": (_("Last hour"), timedelta(hours=1)), "24h": (_("Last 24 hours"), timedelta(hours=24)),
    "7d": (_("Last 7 days"), timedelta(days=7)), "30d": (_("Last 30 days"), timedelta(days=30)),
}  # fmt: skip
