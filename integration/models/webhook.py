"""The inbox: endpoints vendors call, the webhooks we made at the vendors, and every verified notification."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

from integration.models.connection import Connection
from integration.models.fields import EncryptedJSONField
from integration.reasons import Reason
from tenants.personal import mask_id


def new_token() -> str:
    """Return an unguessable path token."""
    return secrets.token_urlsafe(24)


class WebhookEndpoint(models.Model):
    """One URL of ours that a vendor calls for one connection. Its old secret stays valid for a while after rotation."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="endpoint")
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    secret = EncryptedJSONField(default=dict, editable=False)  # {"current": ..., "previous": ...}
    previous_valid_until = models.DateTimeField(null=True, editable=False)
    last_received_at = models.DateTimeField(null=True, editable=False)
    refused = models.PositiveIntegerField(default=0, editable=False)  # calls that did not prove where they come from
    last_refused_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")

    def __str__(self) -> str:
        return f"Endpoint of {self.connection}"


class WebhookHabit(models.Model):
    """At which hours of the week an endpoint is usually called. Apart from the endpoint, whose row the intake writes.

    `weights` has one share of weeks for each hour of the week (UTC, Monday first); `hour` is the one being watched.
    """

    endpoint = models.OneToOneField(WebhookEndpoint, on_delete=models.CASCADE, related_name="habit")
    weights = models.JSONField(default=list)
    hour = models.DateTimeField()
    heard = models.BooleanField(default=False)
    observed = models.PositiveIntegerField(default=0)  # hours so far

    class Meta:
        verbose_name = _("webhook habit")
        verbose_name_plural = _("webhook habits")

    def __str__(self) -> str:
        return f"Habit of {self.endpoint}"


class RemoteSubscription(models.Model):
    """A webhook we created at the vendor. One per connection and event serves every integration on it."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="subscriptions")
    event = models.CharField(max_length=80)
    external_id = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("remote subscription")
        verbose_name_plural = _("remote subscriptions")
        constraints = (models.UniqueConstraint(fields=("connection", "event"), name="one_subscription_per_event"),)

    def __str__(self) -> str:
        return f"{self.event} at {self.connection}"


LONGEST_ID = 200  # characters of a record's id at a vendor; a longer one is none


class EventState(models.TextChoices):
    """What became of a notification."""

    NEW = "new", _("New")
    ROUTED = "routed", _("Routed")
    IGNORED = "ignored", _("Ignored")
    HELD = "held", _("Held")  # only integrations of recipes that this version of the code does not have wait for it


UNROUTED = (EventState.NEW, EventState.HELD)  # their work is still to be done


class WebhookEvent(models.Model):
    """One verified notification as it came in. Committed before the vendor gets its 2xx."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="events")
    vendor_event = models.CharField(verbose_name=_("vendor event"), max_length=80)
    object_type = models.CharField(max_length=40)
    external_id = models.CharField(max_length=200, blank=True)
    email_hash = models.CharField(max_length=32, blank=True)
    dedupe_key = models.CharField(max_length=200)
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(auto_now_add=True)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=EventState.choices, default=EventState.NEW)
    deferred = models.BooleanField(
        default=False, db_default=False
    )  # its tenant sent very much: others are routed first
    reason = models.CharField(max_length=40, blank=True)
    routed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        constraints = (models.UniqueConstraint(fields=("connection", "dedupe_key"), name="one_event_per_dedupe_key"),)
        indexes = (
            # The router takes the oldest new events, the deferred ones last.
            models.Index(fields=("deferred", "id"), condition=models.Q(state="new"), name="event_new"),
            # What this version of the code could not route: the sweeper looks whether it can now, an alert tells.
            models.Index(
                fields=("connection", "-id"),
                condition=models.Q(reason__in=(Reason.INTERNAL_ERROR.value, Reason.RECIPE_UNKNOWN.value)),
                name="event_not_routed",
            ),
            # "What happened to this record?" and the person page.
            models.Index(fields=("connection", "external_id", "-id"), name="event_by_record"),
            models.Index(fields=("email_hash", "-id"), condition=~models.Q(email_hash=""), name="event_by_email"),
            # Retention purge.
            models.Index(fields=("received_at",), name="event_received"),
        )

    def __str__(self) -> str:
        return f"{self.vendor_event} {mask_id(self.external_id)}"
