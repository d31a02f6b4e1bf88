"""The health of connections: what an error means for one, checking it, and letting held jobs go on once it works."""

from __future__ import annotations

import logging
from collections.abc import Collection, Set
from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from integration import retry
from integration.connectors.base import Account
from integration.engine.clients import tokens
from integration.engine.clients.session import call_row, open_client
from integration.engine.dispatch import wakeups
from integration.engine.dispatch.jobs import update_jobs
from integration.errors import IntegrationError, RateLimited, TenantActionError, TransientError
from integration.guard import AddressRefused
from integration.http import Instrumentation
from integration.models import Connection, Health, Integration, JobState, State, SyncJob, VendorCall
from integration.models.fields import UnreadableSecret
from integration.reasons import NoReason, Reason, ReasonCode

log = logging.getLogger(__name__)

APP_REMOVED = Reason.APP_REMOVED  # the vendor says that our app was removed there
# What is wrong with the account itself; a missing mailing, say, leaves the connection in order.
CONNECTION_REASONS = frozenset(
    {
        Reason.CREDENTIALS_REFUSED,
        Reason.PERMISSION_MISSING,
        Reason.ACCOUNT_CLOSED,
        Reason.ADDRESS_REFUSED,
        Reason.SECRET_UNREADABLE,
    }
)
# What a person decides about: it is not let go because a connection works.
DECIDED_BY_A_PERSON = frozenset({Reason.MASS_DELETE, Reason.OPT_IN_LIMIT})
# What no check of a connection lets go: a person decides, or the settings do.
NOT_THE_CONNECTION = DECIDED_BY_A_PERSON | {Reason.FLOW_OFF}


def note_error(connection: Connection, exc: IntegrationError) -> str:
    """Remember what an error says about its connection. Returns retry (at once), wait or hold."""
    if exc.reason == Reason.GAVE_WAY:
        return "wait"  # that others are at work first says nothing about it
    if exc.reason == Reason.CREDENTIALS_REFUSED:
        try:
            if renewed(connection):
                return "retry"
        except TransientError as meanwhile:  # another worker renews it, or the vendor's token endpoint does not answer
            exc = meanwhile
    if isinstance(exc, TenantActionError):
        if exc.reason in CONNECTION_REASONS:
            said = f"{' '.join(exc.public.split())}\n{exc.detail}".strip()  # a line for everybody, then for operators
            mark(connection, Health.NEEDS_YOU, exc.reason, said)
        return "hold"
    if isinstance(exc, RateLimited) and _is_partial(connection, exc):
        return "wait"  # only what needs these budgets waits, each job by itself
    if exc.retry_after is not None:
        pause = exc.retry_after
    else:
        connection.failures = connection.failures + 1
        Connection.objects.filter(pk=connection.pk).update(
            failures=F("failures") + 1, failing_since=Coalesce("failing_since", timezone.now())
        )
        pause = retry.next_delay(retry.CONNECTION, connection.failures)
        if not pause:
            return "wait"
    Connection.objects.filter(pk=connection.pk).update(
        not_before=timezone.now() + timedelta(seconds=pause),
        pause_spares_urgent=isinstance(exc, RateLimited) and exc.only_reserve,
    )
    return "wait"


def _is_partial(connection: Connection, exc: RateLimited) -> bool:
    """Whether calls that need none of these budgets go on."""
    whole = {window.key for window in connection.connector.windows if window.every_call}
    return bool(exc.windows) and whole.isdisjoint(exc.windows)


def worked(integration: Integration) -> None:
    """A batch went through: the breaker closes, but not that of a vendor that was not asked and failed last time."""
    for connection in (integration.left, integration.right):
        if connection.failures and not connection.unanswered:
            _recovered(connection)


def _recovered(connection: Connection) -> None:
    connection.failures, connection.unanswered, connection.failing_since = 0, 0, None
    columns = {"failures": 0, "unanswered": 0, "failing_since": None}
    Connection.objects.filter(pk=connection.pk).update(**columns)


def mark(connection: Connection, health: str, reason: ReasonCode | NoReason = "", detail: str = "") -> None:
    """Set a connection's health; `health_changed_at` moves only when it really changes.

    An app that was removed at the vendor stays removed, whatever a call says of it: until it is uninstalled, or
    somebody consents anew (`tokens.store`).
    """
    columns = ("health", "health_reason", "health_detail", "health_changed_at")
    if (connection.health, connection.health_reason) != (health, reason):
        connection.health_changed_at = timezone.now()
    connection.health, connection.health_reason, connection.health_detail = health, reason, detail
    rows = Connection.objects.filter(pk=connection.pk)
    if health != Health.DISCONNECTED:
        rows = rows.exclude(health=Health.NEEDS_YOU, health_reason=APP_REMOVED)
    if not rows.update(**{column: getattr(connection, column) for column in columns}):
        connection.refresh_from_db(fields=columns)


def check(connection: Connection, *, release: bool = True) -> bool:
    """Prove the credentials and name the account. Held jobs go on when it works. Returns whether it does."""
    if connection.health == Health.DISCONNECTED:
        return False
    calls: list[VendorCall] = []
    try:
        client = open_client(connection, lambda exchange: calls.append(call_row(connection, exchange)))
        account = connection.connector.check(client)
    except IntegrationError as exc:
        if note_error(connection, exc) == "retry":
            return check(connection, release=release)
        return False
    finally:
        VendorCall.objects.bulk_create(calls)
        Connection.objects.filter(pk=connection.pk).update(last_checked_at=timezone.now())
    if connection.is_another(account):
        was = connection.account_name or connection.external_account_id
        mark(
            connection,
            Health.NEEDS_YOU,
            Reason.CREDENTIALS_REFUSED,
            f"These credentials open {account.name}, not {was}.",
        )
        return False
    _recovered(connection)
    connection.save(update_fields=list(connection.take_account(account)))
    mark(connection, Health.OK)
    for integration in integrations_on(connection) if release else ():
        if integration.left.usable and integration.right.usable:  # else they would only be held again
            release_held(integration)
    return True


def probe(typed: Connection) -> Account:
    """Ask whose account credentials open that are not stored yet. Raises IntegrationErrors of the call.

    It stores nothing but the call; of a connection that does not exist yet not even that.
    """
    if typed._state.adding:
        try:
            client = typed.connector.open(typed.plain_credentials, Instrumentation())
        except AddressRefused as exc:
            raise TenantActionError(exc.public, reason=Reason.ADDRESS_REFUSED) from exc
        new: Account = typed.connector.check(client)
        return new
    calls: list[VendorCall] = []
    try:
        client = open_client(typed, lambda exchange: calls.append(call_row(typed, exchange)))
        account: Account = typed.connector.check(client)
        return account
    finally:
        VendorCall.objects.bulk_create(calls)


def integrations_on(connection: Connection) -> list[Integration]:
    """The integrations that use this connection and are not uninstalled."""
    rows = Integration.objects.select_related("left", "right", "tenant").exclude(state=State.UNINSTALLED)
    return [*rows.filter(left=connection), *rows.filter(right=connection)]


def release_held(
    integration: Integration,
    *,
    reason: ReasonCode | None = None,
    keep: Set[ReasonCode | NoReason] = frozenset(),
    flows: Collection[str] | None = None,
) -> int:
    """Let held jobs go on: those held for one reason, or all that no person has to decide about. Returns how many.

    Jobs held for one of the reasons in `keep` stay, and with `flows` those of other flows.
    """
    held = SyncJob.objects.filter(integration=integration, state=JobState.HELD).exclude(reason__in=keep)
    held = held.exclude(reason__in=NOT_THE_CONNECTION) if reason is None else held.filter(reason=reason)
    if flows is not None:
        held = held.filter(flow__in=flows)
    now = timezone.now()
    count = update_jobs(held, state=JobState.WAITING, reason="", attempts=0, next_attempt_at=now, updated_at=now)
    if count:
        wakeups.wake(str(integration.pk))
    return count


def renewed(connection: Connection) -> bool:
    """Whether there is a newer access token than the one this connection was loaded with, and was refused.

    A client has tried that itself by now; this is for calls that no client makes. Raises TransientErrors.
    """
    if connection.auth_kind != "oauth" or isinstance(connection.credentials, UnreadableSecret):
        return False
    refused = str(connection.credentials.get("access_token", ""))
    return tokens.after_refusal(connection, refused, patience=0) is not None
