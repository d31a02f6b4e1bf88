"""Tenants (customer accounts) and members (users who may act for them)."""

from __future__ import annotations

import uuid
import zoneinfo
from collections.abc import Iterable

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.audit import AuditEntry
from tenants.personal import mask

__all__ = ["AuditEntry", "Invitation", "Member", "Misses", "Role", "Tenant", "VendorIdentity", "validate_timezone"]


def validate_timezone(name: str) -> None:
    """Accept only names of the IANA time zone database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(gettext("{name} is not a known time zone, for example Europe/Berlin.").format(name=name))


class Tenant(models.Model):
    """A customer account. Everything in `integration` hangs off one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(verbose_name=_("name"), max_length=200)
    timezone = models.CharField(
        verbose_name=_("timezone"), max_length=64, default="Europe/Berlin", validators=[validate_timezone]
    )
    is_active = models.BooleanField(
        verbose_name=_("is active"),
        default=True,
        help_text=_("When this is off, nothing of this tenant is synced, and nobody can sign in."),
    )
    requires_second_factor = models.BooleanField(
        verbose_name=_("requires a second factor"),
        default=False,
        help_text=_("When this is on, each member needs an authenticator app. Owners decide it on their Team page."),
    )
    created_at = models.DateTimeField(verbose_name=_("created at"), auto_now_add=True)
    # Closing: since when it is under way, who works on it until when, what was removed so far, and when it was over.
    closing_since = models.DateTimeField(null=True, editable=False)
    closing_busy_until = models.DateTimeField(null=True, editable=False)
    closing_report = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Member", related_name="tenants")

    class Meta:
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        ordering = ("name",)
        permissions = (("view_as_tenant", _("Can see the portal as a tenant does")),)

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone people of this tenant read times in."""
        return zoneinfo.ZoneInfo(self.timezone)


class Role(models.TextChoices):
    """What a member may do: owners manage the team too, editors change settings, viewers look."""

    OWNER = "owner", _("Owner")
    EDITOR = "editor", _("Editor")
    VIEWER = "viewer", _("Viewer")


class Member(models.Model):
    """A user who may act for a tenant."""

    tenant = models.ForeignKey(Tenant, verbose_name=_("tenant"), on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(verbose_name=_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(verbose_name=_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = (models.UniqueConstraint(fields=("tenant", "user"), name="one_membership_per_user_and_tenant"),)

    def __str__(self) -> str:
        return f"{mask(str(self.user))}, {self.tenant} ({self.get_role_display()})"


class VendorIdentity(models.Model):
    """A vendor's user who may sign in with that vendor's consent page. Matched by the vendor's ids, never by e-mail."""

    vendor = models.CharField(max_length=30)
    account_id = models.CharField(max_length=100)
    vendor_user_id = models.CharField(max_length=100)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="vendor_identities")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("vendor identity")
        verbose_name_plural = _("vendor identities")
        constraints = (
            models.UniqueConstraint(
                fields=("vendor", "account_id", "vendor_user_id"), name="one_user_per_vendor_identity"
            ),
        )

    def __str__(self) -> str:
        return f"{self.vendor} {self.account_id}-{self.vendor_user_id}"


class OperatorIdentity(models.Model):
    """An operator at the identity provider. Matched by the provider's ids, never by e-mail."""

    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="operator_identity")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("operator identity")
        verbose_name_plural = _("operator identities")
        constraints = (models.UniqueConstraint(fields=("issuer", "subject"), name="one_user_per_operator_identity"),)

    def __str__(self) -> str:
        return f"{self.issuer} {mask(self.subject)}"


class Invitation(models.Model):
    """An offer to join a tenant, made by a link that works once. Of its token only a hash is kept."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="invitations_sent"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="invitations_accepted"
    )
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{mask(self.email)}, {self.tenant} ({self.get_role_display()})"

    @property
    def closed_because(self) -> str:
        """Why it cannot be accepted any more; empty while it can."""
        if self.accepted_at:
            return gettext("This invitation has been used already.")
        if self.revoked_at:
            return gettext("This invitation was withdrawn.")
        if self.expires_at <= timezone.now():
            return gettext("This invitation has expired.")
        return (
            ""
            if self.tenant.is_active
            else gettext("{tenant} is switched off at the moment.").format(tenant=self.tenant.name)
        )


class Session(AbstractBaseSession):
    """A session: whose it is, since when, and what its owner needs to recognise it by. All of it goes with the session.

    Of the browser only its name and system are kept, of the address only the network. `handle` names the session on
    pages, where its key must not be.
    """

    handle = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="sessions")
    console = models.BooleanField(default=False)  # its owner works in the console: the shorter limits hold
    device = models.CharField(max_length=60, default="", blank=True)
    network = models.CharField(max_length=60, default="", blank=True)
    started_at = models.DateTimeField(default=timezone.now)  # when somebody last proved who they are
    last_used_at = models.DateTimeField(default=timezone.now)

    class Meta(AbstractBaseSession.Meta):
        abstract = False

    def __str__(self) -> str:
        return str(self.handle)

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """What reads its data."""
        from tenants.session_store import SessionStore  # noqa: PLC0415 - the store imports this module

        return SessionStore

    def save(
        self,
        *,
        force_insert: bool | tuple[models.base.ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Write what a request changes, and leave what the limits are counted from alone."""
        fields = ("session_data", "expire_date", "user") if force_update else update_fields
        super().save(force_insert=force_insert, force_update=force_update, using=using, update_fields=fields)


class Misses(models.Model):
    """Wrong guesses within a quarter of an hour, by the keyed hash of who, where or both (`tenants.guessing`)."""

    key = models.CharField(max_length=40, unique=True)
    count = models.PositiveIntegerField(default=0)
    began_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("misses")
        verbose_name_plural = _("misses")

    def __str__(self) -> str:
        return f"{self.count} since {self.began_at:%H:%M}"
