"""Record links: which source record is which target record, and what we last wrote there."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.models.integration import Integration
from tenants.personal import mask_id


class LinkState(models.TextChoices):
    """Where a link stands.

    pending: a create-only call was announced with `marker`; its outcome is looked up before any second try.
    """

    PENDING = "pending", _("Pending")
    ACTIVE = "active", _("Active")
    REMOVED = "removed", _("Removed")


class RecordLink(models.Model):
    """Source record ↔ target record for one kind of pair (`link_type`), shared by the flows that work on it."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="links")
    link_type = models.CharField(max_length=40)
    source_id = models.CharField(max_length=200)
    target_id = models.CharField(max_length=200, blank=True)
    email_hash = models.CharField(max_length=32, blank=True)
    state = models.CharField(max_length=10, choices=LinkState.choices, default=LinkState.ACTIVE)
    marker = models.CharField(max_length=80, blank=True)
    written_hash = models.CharField(max_length=64, blank=True)
    written = models.JSONField(default=dict)  # target field → value we last wrote
    notes = models.JSONField(default=dict)  # the flow's own memory, for example the state of consent
    # The source's record that this one belongs to: a person's organization. Out of the notes, for look-ups.
    parent_id = models.CharField(max_length=200, blank=True, default="", db_default="")
    source_version = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("record link")
        verbose_name_plural = _("record links")
        constraints = (
            models.UniqueConstraint(
                fields=("integration", "link_type", "source_id"), name="one_link_per_source_record"
            ),
        )
        indexes = (
            models.Index(
                fields=("integration", "link_type", "target_id"),
                condition=~models.Q(target_id=""),
                name="link_by_target",
            ),
            # What belongs to this organization?
            models.Index(fields=("integration", "link_type", "parent_id"), name="link_by_parent"),
            # Duplicates of one address, and the way back from a vendor event that knows only the address.
            models.Index(
                fields=("integration", "link_type", "email_hash"),
                condition=~models.Q(email_hash=""),
                name="link_by_email",
            ),
        )

    def __str__(self) -> str:
        return f"{mask_id(self.source_id)} ↔ {mask_id(self.target_id) or self.get_state_display()}"
