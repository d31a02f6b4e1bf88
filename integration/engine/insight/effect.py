"""What a Fetch All would do, as its last dry run counted: shown before Start, in portal and console alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext, ngettext

from integration.engine.flow.base import Flow
from integration.engine.insight.moments import ago
from integration.models import Integration, Outcome, RunState, SyncRun

FRESH = timedelta(days=1)  # older ones say nothing of today


@dataclass(frozen=True)
class Effect:
    """How many opt-in emails one flow would send and how many records it would write. `at`: None, not counted yet."""

    label: str
    mails: int = 0
    changes: int = 0
    failures: int = 0
    asking: bool = False  # counted with opt-in emails allowed
    at: datetime | None = None

    @property
    def text(self) -> str:
        """It in one sentence."""
        if self.at is None:
            return gettext("Not counted yet. A dry run says how many records change and how many emails go out.")
        records = ngettext("{count} record changes", "{count} records change", self.changes)
        mails = ngettext("{count} opt-in email goes out", "{count} opt-in emails go out", self.mails)
        said = [records.format(count=f"{self.changes:,}"), mails.format(count=f"{self.mails:,}")]
        text = gettext("{what}, by the dry run {when}.").format(what=", ".join(said), when=ago(self.at))
        return f"{text} {self._with_mails}".strip()

    @property
    def _with_mails(self) -> str:
        return gettext("It was counted with opt-in emails allowed.") if self.asking else ""


def before_start(integration: Integration, flows: Sequence[Flow]) -> list[Effect]:
    """The effect of each flow, by its last dry run of today."""
    return [_effect(integration, flow) for flow in flows]


def _effect(integration: Integration, flow: Flow) -> Effect:
    rows = SyncRun.objects.filter(
        integration=integration, flow=flow.key, kind="fetch_all", dry_run=True, state=RunState.DONE,
        finished_at__gt=timezone.now() - FRESH,
    )  # fmt: skip
    run = rows.order_by("-pk").first()
    return Effect(str(flow.label)) if run is None else effect_of(run, flow)


def effect_of(run: SyncRun, flow: Flow) -> Effect:
    """What a dry run of this flow counted."""
    written = {key: count for key, count in run.counts.items() if ":" not in key}
    failed = sum(count for key, count in run.counts.items() if key.startswith(f"{Outcome.FAILED}:"))
    mails = sum(count for key, count in written.items() if key in flow.mailing_actions)
    asking = bool(run.options.get("allow_doi"))
    return Effect(str(flow.label), mails, sum(written.values()), failed, asking, run.finished_at)
