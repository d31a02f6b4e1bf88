"""Look before you sync: find a record at the source, and work out what would be sent for it without sending."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from integration.engine import batch
from integration.engine.context import Context
from integration.engine.flow import Item
from integration.engine.recipe import Found, Recipe
from integration.models import Integration, SyncRun, VendorCall


@dataclass(frozen=True)
class Preview:
    """What would happen to one record: an action with its values (target field → value), or the reason it is skipped.

    `changes` has target field → (what we last wrote, what would be written), for the fields that differ.
    """

    name: str
    outcome: str
    action: str = ""
    reason: str = ""
    detail: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def search(integration: Integration, recipe: Recipe, text: str) -> Sequence[Found]:
    """Find records at the source by e-mail, name or id. Raises IntegrationErrors of the calls."""
    with _looking(integration, recipe) as ctx:
        return recipe.search(ctx, text.strip())


def preview(integration: Integration, recipe: Recipe, flow_key: str, external_id: str) -> Preview:
    """Read and decide as a sync would, and stop before the write. Raises KeyError, IntegrationErrors of the calls."""
    flow = recipe.flow(flow_key)
    with _looking(integration, recipe) as ctx:
        done = batch.process(ctx, flow, [Item(external_id, {"resync": True})])[0]
    name = str(done.record.values.get("name") or "") if done.record else ""
    if done.write is None:
        return Preview(name, done.result.outcome, reason=done.result.reason, detail=done.result.detail)
    written = done.link.written if done.link else {}
    values = done.write.values
    changes = {key: (written.get(key), value) for key, value in values.items() if written.get(key) != value}
    return Preview(name, "synced", done.write.action, values=values, changes=changes)


@contextmanager
def _looking(integration: Integration, recipe: Recipe) -> Iterator[Context]:
    """A context that writes nothing at the vendors. Its calls are kept like all others."""
    ctx = Context(integration, recipe, run=SyncRun(integration=integration, dry_run=True))
    try:
        yield ctx
    finally:
        VendorCall.objects.bulk_create(ctx.calls)
