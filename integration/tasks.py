"""The only functions the queue may call. They take ids, are safe to run twice and return a short word."""

from __future__ import annotations

from django.utils import timezone
from django_q.tasks import async_task

from integration.engine.alerts import ledger
from integration.engine.clients import connection_health, tokens
from integration.engine.dispatch import sweeper
from integration.engine.insight import traffic_baseline
from integration.engine.privacy import closing, retention
from integration.engine.setup import app_uninstall, lifecycle, provisioning, schema_drift
from integration.engine.sync import compare, polls, router, runner, runs
from integration.engine.sync.start_everywhere import flows_of, start_everywhere, takes_part
from integration.errors import IntegrationError
from integration.models import Connection, Health, Integration, JobState, State, SyncJob
from integration.notices import deliver
from integration.recipes.registry import RECIPES, get_recipe


def route_events() -> str:
    """Turn new events into jobs."""
    return f"{router.route_new_events(get_recipe)} routed"


def run_integration(integration_id: str) -> str:
    """Work on one integration for a slice of time."""
    return runner.run(integration_id, get_recipe)


def sweep() -> str:
    """Every minute: ring for what waits; uninstall what a vendor says was removed, finish what was broken off."""
    rings = sweeper.sweep()  # first: it is the safety net, and what follows may fail or take long
    router.release_held(get_recipe)
    removals = app_uninstall.finish(get_recipe) + lifecycle.finish_uninstalls(get_recipe)
    return f"{rings} rings, {removals} removals"


def close_tenants() -> str:
    """Every minute, and when somebody closes a tenant: go on with closings that are under way."""
    return f"{closing.work(get_recipe)} closed"


def poll_all() -> str:
    """Every fifteen minutes: look for what a webhook may have missed, but where the recipe has its own rhythm."""
    common = [key for key in RECIPES if get_recipe(key).poll_minutes is None]
    return f"{start_everywhere('poll', get_recipe, common, takes_part('poll'))} polls"


def poll_by_clock() -> str:
    """Every minute: start the polls of recipes with a rhythm of their own whose time has come."""
    own = [key for key in RECIPES if get_recipe(key).poll_minutes is not None]
    return f"{polls.start_due_everywhere(own, get_recipe)} polls"


def reconcile_all() -> str:
    """Every week: compare every linked record with its source, so that lost deletions are found."""
    return f"{start_everywhere('reconcile', get_recipe, RECIPES, takes_part('reconcile'))} reconciles"


def compare_all() -> str:
    """Every week: hold every switched-on flow's records against what the target answers."""
    return f"{start_everywhere(compare.KIND, get_recipe, RECIPES, compare.can_compare)} comparisons"


def start_comparisons(integration: Integration) -> int:
    """Start a comparison of each switched-on flow that can be compared; one under way is left alone."""
    flows = flows_of(integration, get_recipe(integration.recipe), compare.can_compare)
    return sum(_started(integration, compare.KIND, flow) for flow in flows)


def start_runs(integration: Integration, kind: str) -> int:
    """Start a run of this kind for each switched-on flow that takes part; one under way is left alone."""
    flows = flows_of(integration, get_recipe(integration.recipe), takes_part(kind))
    return sum(_started(integration, kind, flow) for flow in flows)


def _started(integration: Integration, kind: str, flow: str) -> int:
    try:
        runs.start(integration, kind, flow)
    except runs.RunInProgress:
        return 0
    return 1


def refresh_tokens() -> str:
    """Every ten minutes: renew access tokens before they run out."""
    renewed = 0
    soon = timezone.now() + tokens.EARLY * 3
    for connection in Connection.objects.filter(
        auth_kind="oauth", token_expires_at__lt=soon, health__in=(Health.OK, Health.UNCHECKED)
    ):
        try:
            tokens.ensure_fresh(connection, force=True)
            renewed += 1
        except IntegrationError as exc:
            connection_health.note_error(connection, exc)
    return f"{renewed} renewed"


def check_connections() -> str:
    """Every fifteen minutes: one task per integration looks at credentials and webhooks."""
    return f"{_fan_out('integration.tasks.check_integration')} checks"


def repair_integrations() -> str:
    """Every hour: one task per integration goes through all provisioning steps and repairs what was deleted."""
    return f"{_fan_out('integration.tasks.repair_integration')} repairs"


def check_integration(integration_id: str) -> str:
    """Prove both credentials, make sure that our webhooks exist; repair more where jobs are held."""
    integration = _integration(integration_id)
    waiting = SyncJob.objects.filter(integration=integration, state=JobState.HELD)
    held = waiting.exclude(reason__in=connection_health.NOT_THE_CONNECTION).exists()  # the checks let them go on
    healthy = [connection_health.check(connection) for connection in (integration.left, integration.right)]
    if integration.state != State.ACTIVE or not all(healthy):
        return "not working"
    if held:
        return repair_integration(integration_id)
    results = provisioning.check_webhooks(integration, get_recipe)
    return "fine" if all(result.ok for result in results) else "not fine"


def repair_integration(integration_id: str) -> str:
    """Go through all provisioning steps, and look what changed in the vendors' fields."""
    integration = _integration(integration_id)
    if integration.state != State.ACTIVE or not (integration.left.usable and integration.right.usable):
        return "not working"
    results = provisioning.provision(integration, get_recipe)
    changed = sum(change.is_broken for change in schema_drift.look(_integration(integration_id), get_recipe))
    return "fine" if all(result.ok for result in results) and not changed else "not fine"


def _fan_out(task: str) -> int:
    rows = Integration.objects.filter(state__in=(State.ACTIVE, State.PAUSED), tenant__is_active=True)
    ids = list(rows.values_list("pk", flat=True))
    for pk in ids:
        async_task(task, str(pk))
    return len(ids)


def _integration(integration_id: str) -> Integration:
    return Integration.objects.select_related("left", "right", "tenant").get(pk=integration_id)


def watch() -> str:
    """Every minute: open and close alerts, send their notices, learn when vendors usually call."""
    traffic_baseline.update()
    opened = ledger.evaluate(get_recipe)
    return f"{opened} open, {deliver.deliver(get_recipe)} sent"


def purge() -> str:
    """Every hour: drop what is older than we keep it."""
    return ", ".join(f"{count} {name}" for name, count in retention.purge().items())


# Name → (function, minutes). The vendors' budgets decide: a poll costs two lists, a repair two field lists.
SCHEDULES = {
    "lockstep sweep": ("integration.tasks.sweep", 1),
    "lockstep closing": ("integration.tasks.close_tenants", 1),
    "lockstep alerts": ("integration.tasks.watch", 1),
    "lockstep poll": ("integration.tasks.poll_all", 15),
    "lockstep poll by clock": ("integration.tasks.poll_by_clock", 1),
    "lockstep token refresh": ("integration.tasks.refresh_tokens", 10),
    "lockstep connection check": ("integration.tasks.check_connections", 15),
    "lockstep repair": ("integration.tasks.repair_integrations", 60),
    "lockstep reconcile": ("integration.tasks.reconcile_all", 7 * 24 * 60),
    "lockstep comparison": ("integration.tasks.compare_all", 7 * 24 * 60),
    "lockstep retention purge": ("integration.tasks.purge", 60),
}
