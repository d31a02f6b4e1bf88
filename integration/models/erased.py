"""Addresses whose data was erased: a keyed hash each, so that nothing about them is taken in again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant


class ErasedAddress(models.Model):
    """One address of one tenant that must not come back. Lifting it leaves the row, with who did so and why."""

    tenant = models.ForeignKey(
        Tenant, verbose_name=_("tenant"), on_delete=models.CASCADE, related_name="erased_addresses"
    )
    email_hash = models.CharField(max_length=32)
    erased_at = models.DateTimeField(verbose_name=_("erased at"), default=timezone.now)
    erased_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("erased by")
    )  # nobody: the vendor told us that the person was deleted for good
    lifted_at = models.DateTimeField(verbose_name=_("lifted at"), null=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("lifted by")
    )
    lift_reason = models.CharField(verbose_name=_("reason"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("erased address")
        verbose_name_plural = _("erased addresses")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "email_hash"), condition=models.Q(lifted_at__isnull=True), name="one_open_erasure"
            ),
        )

    def __str__(self) -> str:
        return self.short

    @property
    def short(self) -> str:
        """The first digits of the keyed hash, to tell two entries apart."""
        return self.email_hash[:8]
