"""Sync jobs, runs, vendor calls and the sync log."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.models.connection import Connection
from integration.models.integration import Integration
from integration.models.webhook import WebhookEvent
from tenants.personal import mask_id, mask_path


class JobState(models.TextChoices):
    """Where a job stands. A new event puts any state back to waiting."""

    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    DEAD = "dead", _("Dead")
    HELD = "held", _("Held")


class Unfinished(models.Func):
    """The condition of the jobs' partial index, word for word: SQLite recognises it only without parameters."""

    template = "%(expressions)s IN ('running', 'held', 'dead')"
    output_field = models.BooleanField()


class SyncJob(models.Model):
    """The wish "bring record X up to date in flow F". One row per record and flow; many events collapse into it."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="jobs")
    flow = models.CharField(max_length=60)
    external_id = models.CharField(max_length=200)
    event = models.ForeignKey(WebhookEvent, null=True, on_delete=models.SET_NULL, related_name="jobs")
    hint = models.JSONField(default=dict)  # what only the events knew: merges, last values of a deleted record
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.WAITING)
    reason = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(verbose_name=_("attempts"), default=0)  # counted when claimed
    crashes = models.PositiveIntegerField(default=0)  # times a worker died while holding it
    claim_token = models.CharField(max_length=32, blank=True)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("sync job")
        verbose_name_plural = _("sync jobs")
        constraints = (
            models.UniqueConstraint(fields=("integration", "flow", "external_id"), name="one_job_per_record_and_flow"),
        )
        indexes = (
            # The runner claims what is due, oldest first.
            models.Index(
                fields=("integration", "next_attempt_at"), condition=models.Q(state="waiting"), name="job_waiting"
            ),
            # /healthz asks for the one that is due longest, over all integrations.
            models.Index(fields=("next_attempt_at",), condition=models.Q(state="waiting"), name="job_due"),
            # Retention purge.
            models.Index(fields=("updated_at",), condition=models.Q(state="done"), name="job_done"),
            # The runner finds what a killed worker left behind; the console counts what needs somebody.
            models.Index(
                fields=("integration", "state"),
                condition=models.Q(state__in=("running", "held", "dead")),
                name="job_unfinished",
            ),
        )

    def __str__(self) -> str:
        return f"{self.flow} {mask_id(self.external_id)}"


RUN_KINDS = {
    "fetch_all": _("Fetch All"), "poll": _("Poll"), "reconcile": _("Reconcile"), "resync": _("Resync"),
    "replay": _("Replay"), "compare": _("Comparison"), "repair": _("Repair"),
}  # fmt: skip


class RunState(models.TextChoices):
    """Where a run stands."""

    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", _("Failed")


class SyncRun(models.Model):
    """One pass over many records: Fetch All, poll, reconcile, resync. Resumes from its cursor after a kill."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=20)
    flow = models.CharField(max_length=60)
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.WAITING)
    dry_run = models.BooleanField(default=False)
    options = models.JSONField(default=dict)
    cursor = models.JSONField(null=True)
    # Ids on the cursor's page that are done, while others are not.
    page_done = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    # Calls per side, cost per window, seconds at work, and the size of a page's parts.
    usage = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    total = models.PositiveIntegerField(null=True)
    done = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)  # outcome or "skipped:reason" → how many
    samples = models.JSONField(default=dict)  # the same key → a few records, dry run only
    problem = models.TextField(blank=True)
    cancel_requested = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("sync run")
        verbose_name_plural = _("sync runs")
        constraints = (
            models.UniqueConstraint(
                fields=("integration", "kind", "flow"),
                condition=models.Q(state__in=("waiting", "running")),
                name="one_unfinished_run_per_kind_and_flow",
            ),
        )
        indexes = (
            # The runner takes the next unfinished run.
            models.Index(
                fields=("integration", "next_attempt_at"),
                condition=models.Q(state__in=("waiting", "running")),
                name="run_unfinished",
            ),
            # Which polls have begun since the full hour?
            models.Index(fields=("kind", "created_at"), name="run_by_kind"),
            # When was this integration compared last?
            models.Index(
                fields=("integration", "finished_at"),
                condition=models.Q(kind="compare", state="done"),
                name="run_compared",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_label()} of {self.flow}"

    def get_kind_label(self) -> str:
        """The kind in words."""
        return str(RUN_KINDS.get(self.kind, self.kind))

    @property
    def rate(self) -> float:
        """Records per second so far."""
        if self.started_at is None:
            return 0.0
        seconds = ((self.finished_at or timezone.now()) - self.started_at).total_seconds()
        return self.done / seconds if seconds > 0 else 0.0


class VendorCall(models.Model):
    """One call to a vendor, redacted. Purged early; the log row keeps the outcome."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="calls")
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=1100)
    status = models.PositiveIntegerField()
    ms = models.PositiveIntegerField()
    request = models.TextField(blank=True)
    response = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("vendor call")
        verbose_name_plural = _("vendor calls")
        indexes = (
            models.Index(fields=("at",), name="call_at"),
            models.Index(fields=("connection", "-id"), name="call_by_connection"),
        )

    def __str__(self) -> str:
        return f"{self.method} {mask_path(self.path)} → {self.status or 'no answer'}"


class Outcome(models.TextChoices):
    """How it ended for one record."""

    SYNCED = "synced", _("Synced")
    SKIPPED = "skipped", _("Skipped")
    FAILED = "failed", _("Failed")
    RETRYING = "retrying", _("Trying again")
    HELD = "held", _("Held")


class SyncLog(models.Model):
    """What was done to one record, and why. Holds ids and keyed hashes; `changes` is wiped on erasure and uninstall."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="log")
    flow = models.CharField(max_length=60)
    source_id = models.CharField(max_length=200)
    target_id = models.CharField(max_length=200, blank=True)
    email_hash = models.CharField(max_length=32, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    action = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    changes = models.JSONField(default=dict)  # field → [old, new]
    event = models.ForeignKey(WebhookEvent, null=True, on_delete=models.SET_NULL, related_name="log")
    job = models.ForeignKey(SyncJob, null=True, on_delete=models.SET_NULL, related_name="log")
    run = models.ForeignKey(SyncRun, null=True, on_delete=models.SET_NULL, related_name="log")
    call = models.ForeignKey(VendorCall, null=True, on_delete=models.SET_NULL, related_name="log")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("sync log")
        verbose_name_plural = _("sync logs")
        permissions = (("see_personal_data", _("Can see personal data in the console")),)
        indexes = (
            # The activity of one integration, newest first.
            models.Index(fields=("integration", "-id"), name="log_by_integration"),
            # "What happened to ada@example.com?" and the same by id on either side.
            models.Index(fields=("email_hash", "-id"), condition=~models.Q(email_hash=""), name="log_by_email"),
            models.Index(fields=("source_id", "-id"), name="log_by_source"),
            models.Index(fields=("target_id", "-id"), condition=~models.Q(target_id=""), name="log_by_target"),
            # Front page and filters by outcome.
            models.Index(fields=("outcome", "-id"), name="log_by_outcome"),
            # Retention purge and charts.
            models.Index(fields=("created_at",), name="log_created"),
        )

    def __str__(self) -> str:
        return f"{self.flow} {mask_id(self.source_id)}: {self.outcome}"
