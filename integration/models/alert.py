"""Alerts: something that somebody should know, from its opening to its end, and each notice sent about it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.models.connection import Connection
from integration.models.integration import Integration
from tenants.models import Tenant
from tenants.personal import mask_words


class AlertKind(models.TextChoices):
    """What is watched."""

    CONNECTION = "connection", _("A connection needs new credentials")
    WAITING = "waiting", _("Changes wait too long")
    FAILURES = "failures", _("Many records fail")
    WORKER = "worker", _("No worker is alive")
    SILENT = "silent", _("A vendor has gone silent")
    BRAKE = "brake", _("A brake holds records")
    CLAIM = "claim", _("Somebody claims an account")
    UNANSWERED = "unanswered", _("Nobody confirms opt-in emails")
    SUNSET = "sunset", _("A vendor switches something off")
    SCHEMA = "schema", _("A field in use was deleted or changed")
    NOT_ROUTED = "not_routed", _("Changes cannot be read by this version")
    BREAK_GLASS = "break_glass", _("The break-glass account was used")


class Alert(models.Model):
    """One thing that is wrong with one subject. `subject` names it for the engine; the keys link it for people.

    Holds no personal data: `what` is made of our own words, counts, vendors' names and the tenant's.
    """

    kind = models.CharField(verbose_name=_("kind"), max_length=20, choices=AlertKind.choices)
    subject = models.CharField(max_length=60)  # "connection:<id>", "integration:<id>" or "hub"
    tenant = models.ForeignKey(
        Tenant, verbose_name=_("tenant"), null=True, on_delete=models.CASCADE, related_name="alerts"
    )
    integration = models.ForeignKey(Integration, null=True, on_delete=models.CASCADE, related_name="alerts")
    connection = models.ForeignKey(Connection, null=True, on_delete=models.CASCADE, related_name="alerts")
    what = models.CharField(max_length=300)
    reason = models.CharField(max_length=40, blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)  # when it was last found to be so
    last_notified_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "subject"),
                condition=models.Q(resolved_at__isnull=True),
                name="one_open_alert_per_subject",
            ),
        )
        indexes = (
            # The minute's evaluation, and what a subject had before.
            models.Index(fields=("subject", "-id"), name="alert_by_subject"),
            # Retention purge.
            models.Index(fields=("resolved_at",), name="alert_resolved"),
        )

    def __str__(self) -> str:
        return mask_words(self.what, self.get_kind_display())


class Channel(models.TextChoices):
    """Whom a notice goes to, and how."""

    OPERATORS = "operators", _("Email to operators")
    OWNERS = "owners", _("Email to the tenant's owners")
    WEBHOOK = "webhook", _("Outgoing webhook")


class Moment(models.TextChoices):
    """What a notice says."""

    OPENED = "opened", _("It has begun")
    REMINDER = "reminder", _("It is still so")
    RESOLVED = "resolved", _("It is over")


class NoticeState(models.TextChoices):
    """Where a notice stands. A waiting one is tried again by its row."""

    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    GIVEN_UP = "given_up", _("Given up")


class AlertNotice(models.Model):
    """One notice of an alert on one channel: the wish, its tries and what came of it."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="notices")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    moment = models.CharField(max_length=10, choices=Moment.choices)
    state = models.CharField(max_length=10, choices=NoticeState.choices, default=NoticeState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    problem = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("alert notice")
        verbose_name_plural = _("alert notices")
        indexes = (
            # The minute's delivery takes what is due.
            models.Index(fields=("next_attempt_at",), condition=models.Q(state="waiting"), name="notice_due"),
        )

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {self.get_moment_display()}"
