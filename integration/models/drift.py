"""Drift: what a comparison found to differ between the source, as the mapping says, and the target as it answered."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.models.integration import Integration
from integration.models.sync import SyncRun
from tenants.personal import mask_id


class DriftKind(models.TextChoices):
    """What a comparison can find."""

    DIFFERS = "differs", _("Different")
    ONLY_SOURCE = "only_source", _("Missing there")
    ONLY_TARGET = "only_target", _("Only there")


class DriftState(models.TextChoices):
    """Where a finding stands. One that is left is not asked about again until its values change."""

    OPEN = "open", _("Open")
    LEFT = "left", _("Left as it is")


class ComparedRecord(models.Model):
    """A target's record as a comparison read it, until the comparison is over: what the source says is held to it."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="compared")
    record_id = models.CharField(max_length=200)
    own_key = models.CharField(max_length=200, blank=True)  # our key of it, where the target keeps one
    email_hash = models.CharField(max_length=32, blank=True)
    values = models.JSONField(default=dict)  # field → value, of the fields that are compared
    version = models.DateTimeField(null=True)  # when it was changed last, where the vendor tells
    is_met = models.BooleanField(default=False)  # a record of the source goes with it

    class Meta:
        verbose_name = _("compared record")
        verbose_name_plural = _("compared records")
        indexes = (
            models.Index(fields=("run", "record_id"), name="compared_by_id"),
            models.Index(fields=("run", "own_key"), condition=~models.Q(own_key=""), name="compared_by_key"),
            models.Index(fields=("run", "email_hash"), condition=~models.Q(email_hash=""), name="compared_by_email"),
        )

    def __str__(self) -> str:
        return mask_id(self.record_id)


class Drift(models.Model):
    """One finding of a comparison: a field of a linked pair, or a record that only one side has.

    A row exists while the difference does: the comparison that finds both sides alike deletes it.
    """

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="drifts")
    run = models.ForeignKey(SyncRun, null=True, on_delete=models.SET_NULL, related_name="drifts")  # that saw it last
    flow = models.CharField(max_length=60)
    kind = models.CharField(max_length=12, choices=DriftKind.choices)
    source_id = models.CharField(max_length=200, blank=True)
    target_id = models.CharField(max_length=200, blank=True)
    email_hash = models.CharField(max_length=32, blank=True)
    field = models.CharField(max_length=200, blank=True)  # the target's key; empty for a whole record
    ours = models.JSONField(null=True)  # what the source and the mapping say, shortened and masked like the log
    theirs = models.JSONField(null=True)  # what the target answered, the same
    fingerprint = models.CharField(max_length=32, blank=True)  # keyed hash of both values, whole
    two_way = models.BooleanField(default=False)  # the target's value may be taken over
    state = models.CharField(max_length=5, choices=DriftState.choices, default=DriftState.OPEN)
    since = models.DateTimeField(verbose_name=_("since"), default=timezone.now)  # first found
    seen_at = models.DateTimeField(default=timezone.now)  # last found
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        constraints = (
            models.UniqueConstraint(
                fields=("integration", "flow", "source_id", "target_id", "field"), name="one_drift_per_record_and_field"
            ),
        )
        indexes = (
            # The status of a list of integrations, and the list of what is open.
            models.Index(fields=("integration", "flow"), condition=models.Q(state="open"), name="drift_open"),
            # What is held about a person.
            models.Index(fields=("email_hash",), condition=~models.Q(email_hash=""), name="drift_by_email"),
        )

    def __str__(self) -> str:
        return f"{mask_id(self.source_id or self.target_id)} {self.field or self.get_kind_display()}"
