"""What changed at a vendor in the fields, options, stages and pipelines that an integration knows."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.models.integration import Integration


class ChangeKind(models.TextChoices):
    """What became of it."""

    NEW = "new", _("New")
    VANISHED = "vanished", _("Deleted")
    RENAMED = "renamed", _("Renamed")
    RETYPED = "retyped", _("Changed type")


class SchemaChange(models.Model):
    """One change, until it is mended or somebody has taken note of it.

    `place` is an object ("person") or a list that settings choose from ("choices:stages"); `option` is the key of a
    field's option. `concerns` names the mapping rows and settings that use it, `is_broken` says that they cannot go on.
    """

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="schema_changes")
    side = models.CharField(max_length=5)
    place = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    option = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=10, choices=ChangeKind.choices)
    label = models.CharField(max_length=200)
    before = models.CharField(max_length=200, blank=True)  # its former name or type
    concerns = models.JSONField(default=list)
    is_broken = models.BooleanField(default=False)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("schema change")
        verbose_name_plural = _("schema changes")
        constraints = (
            models.UniqueConstraint(
                fields=("integration", "side", "place", "key", "option"), name="one_schema_change_per_field"
            ),
        )
        indexes = (
            # The minute's evaluation of alerts.
            models.Index(fields=("integration",), condition=models.Q(is_broken=True), name="schema_broken"),
        )

    def __str__(self) -> str:
        return f"{self.label}: {self.get_kind_display()}"
