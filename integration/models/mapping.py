"""Field mappings: one row of a flow, editable by the tenant."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from integration.models.integration import Integration


class Direction(models.TextChoices):
    """Which way a field travels, seen from the source of its flow."""

    FORWARD = "forward", "→"
    BACKWARD = "backward", "←"
    BOTH = "both", "↔"
    OFF = "off", _("off")


class FieldMapping(models.Model):
    """Source path → transform → target field. `problem` says why a row is broken; the other rows still travel."""

    integration = models.ForeignKey(
        Integration, verbose_name=_("integration"), on_delete=models.CASCADE, related_name="mappings"
    )
    flow = models.CharField(verbose_name=_("flow"), max_length=60)
    position = models.PositiveIntegerField(default=0)
    source = models.CharField(
        verbose_name=_("source"),
        max_length=200,
        help_text=_("Source path, for example custom_fields.<key> or org_id.name."),
    )
    transform = models.CharField(verbose_name=_("transform"), max_length=30, default="text")
    options = models.JSONField(
        default=dict, blank=True, help_text=_("What the transform needs, for example the constant.")
    )
    target = models.CharField(verbose_name=_("target"), max_length=200)
    direction = models.CharField(
        verbose_name=_("direction"), max_length=10, choices=Direction.choices, default=Direction.FORWARD
    )
    only_create = models.BooleanField(
        verbose_name=_("only create"), default=False, help_text=_("Write this field only when the record is created.")
    )
    default = models.CharField(
        verbose_name=_("default"), max_length=255, blank=True, help_text=_("Written when the source value is empty.")
    )
    required_by_recipe = models.BooleanField(default=False, editable=False)
    problem = models.CharField(max_length=300, blank=True, editable=False)

    class Meta:
        verbose_name = _("field mapping")
        verbose_name_plural = _("field mappings")
        ordering = ("flow", "position", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("integration", "flow", "target"),
                condition=~models.Q(direction="off"),
                name="one_source_per_target_field",
            ),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.get_direction_display()} {self.target}"
