"""What a vendor will switch off: told in its answers, or known from its version calendar."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.connectors.registry import connector_choices


class VendorSunset(models.Model):
    """One kind of call that ends, or a version of the API. `seen_at` is when an answer last said so."""

    vendor = models.CharField(verbose_name=_("vendor"), max_length=30, choices=connector_choices)
    place = models.CharField(verbose_name=_("place"), max_length=200)  # "GET /api/v1/leads/…", or "API version 2026-09"
    ends_at = models.DateTimeField(null=True)  # None: deprecated, without a date
    link = models.CharField(max_length=400, blank=True)  # the vendor's page about it
    declared = models.BooleanField(default=False)  # by the connector's code, not by an answer
    first_seen_at = models.DateTimeField(verbose_name=_("first seen at"), default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("API sunset")
        verbose_name_plural = _("API sunsets")
        constraints = (models.UniqueConstraint(fields=("vendor", "place"), name="one_sunset_per_place"),)

    def __str__(self) -> str:
        return f"{self.get_vendor_display()}: {self.place}"
