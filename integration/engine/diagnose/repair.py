"""Repair: check both connections, go through provisioning again, let held jobs go on. Each step says how it went."""

from __future__ import annotations

from integration.engine.clients import connection_health
from integration.engine.flow.recipe import Recipes
from integration.engine.setup import provisioning
from integration.engine.setup.provisioning import StepResult
from integration.errors import IntegrationError
from integration.models import Integration, JobState, State, SyncJob
from integration.reasons import NoReason, Reason, ReasonCode

REPAIRABLE = (State.ACTIVE, State.PAUSED)
CAP = 10_000


def repair(integration: Integration, recipes: Recipes) -> list[StepResult]:
    """Heal what can be healed from here. Safe to run again; nothing is deleted but webhooks of ours that are wrong."""
    before = _held(integration)
    results = [_connection(integration, side) for side in ("left", "right")]
    if all(result.ok for result in results):
        results += [result for side in ("left", "right") if (result := _redirect(integration, side))]
        results += provisioning.provision(integration, recipes)
        _release(integration, {result.reason for result in results if not result.ok})
    results.append(_said(before, _held(integration)))
    return results


def _connection(integration: Integration, side: str) -> StepResult:
    connection = getattr(integration, side)
    works = connection_health.check(connection, release=False)  # what goes on is decided when both sides are known
    connection.refresh_from_db(fields=["health", "health_reason", "health_detail", "account_name"])
    label = f"Credentials of {connection.connector.label}"
    if works:
        return StepResult(f"credentials_{side}", label, True, f"accepted: {connection.account_name}")
    detail = connection.health_detail or f"{connection.connector.label} did not answer properly."
    return StepResult(
        f"credentials_{side}", label, False, detail, connection.health_reason or Reason.VENDOR_UNAVAILABLE
    )


def _redirect(integration: Integration, side: str) -> StepResult | None:
    """Webhooks that call another address give way to new ones; says something only where there were some."""
    connection = getattr(integration, side)
    label = f"Webhooks of {connection.connector.label} with another address"
    try:
        gone = provisioning.drop_misdirected(connection)
    except IntegrationError as exc:
        return StepResult(f"redirect_{side}", label, False, f"{exc.public} {exc.detail}".strip(), exc.reason)
    return StepResult(f"redirect_{side}", label, True, f"{gone} removed") if gone else None


def _release(integration: Integration, open_reasons: set[ReasonCode | NoReason]) -> None:
    """Let go on what is not held for something that is still wrong, also where others share a connection.

    A part that was switched off stays so: its cause is not gone because a connection works.
    """
    for connection in (integration.left, integration.right):
        for other in connection_health.integrations_on(connection):
            if other != integration:
                connection_health.release_held(other)
    connection_health.release_held(integration, keep=open_reasons)


def _held(integration: Integration) -> int:
    return len(SyncJob.objects.filter(integration=integration, state=JobState.HELD).values_list("pk")[: CAP + 1])


def _said(before: int, after: int) -> StepResult:
    gone = max(before - after, 0)
    text = f"{gone:,} go on" if before else "none was held"
    return StepResult("jobs", "Held jobs", not after, f"{text}, {after:,} still held" if after else text)
