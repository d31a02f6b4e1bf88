"""What slows an integration although nobody has to act, and what continues by itself: which, since when, until when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, ngettext

from integration.engine.clients import vendor_answers
from integration.engine.dispatch import sweeper
from integration.engine.dispatch.heartbeat import Heartbeat, Pulse
from integration.engine.flow.recipe import Recipe
from integration.engine.insight.evidence import BRIEF, LATE, MOVED, Limit, PutOff, Rows, Waits, answered_at
from integration.engine.insight.issues import Issue, Mend
from integration.engine.insight.moments import clock
from integration.models import Connection, Integration

CHECKED_EVERY = timedelta(minutes=15)  # the schedule of polls and connection checks
UNHEARD = 2 * CHECKED_EVERY  # whether a vendor not heard for so long is in sync, nobody can say
SOON = timedelta(minutes=5)  # what is tried again within this time is still on its way
SIDES = ("left", "right")


def delays(row: Integration, rows: Rows, recipe: Recipe) -> Iterator[Issue]:
    """Why the changes of an integration that is switched on do not arrive at their usual speed."""
    zone, waits = row.tenant.zone, rows.waiting.get(row.pk, Waits())
    yield from of_workers(rows.heartbeat, rows.sweep, rows.now, zone)
    for side in SIDES:
        connection: Connection = getattr(row, side)
        yield from of_connection(connection, rows.limits.get(connection.pk, ()), rows.now, zone, waits, side)
    if not stopped_by(row, rows):
        yield from _not_heard(row, rows, zone)
        yield from _stuck(row, rows)
    for group in rows.put_off.get(row.pk, ()):
        if group.until > rows.now + SOON:
            yield _tried_again(group, recipe, zone)


def progress(row: Integration, rows: Rows, recipe: Recipe) -> Iterator[Issue]:
    """What continues by itself and is not finished."""
    zone = row.tenant.zone
    if rows.heartbeat.pulse == Pulse.STARTING:
        yield Issue("starting", Mend.TIME, gettext("Lockstep is starting: its workers are not heard yet."))
    backlogs = rows.backlogs(row)
    if backlogs and not stopped_by(row, rows) and _moves(row, rows):
        yield _moving(sum(backlog.count for backlog in backlogs), rows.moved.get(row.pk, 0))
    if row.pk in rows.running:
        yield Issue("fetch_all", Mend.TIME, gettext("Fetch All is under way."))
    for side in SIDES:
        connection: Connection = getattr(row, side)
        if connection.usable and rows.now + BRIEF < _paused_until(connection, rows.now) <= rows.now + LATE:
            yield _resting(connection, zone, Waits(), side)
    for group in rows.put_off.get(row.pk, ()):
        if group.until <= rows.now + SOON:
            yield _tried_again(group, recipe, zone)


def of_workers(heard: Heartbeat, sweep: datetime | None, now: datetime, zone: ZoneInfo) -> Iterator[Issue]:
    """No worker lives, or one does and the schedule is broken."""
    if heard.pulse == Pulse.GONE:
        text = gettext("No worker is alive: changes are collected and wait. Nothing is lost.")
        if heard.last:
            text = gettext(
                "No worker is alive: the last one was heard at {time}. Changes are collected and wait; nothing is lost."
            )
            text = text.format(time=clock(heard.last, zone))
        fix = gettext("The operator must start the workers.")
        yield Issue("worker_gone", Mend.OPERATOR, text, fix, since=heard.last)
        return
    still = max((moment for moment in (sweep, heard.since) if moment is not None), default=now)
    if heard.pulse == Pulse.ALIVE and now - still > sweeper.SILENT:
        text = gettext(
            "A worker is alive, but the schedule has not run since {time}: no polls and no checks take place."
        )
        fix = gettext("The operator must restart the workers.")
        yield Issue("sweeper_silent", Mend.OPERATOR, text.format(time=clock(still, zone)), fix, since=still)


def of_connection(
    connection: Connection, limits: Sequence[Limit], now: datetime, zone: ZoneInfo, waits: Waits, side: str = ""
) -> Iterator[Issue]:
    """The vendor is down, one of its limits is used up, or its calls are paused for longer than a minute."""
    if not connection.usable:
        return
    if vendor_answers.is_down(connection):
        yield _down(connection, now, zone, waits, side)
        return
    used_up = [limit for limit in limits if limit.used_up]
    for limit in used_up:
        yield _used_up(connection, limit, zone, waits, side)
    if not used_up and _paused_until(connection, now) > now + LATE:
        yield _resting(connection, zone, waits, side)


def stopped_by(row: Integration, rows: Rows) -> bool:
    """Whether something else explains that changes wait: no worker, or an account that cannot be called now."""
    if rows.heartbeat.pulse != Pulse.ALIVE:
        return True
    sides: tuple[Connection, ...] = (row.left, row.right)
    return any(
        not side.usable
        or vendor_answers.is_down(side)
        or _paused_until(side, rows.now) > rows.now
        or any(limit.used_up for limit in rows.limits.get(side.pk, ()))
        for side in sides
    )


def _paused_until(connection: Connection, now: datetime) -> datetime:
    return connection.not_before or now


def _down(connection: Connection, now: datetime, zone: ZoneInfo, waits: Waits, side: str) -> Issue:
    """The next try: the end of the pause, else the next change that is due, else the next check."""
    paused, checked = _paused_until(connection, now), (connection.last_checked_at or now) + CHECKED_EVERY
    due = max(waits.due, now) if waits.due else checked
    until = paused if paused > now else max(min(due, checked), now)
    since, label = connection.failing_since or answered_at(connection), connection.connector.label
    text = gettext("{vendor} has not answered since {since}; next try {until}.")
    if connection.unanswered < vendor_answers.DOWN_AFTER:
        text = gettext("{vendor} has not answered properly since {since}; next try {until}.")
    if since is None:
        text = gettext("{vendor} does not answer; next try {until}.")
    what = text.format(vendor=label, since=clock(since, zone) if since else "", until=clock(until, zone))
    return Issue(
        "vendor_down", Mend.TIME, f"{what} {nothing_lost(waits.count)}", count=waits.count, side=side,
        since=since, until=until,
    )  # fmt: skip


def _used_up(connection: Connection, limit: Limit, zone: ZoneInfo, waits: Waits, side: str) -> Issue:
    text = gettext("A rate limit of {vendor} is used up ({left} of {limit} left, {window}); it continues at {until}.")
    what = text.format(
        vendor=connection.connector.label, left=f"{limit.left:,.0f}", limit=f"{limit.limit:,.0f}",
        window=str(limit.window).lower(), until=clock(limit.resets_at, zone),
    )  # fmt: skip
    fix = gettext("Check which other programs use the account if it happens often.")
    return Issue(
        "budget_used_up", Mend.TIME, f"{what} {nothing_lost(waits.count)}", fix, count=waits.count, side=side,
        until=limit.resets_at,
    )  # fmt: skip


def _resting(connection: Connection, zone: ZoneInfo, waits: Waits, side: str) -> Issue:
    """A connection that is left alone for longer than a moment, because of a limit or of failures."""
    until = connection.not_before
    text = gettext("Calls to {vendor} are paused until {until}; they then continue by themselves.")
    what = text.format(vendor=connection.connector.label, until=clock(until, zone) if until else "")
    return Issue(
        "resting", Mend.TIME, f"{what} {nothing_lost(waits.count)}", count=waits.count, side=side,
        since=connection.failing_since, until=until,
    )  # fmt: skip


def nothing_lost(count: int) -> str:
    """How much waits, and that it is safe."""
    if not count:
        return gettext("Nothing is lost.")
    text = ngettext("{count} change waits; nothing is lost.", "{count} changes wait; nothing is lost.", count)
    return text.format(count=f"{count:,}")


def _not_heard(row: Integration, rows: Rows, zone: ZoneInfo) -> Iterator[Issue]:
    """A vendor that has not answered lately because nobody has asked it."""
    for side in SIDES:
        connection: Connection = getattr(row, side)
        last = answered_at(connection)
        if last is None:
            text = gettext("{vendor} has not been asked yet; the next check follows within 15 minutes.")
        elif rows.now - last > UNHEARD:
            text = gettext("{vendor} was last asked at {time}; a check is due every 15 minutes.")
        else:
            continue
        what = text.format(vendor=connection.connector.label, time=clock(last, zone) if last else "")
        fix = gettext("The operator can see whether the workers are busy.")
        until = rows.now + CHECKED_EVERY if last is None else None
        yield Issue("not_checked", Mend.OPERATOR, what, fix, side=side, since=last, until=until)


def _moves(row: Integration, rows: Rows) -> bool:
    return rows.moved.get(row.pk, 0) > 0


def _stuck(row: Integration, rows: Rows) -> Iterator[Issue]:
    """Changes wait, a worker lives, nothing else explains it, and none was done lately."""
    oldest = min((backlog.oldest for backlog in rows.backlogs(row)), default=None)
    if oldest is None or _moves(row, rows):
        return
    minutes = int((rows.now - oldest).total_seconds() // 60)
    text = ngettext(
        "The oldest change has waited for {minutes} minute.",
        "The oldest change has waited for {minutes} minutes.",
        minutes,
    ).format(minutes=minutes)
    still = gettext("None was synced in the last {minutes} minutes; nothing is lost.")
    text = f"{text} {still.format(minutes=int(MOVED.total_seconds() // 60))}"
    fix = gettext("The operator can see whether the workers are busy.")
    yield Issue("queue_late", Mend.OPERATOR, text, fix, since=oldest)


def _moving(count: int, moved: int) -> Issue:
    """How much is left, and for how long at the speed of the last minutes."""
    text = ngettext("{count} change is being synced.", "{count} changes are being synced.", count)
    text = text.format(count=f"{count:,}")
    minutes = round(count / moved * MOVED.total_seconds() / 60)
    if minutes >= 1:
        left = ngettext("About {minutes} minute left.", "About {minutes} minutes left.", minutes)
        text = f"{text} {left.format(minutes=f'{minutes:,}')}"
    return Issue("late", Mend.TIME, text, count=count)


def _tried_again(group: PutOff, recipe: Recipe, zone: ZoneInfo) -> Issue:
    known = recipe.reason_text(group.reason)
    text = ngettext(
        "{count} change is tried again at {time}: {why}", "{count} changes are tried again from {time}: {why}",
        group.count,
    )  # fmt: skip
    why = known.what if known else group.reason
    what = text.format(count=f"{group.count:,}", time=clock(group.until, zone), why=why)
    return Issue("tried_again", Mend.JOBS, what, count=group.count, job_state="waiting", until=group.until)
