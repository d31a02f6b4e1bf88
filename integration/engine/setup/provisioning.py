"""Make a recipe real at the vendors: visible steps that are safe to run again, webhooks shared by connection.

How an integration is paused, goes on and is undone is in `lifecycle`.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext

from config.texts import english
from integration import retry
from integration.connectors.base import Subscription, Webhooks
from integration.engine.clients import connection_health
from integration.engine.clients.session import OpenSession, open_client
from integration.engine.dispatch import leases, wakeups
from integration.engine.flow.mapping_row import as_data
from integration.engine.flow.recipe import Recipe, Recipes, Step
from integration.engine.flow.session import AnyClient, SyncSession
from integration.engine.mapping.fields import Catalogue, catalogue, problem_of, trouble
from integration.errors import IntegrationError, PartlyDone, RateLimited, TenantActionError
from integration.models import (
    Connection,
    Direction,
    FieldMapping,
    Integration,
    JobState,
    RemoteSubscription,
    State,
    SyncJob,
    VendorCall,
    WebhookEndpoint,
)
from integration.reasons import NoReason, Reason, ReasonCode

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepResult:
    """How one step went, as shown to the tenant."""

    key: str
    label: str
    ok: bool
    detail: str
    reason: ReasonCode | NoReason = ""
    partly: bool = False  # something was left out, and all the rest is done


def last_steps(integration: Integration) -> list[StepResult]:
    """Return how the steps of the last save went."""
    return [
        StepResult(
            step.get("key", ""), step["label"], step["ok"], step["detail"], step.get("reason", ""),
            step.get("partly", False),
        )
        for step in integration.provisioning
    ]  # fmt: skip


def install_defaults(integration: Integration, recipe: Recipe) -> None:
    """Create the recipe's default mapping rows that the integration does not have yet."""
    for flow, rows in ((flow.key, flow.mapping) for flow in recipe.flows if flow.mapping is not None):
        known = set(FieldMapping.objects.filter(integration=integration, flow=flow).values_list("target", flat=True))
        FieldMapping.objects.bulk_create(
            FieldMapping(
                integration=integration, flow=flow, position=position, source=row.source, target=row.target,
                transform=row.transform, options=dict(row.options), direction=row.direction,
                only_create=row.only_create, default=row.default, required_by_recipe=row.required,
            )
            for position, row in enumerate(rows)
            if row.target not in known
        )  # fmt: skip


def provision(integration: Integration, recipes: Recipes) -> list[StepResult]:
    """Run all steps and store their results. The integration becomes active when every step is fine.

    One at a time per integration: a second save while the first is at work gets a step that says so.
    """
    lease = leases.acquire(leases.SETUP, integration.pk)
    if lease is None:
        return [
            StepResult(
                "busy", "Set-up", False, "It is being set up right now. Save again in a moment.", Reason.LEASE_LOST
            )
        ]
    try:
        return _provision(integration, recipes)
    finally:
        leases.release(lease)


def _provision(integration: Integration, recipes: Recipes) -> list[StepResult]:
    recipe = recipes(integration.recipe)
    install_defaults(integration, recipe)
    ctx = OpenSession(integration, recipe)
    steps = [*recipe.steps(ctx), Step("mappings", "Field mappings", check_mappings), _webhooks_step(recipes)]
    results: list[StepResult] = []
    for step in steps:
        results.append(run_step(ctx, step))
    VendorCall.objects.bulk_create(ctx.calls)
    integration.provisioning = [asdict(result) for result in results]
    integration.save(update_fields=["provisioning", "resources"])
    if all(result.ok or result.partly for result in results):
        activate(integration)
        on = [flow.key for flow in recipe.flows if flow.enabled(ctx.settings)]
        connection_health.release_held(integration, reason=Reason.FLOW_OFF, flows=on)  # switched on again
    if SyncJob.objects.filter(integration=integration, state=JobState.WAITING).exists():
        wakeups.wake(str(integration.pk))  # a field made anew leaves jobs that write its values back
    return results


def check_webhooks(integration: Integration, recipes: Recipes) -> list[StepResult]:
    """Make sure that our webhooks still exist: the cheap part of provisioning, for every few minutes."""
    ctx = OpenSession(integration, recipes(integration.recipe))
    result = run_step(ctx, _webhooks_step(recipes))
    VendorCall.objects.bulk_create(ctx.calls)
    return [result]


def check_mappings(ctx: SyncSession) -> str:
    """Mark the rows that cannot travel (any more) with what is wrong; the others still do."""
    total, broken = 0, []
    for flow in ctx.recipe.flows:
        if flow.mapping is None or not flow.enabled(ctx.settings):
            continue
        fields = catalogue(ctx, flow)
        for row in FieldMapping.objects.filter(integration=ctx.integration, flow=flow.key):
            if _never_there(ctx, row, fields):
                FieldMapping.objects.filter(pk=row.pk).update(direction=Direction.OFF)
                continue
            with english():
                problem = "" if row.direction == Direction.OFF else problem_of(as_data(row), fields)
            if row.problem != problem:
                FieldMapping.objects.filter(pk=row.pk).update(problem=problem)
            total += 1
            broken += [row.target] if problem else []
    if broken:
        return f"{len(broken)} of {total} rows cannot travel: {', '.join(broken)}. See Fields."
    return f"{total} rows, all of them fit"


def _never_there(ctx: SyncSession, row: FieldMapping, fields: Catalogue) -> bool:
    """A row the recipe proposed for a field that this account does not have: it starts switched off."""
    if ctx.integration.state != State.DRAFT or row.required_by_recipe or row.direction == Direction.OFF:
        return False
    return trouble(as_data(row), fields) == "source_missing"


def _webhooks_step(recipes: Recipes) -> Step:
    return Step("webhooks", "Webhooks", lambda ctx: sync_subscriptions(ctx, recipes))


def run_step(ctx: SyncSession, step: Step) -> StepResult:
    """Carry out one step; an error of the vendor's becomes its result."""
    try:
        return StepResult(step.key, step.label, True, _patiently(ctx, step))
    except IntegrationError as exc:
        connection_health.note_error(ctx.connection(ctx.last_side), exc)
        detail = f"{exc.public} {exc.detail}".strip()
        return StepResult(step.key, step.label, False, detail, exc.reason, partly=isinstance(exc, PartlyDone))


def _patiently(ctx: SyncSession, step: Step) -> str:
    """Run a step; a budget per second that is used up is waited for. A step goes on where it stopped."""
    for _ in range(retry.SETUP_STEP.attempts - 1):
        try:
            return step.run(ctx)
        except RateLimited as exc:
            if exc.retry_after is None or exc.retry_after > retry.SETUP_STEP.cap:
                raise
            time.sleep(exc.retry_after)
    return step.run(ctx)


def activate(integration: Integration) -> None:
    move(integration, State.DRAFT, state=State.ACTIVE, activated_at=timezone.now())
    if integration.state != State.UNINSTALLED:
        connection_health.release_held(integration)


def move(integration: Integration, *before: str, **after: State | datetime | AbstractBaseUser | None) -> bool:
    """Change the state, if in the database it is one of those still: somebody may have uninstalled it meanwhile."""
    moved = Integration.objects.filter(pk=integration.pk, state__in=before).update(**after)
    integration.refresh_from_db(fields=["state", "activated_at", "paused_at", "paused_by"])
    return bool(moved)


def sync_subscriptions(ctx: SyncSession, recipes: Recipes) -> str:
    """Make the webhooks at both vendors what the active integrations on each connection need."""
    said = []
    for side in ("left", "right"):
        connection = ctx.connection(side)
        ctx.last_side = side
        if connection.connector.webhooks is None:
            said.append(f"{connection.connector.label}: has none, it is asked regularly")
            continue
        if connection.connector.subscriptions is None:
            ensure_endpoint(connection)
            where = "entered by hand" if connection.connector.by_hand else "set in its app, for all accounts"
            said.append(f"{connection.connector.label}: {where}")
            continue
        made, removed = sync_connection(
            ctx.client(side), connection, needed_events(connection, recipes, ctx.integration)
        )
        count = RemoteSubscription.objects.filter(connection=connection).count()
        said.append(f"{connection.connector.label}: {count} in place ({made} created, {removed} removed)")
    return "; ".join(said)


def needed_events(connection: Connection, recipes: Recipes, joining: Integration | None = None) -> frozenset[str]:
    """The vendor events that the integrations on this connection need together; `joining` counts whatever its state."""
    needed: set[str] = set()
    for integration in connection_health.integrations_on(connection):
        if integration.state == State.DRAFT and integration != joining:
            continue
        recipe = recipes(integration.recipe)
        events = recipe.webhooks({**recipe.default_settings, **integration.settings})
        for side in ("left", "right"):
            if getattr(integration, f"{side}_id") == connection.pk:
                needed |= events.get(side, frozenset())
    return frozenset(needed)


def sync_connection(client: AnyClient, connection: Connection, needed: frozenset[str]) -> tuple[int, int]:
    webhooks = connection.connector.subscriptions
    never = not needed and not WebhookEndpoint.objects.filter(connection=connection).exists()
    if webhooks is None or never:  # where none was ever made, listing them would need a right for nothing
        return 0, 0
    endpoint = ensure_endpoint(connection)
    there = {row.external_id: row for row in webhooks.list_subscriptions(client)}
    ours = list(RemoteSubscription.objects.filter(connection=connection))
    strays = _strays(there.values(), endpoint, {row.external_id for row in ours})
    good = needed & _in_place(ours, there)
    removed = _remove(webhooks, client, [row for row in ours if row.event not in good], there) + len(strays)
    for stray in strays:
        webhooks.unsubscribe(client, stray)
    missing = sorted(needed - good)
    for event in missing:
        external_id = webhooks.subscribe(client, event, endpoint_url(endpoint), endpoint.secret["current"])
        RemoteSubscription.objects.create(
            connection=connection, event=event, external_id=external_id, last_seen_at=timezone.now()
        )
    RemoteSubscription.objects.filter(connection=connection).update(last_seen_at=timezone.now())
    return len(missing), removed


def _remove(webhooks: Webhooks, client: AnyClient, rows: Iterable[RemoteSubscription], there: Collection[str]) -> int:
    """Remove what is not needed any more, was switched off or is gone. Returns how many the vendor still had."""
    removed = 0
    for row in rows:
        if row.external_id in there:
            webhooks.unsubscribe(client, row.external_id)
            removed += 1
        row.delete()
    return removed


def _in_place(rows: Iterable[RemoteSubscription], there: Mapping[str, Subscription]) -> set[str]:
    """The events whose webhook the vendor has, switched on."""
    active = {external_id for external_id, found in there.items() if found.active}
    return {row.event for row in rows if row.external_id in active}


def drop_misdirected(connection: Connection) -> int:
    """Remove webhooks of ours that call another address, so that they are made anew. Returns how many.

    Only when a person asks for it: a copy of the database on another host must never take the webhooks of the first.
    """
    webhooks = connection.connector.subscriptions
    if webhooks is None:
        return 0
    endpoint, client = ensure_endpoint(connection), open_client(connection)
    there = {row.external_id: row for row in webhooks.list_subscriptions(client)}
    gone = 0
    for row in RemoteSubscription.objects.filter(connection=connection):
        if row.external_id in there and not calls_us(there[row.external_id], endpoint):
            webhooks.unsubscribe(client, row.external_id)
            row.delete()
            gone += 1
    return gone


def _strays(there: Iterable[Subscription], endpoint: WebhookEndpoint, ours: set[str]) -> list[str]:
    """Webhooks at the vendor that call this very endpoint but that we do not know: left by a crash after creation."""
    return [row.external_id for row in there if calls_us(row, endpoint) and row.external_id not in ours]


def calls_us(row: Subscription, endpoint: WebhookEndpoint) -> bool:
    """Whether a webhook at the vendor calls this endpoint; some vendors list the address with its parameters."""
    return row.url.split("?")[0] == endpoint_url(endpoint)


def ensure_endpoint(connection: Connection) -> WebhookEndpoint:
    """The connection's endpoint, made on first use with a secret of its own."""
    endpoint = WebhookEndpoint.objects.filter(connection=connection).first()
    if endpoint is None:
        endpoint = WebhookEndpoint.objects.create(connection=connection, secret={"current": new_secret()})
    return endpoint


def new_secret() -> str:
    """A secret in user:password form, which serves Basic auth and URL tokens alike."""
    return f"lockstep:{secrets.token_urlsafe(24)}"


def endpoint_url(endpoint: WebhookEndpoint) -> str:
    """The public address the vendor calls: the connection's own, or one for all accounts."""
    root, connector = settings.PUBLIC_URL.rstrip("/"), endpoint.connection.connector
    if connector.app_webhooks:
        return f"{root}/hooks/{connector.key}/"
    return f"{root}/hooks/{connector.key}/{endpoint.token}/"


def webhook_addresses(endpoint: WebhookEndpoint) -> dict[str, str]:
    """The addresses as a person would enter them at the vendor, by what they are for. They hold the secret."""
    url, connector = endpoint_url(endpoint), endpoint.connection.connector
    if connector.webhook_addresses is None:
        return {gettext("Webhook address"): url}
    return dict(connector.webhook_addresses(url, endpoint.secret.get("current", "")))


def valid_secrets(endpoint: WebhookEndpoint) -> list[str]:
    """The secrets a request may prove itself with now: the current one, and the previous one while it overlaps."""
    known = [endpoint.secret.get("current", "")]
    until = endpoint.previous_valid_until
    if endpoint.secret.get("previous") and until and until > timezone.now():
        known.append(endpoint.secret["previous"])
    return [secret for secret in known if secret]


ROTATION_OVERLAP = timedelta(hours=24)


def rotate_webhook_secret(connection: Connection, recipes: Recipes) -> None:
    """Give the endpoint a new secret and make the webhooks anew with it; the old one is good for another day.

    Raises TenantActionError where the app's secret at the vendor is the proof.
    """
    webhooks = connection.connector.subscriptions
    if webhooks is None and not connection.connector.by_hand:
        raise TenantActionError(f"{connection.connector.label} proves its calls with the secret of the app.")
    endpoint = ensure_endpoint(connection)
    endpoint.secret = {"current": new_secret(), "previous": endpoint.secret["current"]}
    endpoint.previous_valid_until = timezone.now() + ROTATION_OVERLAP
    endpoint.save(update_fields=["secret", "previous_valid_until"])
    if webhooks is None:  # the new address has to be entered by hand
        return
    client = open_client(connection)
    for row in RemoteSubscription.objects.filter(connection=connection):
        former = row.external_id  # the new one first, so that no event falls between the two
        row.external_id = webhooks.subscribe(client, row.event, endpoint_url(endpoint), endpoint.secret["current"])
        row.save(update_fields=["external_id"])
        webhooks.unsubscribe(client, former)
    sync_connection(client, connection, needed_events(connection, recipes))
