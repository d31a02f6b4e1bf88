"""The consent ledger: each change of a person's state of consent, once, never changed afterwards."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.models.integration import Integration


class ConsentEntry(models.Model):
    """One change: what it was and became, when, in which system it was said, and what told us.

    Holds a keyed hash, no address. It is the proof of a permission and of an opt-out, so neither retention nor an
    erasure removes it.
    """

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="consent")
    email_hash = models.CharField(max_length=32, blank=True)
    source_id = models.CharField(max_length=200)  # the record of the person
    was = models.CharField(max_length=20, blank=True)  # empty: not known before
    became = models.CharField(max_length=20)
    vendor = models.CharField(max_length=20)  # the system that said so
    cause = models.CharField(max_length=100)  # the vendor's event, or the run, that brought it
    event_id_seen = models.BigIntegerField(null=True)  # the event's number; its row is purged earlier
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("consent entry")
        verbose_name_plural = _("consent entries")
        indexes = (
            # "What did this person agree to?"
            models.Index(fields=("email_hash", "-id"), condition=~models.Q(email_hash=""), name="consent_by_email"),
            models.Index(fields=("integration", "source_id", "-id"), name="consent_by_record"),
        )

    def __str__(self) -> str:
        return f"{self.was or 'unknown'} → {self.became}"
