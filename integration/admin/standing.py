"""Where an integration stands, in the words of the design: In step, Catching up, Needs you, Paused, Being set up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from integration.admin.core import html
from integration.admin.core.html import Badge
from integration.admin.core.masking import mask, mask_words
from integration.admin.lists.job import Unfinished
from integration.models import Health, Integration, JobState, RunState, State, SyncJob, SyncRun

LATE = timedelta(minutes=1)  # what waits longer than this is a backlog
IN_STEP = Badge(html.GREEN, "check_circle", "In step")
CATCHING_UP = Badge(html.BLUE, "autorenew", "Catching up")
NEEDS_YOU = Badge(html.AMBER, "error", "Needs you")
PAUSED = Badge(html.GREY, "pause_circle", "Paused")
SETTING_UP = Badge(html.GREY, "construction", "Being set up")
UNINSTALLED = Badge(html.GREY, "delete", "Uninstalled")
BY_KEY = {"needs_you": NEEDS_YOU, "catching_up": CATCHING_UP, "in_step": IN_STEP, "paused": PAUSED, "draft": SETTING_UP}


def with_standing(rows: QuerySet[Integration]) -> QuerySet[Any]:
    """Add what `standing` asks, as index probes of the same query; never the connections' credentials."""
    jobs = SyncJob.objects.filter(integration=OuterRef("pk"))
    late = jobs.filter(state=JobState.WAITING, next_attempt_at__lt=timezone.now() - LATE)
    held = jobs.filter(Unfinished(F("state")), state=JobState.HELD)
    run = SyncRun.objects.filter(integration=OuterRef("pk"), state__in=(RunState.WAITING, RunState.RUNNING))
    rows = rows.select_related("tenant", "left", "right", "paused_by").annotate(
        has_late=Exists(late), has_held=Exists(held), has_run=Exists(run.filter(kind="fetch_all"))
    )
    return rows.defer("left__credentials", "right__credentials")


def standing(row: Any) -> Badge:
    """The one word for a row of `with_standing`."""
    if row.state == State.UNINSTALLED:
        return UNINSTALLED
    if row.state == State.PAUSED:
        by = f" by {mask(str(row.paused_by))}" if row.paused_by else ""
        return Badge(PAUSED.tone, PAUSED.icon, f"Paused{by}{f', {row.paused_at:%-d %b}' if row.paused_at else ''}")
    broken = any(side.health in (Health.NEEDS_YOU, Health.DISCONNECTED) for side in (row.left, row.right))
    if broken or row.has_held or any(not step["ok"] for step in row.provisioning):
        return NEEDS_YOU
    if row.state == State.DRAFT:
        return SETTING_UP
    return CATCHING_UP if row.has_late or row.has_run else IN_STEP


def word(found: Badge) -> Badge:
    """The word without who paused and when, for counting."""
    return PAUSED if found.icon == PAUSED.icon else found


def keys_with(found: Badge) -> list[Any]:
    """The keys of the integrations that stand so; there are few enough to look at each."""
    rows = with_standing(Integration.objects.exclude(state=State.UNINSTALLED))
    return [row.pk for row in rows if word(standing(row)) == found]


def steps(results: list[dict[str, Any]]) -> html.Html:
    """The visible steps of the last save, each with its result and, where it failed, the cause and the fix."""
    if not results:
        return "Not saved yet. Saving makes fields and webhooks at the vendors."
    rows = (
        (
            "ls-ok" if step["ok"] else "ls-no", "check_circle" if step["ok"] else "cancel",
            "Done" if step["ok"] else "Failed", step["label"],
            mask_words(step["detail"]) if step["ok"] else html.reason(step.get("reason", ""), step["detail"]),
        )
        for step in results
    )  # fmt: skip
    items = format_html_join(
        "",
        '<li class="{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span><div>'
        '<span class="ls-hidden">{}: </span><strong>{}</strong><div class="ls-quiet">{}</div></div></li>',
        rows,
    )
    return format_html('<ol class="ls-steps">{}</ol>', items)
