"""Connections: a tenant's authorised account at a vendor, its health, its rate budgets and its known fields."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.connectors.base import Account, Connector, Credentials
from integration.connectors.registry import connector_choices, get_connector
from integration.errors import AuthError
from integration.models.fields import EncryptedJSONField, UnreadableSecret
from integration.reasons import Reason
from tenants.models import Tenant
from tenants.personal import mask


class Health(models.TextChoices):
    """Whether the vendor accepts us. Jobs of a connection that needs a person are held, not failed."""

    UNCHECKED = "unchecked", _("Not checked yet")
    OK = "ok", _("Connected")
    NEEDS_YOU = "needs_you", _("Needs attention")
    DISCONNECTED = "disconnected", _("Disconnected")


class Connection(models.Model):
    """A tenant's account at a vendor. Credentials are encrypted and never shown again after saving."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, verbose_name=_("tenant"), on_delete=models.CASCADE, related_name="connections")
    vendor = models.CharField(verbose_name=_("vendor"), max_length=30, choices=connector_choices)
    base_url = models.CharField(verbose_name=_("base url"), max_length=300)
    auth_kind = models.CharField(max_length=20)
    credentials = EncryptedJSONField(default=dict, editable=False)
    credentials_hint = models.CharField(max_length=20, blank=True, editable=False)
    credentials_changed_at = models.DateTimeField(null=True, editable=False)
    token_expires_at = models.DateTimeField(null=True, editable=False)
    refresh_lease_token = models.CharField(max_length=32, blank=True, default="", db_default="", editable=False)
    refresh_lease_until = models.DateTimeField(null=True, editable=False)

    external_account_id = models.CharField(max_length=100, blank=True, editable=False)
    account_name = models.CharField(max_length=200, blank=True, editable=False)
    account_details = models.JSONField(default=dict, editable=False)
    # With OAuth: the vendor's id of the user who consented, and whether the vendor last named them as an administrator
    # of the account. None: it was never told.
    consent_user_id = models.CharField(max_length=100, blank=True, default="", db_default="", editable=False)
    administered = models.BooleanField(null=True, editable=False)

    health = models.CharField(max_length=20, choices=Health.choices, default=Health.UNCHECKED, editable=False)
    health_reason = models.CharField(max_length=40, blank=True, editable=False)
    health_detail = models.TextField(blank=True, editable=False)
    health_changed_at = models.DateTimeField(null=True, editable=False)
    last_checked_at = models.DateTimeField(null=True, editable=False)

    not_before = models.DateTimeField(
        null=True, editable=False
    )  # no call before this: the vendor or our budget says so
    pause_spares_urgent = models.BooleanField(default=False, db_default=False, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)  # consecutive transient failures (breaker)
    # The vendor's own word: its last good answer, calls since then that brought none, and the first of these.
    last_answer_at = models.DateTimeField(null=True, editable=False)
    unanswered = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    clock_ahead = models.FloatField(default=0.0, db_default=0.0, editable=False)  # seconds our clock is before theirs
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "vendor", "external_account_id"),
                condition=~models.Q(external_account_id="") & ~models.Q(health="disconnected"),
                name="one_connection_per_vendor_account",
            ),
        )
        indexes = (
            # The sweeper asks for OAuth tokens that run out soon.
            models.Index(
                fields=("token_expires_at",),
                condition=models.Q(token_expires_at__isnull=False),
                name="connection_token_expiry",
            ),
            # The intake finds the connections of the account that an event names.
            models.Index(fields=("vendor", "external_account_id"), name="connection_by_account"),
        )

    def __str__(self) -> str:
        return f"{self.connector.label}: {mask(self.account_name) or 'not checked'}"

    @property
    def connector(self) -> Connector:
        """The vendor's connector."""
        return get_connector(self.vendor)

    def their_time(self, moment: datetime) -> datetime:
        """What the vendor's clock said at a moment of ours, as far as its last answer tells: good to some seconds."""
        return moment - timedelta(seconds=self.clock_ahead)

    @property
    def plain_credentials(self) -> Credentials:
        """The decrypted credentials, to open a client with. Raises AuthError when no configured key opens them."""
        if isinstance(self.credentials, UnreadableSecret):
            raise AuthError("The stored credentials cannot be decrypted.", reason=Reason.SECRET_UNREADABLE)
        return Credentials(kind=self.auth_kind, base_url=self.base_url, values=self.credentials)

    def is_another(self, account: Account) -> bool:
        """Whether this is not the account we know; one that the vendor does not name may be it."""
        return bool(account.external_id) and self.external_account_id not in ("", account.external_id)

    def take_account(self, account: Account) -> tuple[str, ...]:
        """Take over what the vendor says of the account (not saved yet). Returns the columns it is kept in."""
        self.external_account_id = account.external_id or self.external_account_id  # not every vendor tells it always
        self.account_name = account.name[:200]
        self.account_details = dict(account.details)
        if account.administered is not None and account.details.get("user_id", "") in ("", self.consent_user_id):
            self.administered = account.administered  # of somebody else's tokens nothing follows for this consent
        return ("external_account_id", "account_name", "account_details", "administered")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the account counts its days: the vendor's word, else the tenant's."""
        try:
            return ZoneInfo(str(self.account_details.get("time_zone") or self.tenant.timezone))
        except (ZoneInfoNotFoundError, ValueError):
            return self.tenant.zone

    @property
    def usable(self) -> bool:
        """Whether calls may be made at all."""
        return self.health in (Health.OK, Health.UNCHECKED)

    @property
    def health_said(self) -> str:
        """What a tenant may read of the detail: its first line. The vendor's own words follow there for operators."""
        return self.health_detail.partition("\n")[0]

    def replace_secret(self, secret: str) -> None:
        """Set another key of the same kind (not saved yet); what the connector asks for beside it stays."""
        known = {} if isinstance(self.credentials, UnreadableSecret) else self.credentials
        beside = {name: known[name] for name in self.connector.asks if name in known}
        self.store_credentials({self.auth_kind: secret, **beside}, secret)

    def store_credentials(self, values: dict[str, str], shown: str) -> None:
        """Set new credentials (not saved yet); `shown` is the secret whose last characters identify it to people."""
        self.credentials = values
        self.credentials_hint = f"…{shown[-4:]}" if len(shown) >= 12 else "…"
        self.credentials_changed_at = timezone.now()


class RateBudget(models.Model):
    """What is left of one of a connection's budgets, as the vendor last said or as we count it."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="budgets")
    window = models.CharField(max_length=30)
    limit = models.FloatField(null=True)
    remaining = models.FloatField()
    resets_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("rate budget")
        verbose_name_plural = _("rate budgets")
        constraints = (models.UniqueConstraint(fields=("connection", "window"), name="one_budget_per_window"),)

    def __str__(self) -> str:
        return f"{self.window}: {self.remaining:g} left"


class ReferenceCache(models.Model):
    """A small list of a vendor's account kept for a while: its fields, its users, names of organizations.

    `kind` names the list ("fields:person", "users"); `entries` maps a key to plain data.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="reference_lists")
    kind = models.CharField(max_length=60)
    entries = models.JSONField(default=dict)
    fetched_at = models.DateTimeField()

    class Meta:
        verbose_name = _("reference cache")
        verbose_name_plural = _("reference caches")
        db_table = "integration_directory"
        constraints = (models.UniqueConstraint(fields=("connection", "kind"), name="one_directory_per_kind"),)

    def __str__(self) -> str:
        return f"{self.kind} ({len(self.entries)})"


class IdentityIndex(models.Model):
    """Which record of a vendor carries which e-mail address (keyed hash), kept from lists and events.

    Search costs twenty times a read at Pipedrive, so look-ups by address come here first.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="identities")
    object_type = models.CharField(max_length=30)
    email_hash = models.CharField(max_length=32)
    external_id = models.CharField(max_length=200)
    is_primary = models.BooleanField(default=True)
    note = models.CharField(max_length=40, blank=True)  # what the flow wants to know without a read, e.g. a permission
    seen_at = models.DateTimeField(default=timezone.now)  # of people at a source: when this was found to be so

    class Meta:
        verbose_name = _("identity index")
        verbose_name_plural = _("identity index rows")
        db_table = "integration_emailindex"
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "object_type", "email_hash", "external_id"), name="one_email_index_row_per_record"
            ),
        )
        indexes = (
            # Replaces the rows of one record when it is read again.
            models.Index(fields=("connection", "object_type", "external_id"), name="email_index_by_record"),
        )

    def __str__(self) -> str:
        return f"{self.object_type} {self.external_id}"
