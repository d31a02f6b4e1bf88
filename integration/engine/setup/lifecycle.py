"""The life of an integration after it was made real: pause, resume, and an uninstall that leaves nothing behind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model, QuerySet
from django.utils import timezone

from config.json_value import JSONValue
from integration.engine.clients import connection_health, tokens
from integration.engine.clients.session import OpenSession, open_client
from integration.engine.dispatch import leases, wakeups
from integration.engine.dispatch.leases import Lease
from integration.engine.flow.recipe import Recipes, Step
from integration.engine.flow.session import SyncSession
from integration.engine.setup import account_claims, provisioning
from integration.engine.setup.provisioning import StepResult
from integration.errors import LeaseLost
from integration.models import (
    Alert,
    AlertNotice,
    ComparedRecord,
    Connection,
    Drift,
    FieldMapping,
    Health,
    Integration,
    JobState,
    RecordLink,
    RemoteSubscription,
    RunState,
    State,
    SyncJob,
    SyncLog,
    SyncRun,
    VendorCall,
    WebhookEndpoint,
    WebhookEvent,
)
from integration.redact import MASK
from tenants import audit

log = logging.getLogger(__name__)

STRAGGLERS = timedelta(hours=1)  # after an uninstall somebody who had begun before it may still write a job
PORTION = 2000  # rows per transaction when much is changed


def pause(integration: Integration, user: AbstractBaseUser | None = None) -> None:
    """Stop syncing. Events go on being collected and are worked off after `resume`."""
    provisioning.move(integration, State.ACTIVE, state=State.PAUSED, paused_at=timezone.now(), paused_by=user)


def resume(integration: Integration) -> None:
    """Go on where it stopped."""
    if provisioning.move(integration, State.PAUSED, state=State.ACTIVE, paused_at=None, paused_by=None):
        wakeups.wake(str(integration.pk))


def uninstall(integration: Integration, recipes: Recipes) -> list[StepResult]:
    """Undo the installation: stop, remove webhooks, revoke tokens, erase credentials, strip personal data.

    A vendor that does not answer does not stop the rest; its step says what is left to do by hand. Whatever ends the
    process on the way, the sweeper goes on with it (`finish_uninstalls`).
    """
    Integration.objects.filter(pk=integration.pk).update(state=State.UNINSTALLED, **leases.SYNC.vacant)
    integration.state = State.UNINSTALLED
    lease = leases.acquire(leases.SETUP, integration.pk)
    if lease is None:
        return [StepResult("busy", "Uninstall", False, "It is being set up right now; this goes on within minutes.")]
    try:
        return _uninstall(integration, recipes, lease)
    except LeaseLost:
        return [StepResult("busy", "Uninstall", False, "It took too long; this goes on within minutes.")]
    finally:
        leases.release(lease)


def finish_uninstalls(recipes: Recipes) -> int:
    """Go on with uninstalls that nobody works on, and drop what others wrote meanwhile. Returns how many of them."""
    uninstalled = Integration.objects.filter(state=State.UNINSTALLED)
    broken_off = uninstalled.filter(leases.free(leases.SETUP), uninstalled_at__isnull=True)
    count = 0
    for integration in broken_off.select_related("left", "right", "tenant").order_by("pk"):
        try:
            uninstall(integration, recipes)
            count += 1
        except Exception:  # it keeps no other one waiting, and is tried again with the next sweep
            log.exception("The uninstall of integration %s could not be finished.", integration.pk)
    SyncJob.objects.filter(integration__in=uninstalled.filter(uninstalled_at__gt=timezone.now() - STRAGGLERS)).delete()
    return count


def _uninstall(integration: Integration, recipes: Recipes, lease: Lease) -> list[StepResult]:
    SyncRun.objects.filter(integration=integration, state__in=(RunState.WAITING, RunState.RUNNING)).update(
        state=RunState.CANCELLED, finished_at=timezone.now()
    )
    SyncJob.objects.filter(integration=integration).exclude(state=JobState.DONE).delete()
    ctx = OpenSession(integration, recipes(integration.recipe))
    results = []
    for side in ("left", "right"):
        label = ctx.connection(side).connector.label
        results.append(
            provisioning.run_step(ctx, Step(f"webhooks_{side}", f"Webhooks at {label}", _leaver(side, recipes)))
        )
        leases.renew(lease)
        results.append(
            provisioning.run_step(ctx, Step(f"credentials_{side}", f"Credentials of {label}", _disconnecter(side)))
        )
        leases.renew(lease)
    strip_personal_data(integration, lambda: leases.renew(lease))
    integration.provisioning = [asdict(result) for result in results]
    integration.uninstalled_at = timezone.now()
    integration.save(update_fields=["provisioning", "uninstalled_at"])
    return results


def _leaver(side: str, recipes: Recipes) -> Callable[[SyncSession], str]:
    def leave(ctx: SyncSession) -> str:
        connection = ctx.connection(side)
        if connection.health_reason == connection_health.APP_REMOVED:
            return "gone with the app"
        _, removed = provisioning.sync_connection(
            ctx.client(side), connection, provisioning.needed_events(connection, recipes)
        )
        return f"{removed} removed"

    return leave


def _disconnecter(side: str) -> Callable[[SyncSession], str]:
    def leave_account(ctx: SyncSession) -> str:
        connection = ctx.connection(side)
        if connection_health.integrations_on(connection):
            return "kept, another integration uses them"
        return disconnect(connection)

    return leave_account


def disconnect(connection: Connection) -> str:
    """Give the access back and forget it. A grant that another customer lives on is not revoked."""
    gone = connection.health_reason == connection_health.APP_REMOVED  # the vendor has ended our access already
    shared = account_claims.held_elsewhere(connection.vendor, connection.external_account_id, connection.tenant_id)
    others = shared.filter(auth_kind="oauth").exists()  # they may live on the same grant
    try:
        if not gone and not others:
            tokens.revoke(connection)
    finally:
        erase_credentials(connection)
    if others:
        return "erased; not revoked, since another customer uses the account"
    return "erased" if gone else "revoked and erased"


def remove_webhooks(connection: Connection) -> str:
    """Remove all our webhooks at an account that no integration uses. Raises IntegrationErrors of the calls."""
    if connection.health_reason == connection_health.APP_REMOVED:
        return "gone with the app"
    _, removed = provisioning.sync_connection(open_client(connection), connection, frozenset())
    return f"{removed} removed"


def erase_credentials(connection: Connection) -> None:
    """Forget an account: its secrets, its endpoint and what we made there."""
    connection.credentials, connection.credentials_hint, connection.token_expires_at = {}, "", None
    connection.save(update_fields=["credentials", "credentials_hint", "token_expires_at"])
    WebhookEndpoint.objects.filter(connection=connection).delete()
    RemoteSubscription.objects.filter(connection=connection).delete()
    connection_health.mark(connection, Health.DISCONNECTED)
    audit.record("Erased the credentials", connection)


def strip_personal_data(integration: Integration, alive: Callable[[], None] = lambda: None) -> None:
    """Keep the log, drop what says anything about people: values, payloads, call bodies, sentences, jobs and links.

    Goes in small portions: a long transaction would keep the intake waiting. Safe to run again. `alive` is called
    after each portion.
    """
    portions = Portions(alive)
    portions.update(SyncLog.objects.filter(integration=integration), changes={}, detail="", email_hash="")
    portions.update(SyncRun.objects.filter(integration=integration), samples={}, options={}, cursor=None, problem="")
    portions.delete(SyncJob.objects.filter(integration=integration))
    portions.delete(RecordLink.objects.filter(integration=integration))
    portions.delete(Drift.objects.filter(integration=integration))
    portions.delete(ComparedRecord.objects.filter(run__integration=integration))
    portions.update(FieldMapping.objects.filter(integration=integration), problem="")
    alerts = Alert.objects.filter(integration=integration)
    for connection in (integration.left, integration.right):
        if not connection_health.integrations_on(connection):
            portions.update(WebhookEvent.objects.filter(connection=connection), payload={}, email_hash="")
            portions.update(VendorCall.objects.filter(connection=connection), path=MASK, request="", response="")
            connection.reference_lists.all().delete()
            portions.delete(connection.identities.all())
            Connection.objects.filter(pk=connection.pk).update(health_detail="")
            alerts |= Alert.objects.filter(connection=connection)
    AlertNotice.objects.filter(alert__in=alerts).update(problem="")
    alerts.update(what="Removed when the integration was uninstalled.")
    integration.provisioning = []
    integration.save(update_fields=["provisioning"])


@dataclass(frozen=True)
class Portions:
    """Change or delete rows a few thousand at a time, each portion in a transaction of its own."""

    alive: Callable[[], None] = lambda: None  # called after each portion

    def update(self, rows: QuerySet[Model], **values: JSONValue) -> None:
        """Set these columns of all rows."""
        for portion in self._of(rows):
            portion.update(**values)

    def delete(self, rows: QuerySet[Model]) -> None:
        """Delete all rows."""
        for portion in self._of(rows):
            portion.delete()

    def _of(self, rows: QuerySet[Model]) -> Iterator[QuerySet[Model]]:
        last = 0
        while True:
            ids = list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:PORTION])
            if not ids:
                return
            yield rows.model._default_manager.filter(pk__in=ids)
            last = ids[-1]
            self.alive()
