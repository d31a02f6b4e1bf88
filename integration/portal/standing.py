"""Where the records stand, each number with the address of the list it counts."""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import reverse
from django.utils.http import urlencode

from integration.engine.insight.record_counts import Explained, Part, Standing
from integration.models import DriftKind, Integration, JobState

KINDS = {Standing.DIFFERS: DriftKind.DIFFERS, Standing.MISSING: DriftKind.ONLY_SOURCE}


def doors(integration: Integration, flow: Explained) -> list[tuple[Part, str]]:
    """The parts of a flow's records, each with its list."""
    return [(part, _list_of(integration, flow, part)) for part in flow.parts]


def _list_of(integration: Integration, flow: Explained, part: Part) -> str:
    """A run logs what it did and skipped; of a dry run and of what was no change only the run tells."""
    if part.standing in KINDS:
        return _address(integration, "drift", {"flow": flow.flow, "kind": KINDS[part.standing]})
    if flow.run.dry_run or part.standing in (Standing.IN_SYNC, Standing.NO_CHANGE):
        ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk, "run_id": flow.run.pk}
        return reverse("portal:run", kwargs=ids)
    reason = {"reason": part.reason} if part.reason else {}
    if not flow.proven or part.standing == Standing.SKIPPED:
        return _address(integration, "activity", {"flow": flow.flow, "outcome": part.outcome, **reason})
    state = JobState.DEAD if part.standing == Standing.FAILED else JobState.WAITING
    return _address(integration, "waiting", {"state": state, **reason})


def _address(integration: Integration, page: str, query: Mapping[str, str]) -> str:
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    return f"{reverse(f'portal:{page}', kwargs=ids)}?{urlencode({key: str(value) for key, value in query.items()})}"
