"""Checks that ask nobody but our own rows: state, steps, events heard, worker, queue, budgets, jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext

from integration.engine.diagnose.faults import REPAIR
from integration.engine.diagnose.findings import Finding, Look, because, fault, fine, passed_over, span, told
from integration.engine.dispatch import heartbeat, sweeper
from integration.engine.insight import status, traffic_baseline
from integration.engine.insight.delays import of_connection, of_workers
from integration.engine.insight.evidence import Waits, limits_of
from integration.engine.insight.opt_ins import unanswered
from integration.engine.setup import provisioning
from integration.models import (
    EventState,
    JobState,
    RunState,
    State,
    SyncJob,
    SyncRun,
    WebhookEndpoint,
    WebhookEvent,
)
from integration.reasons import Reason
from tenants.personal import mask

CAP = 10_000  # where counting stops
RUNS = 200  # polls looked at; two days of them


def state(look: Look, side: str) -> Iterator[Finding]:
    """Is it meant to work at all?"""
    row = look.integration
    if not row.tenant.is_active:
        yield fault("tenant_off")
    elif row.state == State.DRAFT:
        yield fault("not_set_up")
    elif row.state == State.PAUSED:
        text = gettext("Paused on purpose. Changes are collected and wait for Resume.")
        if row.paused_by:
            text = gettext("Paused on purpose by {person}. Changes are collected and wait for Resume.")
        yield passed_over(text.format(person=mask(str(row.paused_by))))
    elif not status.is_any_flow_on(row, look.recipe):
        yield fault("nothing_on")
    else:
        text = gettext("It is switched on since {date}.") if row.activated_at else gettext("It is switched on.")
        yield fine(text.format(date=date_format(row.activated_at, "j M Y") if row.activated_at else ""))


def steps(look: Look, side: str) -> Iterator[Finding]:
    """How the last save or repair went."""
    results = look.integration.provisioning
    failed = [step for step in results if not step["ok"]]
    for step in failed:
        yield because(look, step.get("reason", ""), f"{step['label']}: {step['detail']}", REPAIR)
    if not results:
        yield passed_over(gettext("Not saved yet."))
    elif not failed:
        yield fine(gettext("All {count} steps of the last save are done.").format(count=len(results)))


def events(look: Look, side: str) -> Iterator[Finding]:
    """When the vendor called last, against its own habit and against what polls found."""
    connection, vendor = look.connection(side), look.vendor(side)
    needed = provisioning.needed_events(connection, look.recipes, look.integration)
    endpoint = WebhookEndpoint.objects.defer("secret").select_related("habit").filter(connection=connection).first()
    since = (endpoint and endpoint.last_received_at) or look.integration.activated_at
    if not needed or endpoint is None or since is None:
        yield passed_over(gettext("No webhook of {vendor} is in use.").format(vendor=vendor))
        return
    last = endpoint.last_received_at
    if missed := _found_by_polls(look, side, since):
        yield fault("webhook_missed", count=missed, vendor=vendor)
    elif last and traffic_baseline.is_silent(endpoint, look.now):
        yield fault("webhook_silent", vendor=vendor, since=span(last, look.now))
    elif last:
        yield fine(gettext("The last event came {span} ago.").format(span=span(last, look.now)))
    else:
        activated = span(since, look.now)
        text = gettext("No event since it was switched on {activated} ago. Change a record in {vendor} to test it.")
        yield passed_over(text.format(activated=activated, vendor=vendor))


def opt_ins(look: Look, side: str) -> Iterator[Finding]:
    """Whether opt-in mails are answered: the only proof that they go out."""
    if look.recipe.opt_in_states is None:
        yield passed_over(gettext("This recipe sends no opt-in emails."))
        return
    found = unanswered(look.recipes, look.now, look.integration)
    yield from (fault("opt_ins_unanswered", count=row.asked) for row in found)
    if not found:
        yield fine(gettext("People confirm opt-in emails, or too few were sent to tell."))


def _found_by_polls(look: Look, side: str, since: datetime) -> int:
    """Changes that polls brought since the last event: webhooks should have told of them."""
    flows = [flow.key for flow in look.recipe.flows if flow.side == side]
    runs = SyncRun.objects.filter(integration=look.integration, kind="poll", flow__in=flows, state=RunState.DONE)
    counts = runs.filter(started_at__gt=since).order_by("-id").values_list("counts", flat=True)[:RUNS]
    return sum(number for run in counts for key, number in run.items() if ":" not in key)


def worker(look: Look, side: str) -> Iterator[Finding]:
    """Does anybody work, and does the schedule run?"""
    heard, zone = heartbeat.heard(), look.integration.tenant.zone
    found = [told(issue) for issue in of_workers(heard, sweeper.last_sweep(), look.now, zone)]
    yield from found
    if not found and heard.last:
        yield fine(gettext("A worker was heard {span} ago.").format(span=span(heard.last, look.now)))
    elif not found:
        yield passed_over(gettext("No worker was ever heard, and nothing has been switched on for long."))


def queue(look: Look, side: str) -> Iterator[Finding]:
    """How long the oldest change has waited for a worker."""
    if look.integration.state != State.ACTIVE or not look.integration.tenant.is_active:
        yield passed_over(gettext("It is not switched on, so its changes wait."))
        return
    late = [told(issue) for issue in look.status.delays if issue.code == "queue_late"]
    oldest = _oldest(look)
    yield from late
    if oldest and not late:
        yield fine(gettext("The oldest change has waited for {span}.").format(span=span(oldest, look.now)))
    elif not late:
        yield fine(gettext("Nothing waits."))


def _oldest(look: Look) -> datetime | None:
    now, row = look.now, look.integration
    due = SyncJob.objects.filter(integration=row, state=JobState.WAITING, next_attempt_at__lte=now)
    job = due.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    events = WebhookEvent.objects.filter(state=EventState.NEW, connection__in=(row.left_id, row.right_id))
    new = events.order_by("deferred", "id").values_list("received_at", flat=True).first()
    return min((moment for moment in (job, new) if moment), default=None)


def budget(look: Look, side: str) -> Iterator[Finding]:
    """Whether the vendor answers, and what is left of its budgets beyond the customer's share."""
    connection, vendor = look.connection(side), look.vendor(side)
    limits = limits_of([connection.pk], look.now).get(connection.pk, [])
    waits = Waits()
    yield from (told(issue) for issue in of_connection(connection, limits, look.now, connection.tenant.zone, waits))
    said = [
        gettext("{left} of {limit} left ({window})").format(
            left=f"{limit.left:,.0f}", limit=f"{limit.limit:,.0f}", window=str(limit.window).lower()
        )
        for limit in limits
        if not limit.used_up
    ]
    if said:
        yield fine(f"{'; '.join(said)}.")
    elif not limits:
        yield passed_over(gettext("{vendor} reports no rate limit.").format(vendor=vendor))


def jobs(look: Look, side: str) -> Iterator[Finding]:
    """Held and dead jobs by their reason."""
    none = True
    for job_state, code in ((JobState.HELD, "jobs_held"), (JobState.DEAD, "jobs_dead")):
        rows = SyncJob.objects.filter(integration=look.integration, state=job_state).order_by()
        rows = rows.exclude(reason=Reason.FLOW_OFF)  # what a switched-off part left behind asks nothing of anybody
        for reason, count in Counter(rows.values_list("reason", flat=True)[: CAP + 1]).most_common():
            none = False
            found = _stopped(look, code, reason, count)
            # While its cause is one of the findings above, letting go would only hold them again.
            yield replace(found, button="") if job_state == JobState.HELD and reason in look.codes else found
    if none:
        yield fine(gettext("None is held or dead."))


def _stopped(look: Look, code: str, reason: str, count: int) -> Finding:
    known = look.recipe.reason_text(reason)
    why, cause, fix = gettext("The reason is not known."), "", ""
    if known:
        why, cause, fix = str(known.what), str(known.cause), str(known.fix)
    shown = f"{CAP:,}+" if count > CAP else f"{count:,}"
    return fault(code, about=reason, count=shown, why=why, cause=cause, fix=fix)
