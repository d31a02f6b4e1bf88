"""Brakes: what an integration did lately that must never run away, and whether it waits for a person because of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.models.integration import Integration


class BrakeKind(models.TextChoices):
    """What is counted."""

    REMOVALS = "removals", _("Records taken away")
    OPT_IN_MAILS = "mails", _("Opt-in emails")


class Brake(models.Model):
    """One count of one integration. `allowance` is how many more a person has let through, whatever the count says."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="brakes")
    kind = models.CharField(max_length=20, choices=BrakeKind.choices)
    window_at = models.DateTimeField(default=timezone.now)  # when the present count began
    count = models.PositiveIntegerField(default=0)
    tripped_at = models.DateTimeField(null=True, db_column="engaged_at")  # since when a person is asked
    allowance = models.PositiveIntegerField(default=0)
    released_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        verbose_name = _("brake")
        verbose_name_plural = _("brakes")
        constraints = (models.UniqueConstraint(fields=("integration", "kind"), name="one_brake_per_kind"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.integration}"
