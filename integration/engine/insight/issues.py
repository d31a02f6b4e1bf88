"""The words of a status: the states, what fixes an issue, and the issues themselves. `status` decides which apply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class SyncState(TextChoices):
    """How an integration or a connection is doing. The last three are for connections only."""

    IN_SYNC = "in_sync", _("In sync")
    CATCHING_UP = "catching_up", _("Catching up")
    DELAYED = "delayed", _("Delayed")
    NEEDS_ATTENTION = "needs_attention", _("Needs attention")
    READY = "ready", _("Ready")
    PAUSED = "paused", _("Paused")
    SETTING_UP = "setting_up", _("Being set up")
    REMOVED = "removed", _("Uninstalled")
    CONNECTED = "connected", _("Connected")
    UNCHECKED = "unchecked", _("Not checked yet")
    DISCONNECTED = "disconnected", _("Disconnected")


# Of several integrations together, the first of these that occurs.
WORST_FIRST = (
    SyncState.NEEDS_ATTENTION, SyncState.DELAYED, SyncState.CATCHING_UP, SyncState.IN_SYNC, SyncState.READY,
    SyncState.PAUSED, SyncState.SETTING_UP,
)  # fmt: skip


class Mend(StrEnum):
    """What fixes an issue: a page of the tenant's or the console's, the operator of the hub, or only time."""

    ACCOUNT = "account"
    SETTINGS = "settings"
    MAPPING = "mapping"
    DECIDE = "decide"
    JOBS = "jobs"
    DRIFT = "drift"
    VENDOR = "vendor"
    OPERATOR = "operator"
    TIME = "time"


@dataclass(frozen=True)
class Issue:
    """One reason why not everything is in sync: `what` and `fix` are ours, `detail` may quote a vendor or a person.

    `code` is one of `integration.reasons`, of Diagnose's faults, or `step_failed` and `mapping_broken`. `count` says of
    how many records or changes it is true. With `mend` JOBS and DECIDE, `job_state` says how these jobs stand. `since`
    and `until` are in `what` too, in the tenant's zone.
    """

    code: str
    mend: Mend
    what: str
    fix: str = ""
    detail: str = ""
    count: int = 1
    side: str = ""
    job_state: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def sentence(self) -> str:
        """What it is, with what may only be read by those who may see people."""
        return f"{self.what} {self.detail}".strip()


@dataclass(frozen=True)
class Status:
    """The state, what a person must do (worst first), what delays the work, and what continues by itself."""

    state: SyncState
    issues: tuple[Issue, ...] = ()
    delays: tuple[Issue, ...] = ()
    progress: tuple[Issue, ...] = ()

    @property
    def wrong(self) -> tuple[Issue, ...]:
        """What keeps it from being in sync beyond its usual moment of work."""
        return (*self.issues, *self.delays)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of what is wrong."""
        return tuple(issue.code for issue in self.wrong)
