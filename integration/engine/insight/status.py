"""The status of integrations and connections, decided here for portal, console, /healthz, mails and Diagnose alike.

It is computed from rows, with as many queries for a list of integrations as for one, and never asks a vendor.
`evidence` reads them, `delays` says what slows the work, `headline` puts it into one sentence. Pages choose colours and
places; they add nothing to what it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from integration.engine.clients import connection_health
from integration.engine.flow.general_reasons import GENERAL, general_text
from integration.engine.flow.recipe import Recipe, Recipes
from integration.engine.insight.delays import SIDES, delays, of_connection, progress
from integration.engine.insight.evidence import Drifted, Rows, Stopped, Waits, limits_of, read
from integration.engine.insight.issues import WORST_FIRST, Issue, Mend, Status, SyncState
from integration.engine.insight.moments import clock
from integration.models import Connection, DriftKind, Health, Integration, JobState, State
from integration.reasons import Reason

TOO_LATE = timedelta(minutes=5)  # a backlog this old does not go away by itself; /healthz answers 503


def status_of(integration: Integration, recipes: Recipes) -> Status:
    """Compute the status of one integration, loaded with its connections and tenant."""
    return statuses([integration], recipes)[integration.pk]


def statuses(integrations: Iterable[Integration], recipes: Recipes) -> dict[UUID, Status]:
    """Compute the status of each, by primary key. The number of queries does not depend on how many there are."""
    listed = list(integrations)
    present = [row for row in listed if row.state != State.UNINSTALLED]
    if not present:
        return {row.pk: Status(SyncState.REMOVED) for row in listed}
    rows = read(present)
    return {row.pk: _status(row, rows, recipes) for row in listed}


def overall(recipes: Recipes) -> SyncState | None:
    """Return the worst state of all integrations of the hub; None when nothing is installed."""
    rows = Integration.objects.exclude(state=State.UNINSTALLED).select_related("left", "right", "tenant")
    found = statuses(rows.defer("left__credentials", "right__credentials"), recipes)
    states = {status.state for status in found.values()}
    return next((state for state in WORST_FIRST if state in states), None)


def connection_status(connection: Connection) -> Status:
    """Compute the status of one connection."""
    return connection_statuses([connection])[connection.pk]


def connection_statuses(connections: Iterable[Connection]) -> dict[UUID, Status]:
    """Compute the status of each connection, loaded with its tenant, by primary key."""
    listed, now = list(connections), timezone.now()
    limits = limits_of([row.pk for row in listed], now)
    found = {}
    for row in listed:
        slow = tuple(of_connection(row, limits.get(row.pk, ()), now, row.tenant.zone, Waits()))
        found[row.pk] = _connection_status(row, slow)
    return found


def _connection_status(connection: Connection, slow: tuple[Issue, ...]) -> Status:
    if connection.health == Health.DISCONNECTED:
        return Status(SyncState.DISCONNECTED)
    if issue := _refusal(connection):
        return Status(SyncState.NEEDS_ATTENTION, (issue,))
    if slow:
        return Status(SyncState.DELAYED, (), slow)
    return Status(SyncState.UNCHECKED if connection.health == Health.UNCHECKED else SyncState.CONNECTED)


def is_too_late(seconds: float) -> bool:
    """Whether a change has waited so long for a worker that the hub does not do its work."""
    return seconds >= TOO_LATE.total_seconds()


def is_any_flow_on(row: Integration, recipe: Recipe) -> bool:
    """Whether the settings switch at least one flow on."""
    settings = {**recipe.default_settings, **row.settings}
    return any(flow.enabled(settings) for flow in recipe.flows)


def _status(row: Integration, rows: Rows, recipes: Recipes) -> Status:
    if row.state == State.UNINSTALLED:
        return Status(SyncState.REMOVED)
    recipe, working = recipes(row.recipe), row.state == State.ACTIVE and row.tenant.is_active
    issues = tuple(_issues(row, rows, recipe))
    slow = tuple(delays(row, rows, recipe)) if working else ()
    going_on = tuple(progress(row, rows, recipe)) if working else ()
    return Status(_state(row, rows, Status(SyncState.IN_SYNC, issues, slow, going_on)), issues, slow, going_on)


def _state(row: Integration, rows: Rows, found: Status) -> SyncState:
    """The first that applies. In sync is what is left when nothing says otherwise."""
    if row.state == State.PAUSED or not row.tenant.is_active:
        return SyncState.PAUSED
    if found.issues:
        return SyncState.NEEDS_ATTENTION
    if row.state == State.DRAFT:
        return SyncState.SETTING_UP
    if found.delays:
        return SyncState.DELAYED
    if found.progress:
        return SyncState.CATCHING_UP
    return SyncState.READY if row.pk in rows.new else SyncState.IN_SYNC


def _issues(row: Integration, rows: Rows, recipe: Recipe) -> Iterator[Issue]:
    """What a person must do, worst first."""
    if not row.tenant.is_active:
        what, fix = gettext("The tenant is switched off."), gettext("Ask the operator to switch it on.")
        yield Issue("tenant_off", Mend.OPERATOR, what, fix)
    for side in SIDES:
        if issue := _refusal(getattr(row, side), side, rows.waiting.get(row.pk, Waits()).count):
            yield issue
    yield from _failed_steps(row, recipe)
    for broken in rows.mappings.get(row.pk, ()):
        yield Issue("mapping_broken", Mend.MAPPING, f"{broken.name}:", detail=broken.problem)
    yield from _stuck(rows.jobs.get(row.pk, ()), recipe)
    if row.state == State.ACTIVE and row.tenant.is_active:
        yield from _not_working(row, rows, recipe)
    yield from (_drift(row, found) for found in rows.drifts.get(row.pk, ()))


def _refusal(connection: Connection, side: str = "", waiting: int = 0) -> Issue | None:
    """What is wrong with an account, which may serve several recipes; the count is that of the changes that wait."""
    if connection.usable:
        return None
    label, since = connection.connector.label, connection.health_changed_at
    code = connection.health_reason or str(connection.health)
    known = general_text(connection.health_reason)
    if known is None:
        said = connection.health_said or gettext("It does not work at the moment.")
        fix = gettext("Connect the account again.")
        return Issue(code, Mend.ACCOUNT, f"{label}:", fix, said, waiting, side, since=since)
    return Issue(code, Mend.ACCOUNT, f"{label}: {known.what}", str(known.fix), "", waiting, side, since=since)


def _failed_steps(row: Integration, recipe: Recipe) -> Iterator[Issue]:
    for step in row.provisioning:
        if not step.get("ok"):
            known = recipe.reason_text(step.get("reason", ""))
            code = step.get("reason") or "step_failed"
            yield Issue(
                code, Mend.SETTINGS, f"{step['label']}:", str(known.fix) if known else "", step.get("detail", "")
            )


def _stuck(groups: Sequence[Stopped], recipe: Recipe) -> Iterator[Issue]:
    """Jobs that will not move without somebody: held ones by reason, and those that failed for good."""
    for group in sorted(groups, key=lambda group: -group.count):
        known = recipe.reason_text(group.reason)
        text, mend = ngettext("{count} record failed: {why}", "{count} records failed: {why}", group.count), Mend.JOBS
        if group.state == JobState.HELD:
            text = ngettext("{count} record waits: {why}", "{count} records wait: {why}", group.count)
            mend = Mend.DECIDE if group.reason in connection_health.DECIDED_BY_A_PERSON else Mend.JOBS
        what = text.format(count=f"{group.count:,}", why=known.what if known else group.reason)
        fix = str(known.fix) if known else ""
        yield Issue(group.reason, mend, what, fix, count=group.count, job_state=group.state)


def _not_working(row: Integration, rows: Rows, recipe: Recipe) -> Iterator[Issue]:
    """What keeps an integration that is switched on from hearing of anything."""
    if not recipe.is_known:
        unknown = GENERAL[Reason.RECIPE_UNKNOWN]
        yield Issue(Reason.RECIPE_UNKNOWN, Mend.OPERATOR, str(unknown.what), str(unknown.fix))
    elif not is_any_flow_on(row, recipe):
        what, fix = gettext("Nothing is switched on."), gettext("Switch a part on in the settings.")
        yield Issue("nothing_on", Mend.SETTINGS, what, fix)
    for side in SIDES:
        connection: Connection = getattr(row, side)
        label = connection.connector.label
        if missing := _missing_webhooks(row, rows, recipe, side):
            text = ngettext(
                "A webhook in {vendor} is missing: its changes arrive up to 15 minutes late.",
                "{count} webhooks in {vendor} are missing: their changes arrive up to 15 minutes late.",
                len(missing),
            )
            what = text.format(vendor=label, count=len(missing))
            fix = gettext("Save the settings again: that creates them.")
            yield Issue("webhook_missing", Mend.SETTINGS, what, fix, ", ".join(missing), len(missing), side)
        if since := rows.silent.get(connection.pk):
            text = gettext("{vendor} has sent nothing since {date}, although it usually does at these hours.")
            what = text.format(vendor=label, date=date_format(since, "j M Y"))
            fix = gettext("Check in {vendor} whether its webhook is on.").format(vendor=label)
            yield Issue("webhook_silent", Mend.VENDOR, what, fix, side=side, since=since)


def _missing_webhooks(row: Integration, rows: Rows, recipe: Recipe, side: str) -> list[str]:
    """Events that the vendor should call us for since the last save, and does not. A failed step speaks for itself."""
    connection: Connection = getattr(row, side)
    saved = row.provisioning and all(step.get("ok") for step in row.provisioning)
    if not saved or not connection.usable or connection.connector.subscriptions is None:
        return []
    needed = recipe.webhooks({**recipe.default_settings, **row.settings}).get(side, frozenset())
    return sorted(needed - rows.webhooks.get(connection.pk, set()))


def _drift(row: Integration, found: Drifted) -> Issue:
    """What a comparison found. `what` says how much, since when, and that somebody has to decide whose value counts."""
    left, right = row.left.connector.label, row.right.connector.label
    text = ngettext(
        "{count} record is only in one of {left} and {right}, found {since}.",
        "{count} records are only in one of {left} and {right}, found {since}.",
        found.count,
    )
    if found.kind == DriftKind.DIFFERS:
        text = ngettext(
            "{count} field differs between {left} and {right}, found {since}.",
            "{count} fields differ between {left} and {right}, found {since}.",
            found.count,
        )
    what = text.format(count=f"{found.count:,}", left=left, right=right, since=clock(found.since, row.tenant.zone))
    fix = gettext("Look at the differences and decide which value counts.")
    return Issue("drift", Mend.DRIFT, what, fix, count=found.count, since=found.since)
