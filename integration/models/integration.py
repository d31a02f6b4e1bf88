"""Integrations: a recipe installed for a tenant, with its two connections, settings and the runner's lease."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings as django_settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from integration.connectors.registry import CONNECTORS, get_connector
from integration.models.connection import Connection
from tenants.models import Tenant

if TYPE_CHECKING:
    from datetime import datetime


class State(models.TextChoices):
    """Where an integration stands. Only an active one syncs; events of a paused one wait."""

    DRAFT = "draft", _("Being set up")
    ACTIVE = "active", _("Active")
    PAUSED = "paused", _("Paused")
    UNINSTALLED = "uninstalled", _("Uninstalled")


class Integration(models.Model):
    """A recipe installed for a tenant. `left` and `right` are its connections in the recipe's order."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, verbose_name=_("tenant"), on_delete=models.CASCADE, related_name="integrations")
    recipe = models.CharField(verbose_name=_("recipe"), max_length=40)
    left = models.ForeignKey(Connection, verbose_name=_("left"), on_delete=models.PROTECT, related_name="+")
    right = models.ForeignKey(Connection, verbose_name=_("right"), on_delete=models.PROTECT, related_name="+")
    settings = models.JSONField(default=dict, blank=True)
    resources = models.JSONField(default=dict, editable=False)  # what provisioning made: field keys, option ids
    provisioning = models.JSONField(default=list, editable=False)  # the visible steps of the last save
    state = models.CharField(
        verbose_name=_("state"), max_length=20, choices=State.choices, default=State.DRAFT, editable=False
    )
    paused_by = models.ForeignKey(
        django_settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    paused_at = models.DateTimeField(null=True, editable=False)
    activated_at = models.DateTimeField(null=True, editable=False)
    uninstalled_at = models.DateTimeField(null=True, editable=False)  # when an uninstall had removed everything
    created_at = models.DateTimeField(auto_now_add=True)

    # Leases of engine/dispatch/leases.py: the runner's, so that records never race, and the set-up's.
    lease_token = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    provision_lease_token = models.CharField(max_length=32, blank=True, default="", db_default="", editable=False)
    provision_lease_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("integration")
        verbose_name_plural = _("integrations")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "recipe", "left", "right"),
                condition=~models.Q(state="uninstalled"),
                name="one_integration_per_recipe_and_accounts",
            ),
        )

    def __str__(self) -> str:
        names = (get_connector(key).label if key in CONNECTORS else key for key in self.recipe.split("_"))
        return f"{' and '.join(names)} of {self.tenant}"


class Cursor(models.Model):
    """How far a poll has read. The next one starts a little earlier (`overlap`), unchanged records cost nothing."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="cursors")
    name = models.CharField(max_length=60)
    position = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("cursor")
        verbose_name_plural = _("cursors")
        constraints = (models.UniqueConstraint(fields=("integration", "name"), name="one_cursor_per_name"),)

    def __str__(self) -> str:
        return f"{self.name} read up to {self.position:%Y-%m-%d %H:%M:%S} UTC"


class Doorbell(models.Model):
    """Says that a queue message for `key` is already on its way, so that a burst rings once. Rows are the truth."""

    key = models.CharField(max_length=60, primary_key=True)
    rung_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("doorbell")
        verbose_name_plural = _("doorbells")

    def __str__(self) -> str:
        return self.key
