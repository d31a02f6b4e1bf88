"""Tenants (customer accounts) and members (users who may act for them)."""

from __future__ import annotations

import uuid
import zoneinfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models


def validate_timezone(name: str) -> None:
    """Accept only names of the IANA time zone database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name} is not a known time zone, for example Europe/Berlin.")


class Tenant(models.Model):
    """A customer account. Everything in `integration` hangs off one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="Europe/Berlin", validators=[validate_timezone])
    is_active = models.BooleanField(
        default=True, help_text="Off: nothing of this tenant is synced and nobody can sign in."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Member", related_name="tenants")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do: owners manage the team too, editors change settings, viewers look."""

    OWNER = "owner", "Owner"
    EDITOR = "editor", "Editor"
    VIEWER = "viewer", "Viewer"


class Member(models.Model):
    """A user who may act for a tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("tenant", "user"), name="one_membership_per_user_and_tenant"),)

    def __str__(self) -> str:
        return f"{self.user} at {self.tenant} ({self.get_role_display()})"
