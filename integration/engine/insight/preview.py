"""Look before you sync: find a record at the source, and work out what would be sent for it without sending."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from config.json_value import JSONObject, JSONValue
from integration.connectors.base import FieldSpec
from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Flow, Item
from integration.engine.flow.mapping_row import MappingRow
from integration.engine.flow.recipe import Found, Recipe
from integration.engine.flow.session import SyncSession
from integration.engine.mapping import transforms, translate
from integration.engine.mapping.fields import Catalogue, catalogue
from integration.engine.safety import erased
from integration.engine.sync import batch, composite
from integration.engine.sync.composite import Group
from integration.models import Integration, Outcome, RecordLink, SyncRun, VendorCall
from integration.reasons import NoReason, ReasonCode


@dataclass(frozen=True)
class Preview:
    """What would happen to one record: an action with its values (target field → value), or the reason it is skipped.

    `changes` has target field → (what we last wrote, what would be written), for the fields that differ. `brings` says
    that other records go with it, `along` how many of them would be written now, by flow.
    """

    name: str
    outcome: Outcome
    action: str = ""
    reason: ReasonCode | NoReason = ""
    detail: str = ""
    values: JSONObject = field(default_factory=dict)
    changes: Mapping[str, tuple[JSONValue, JSONValue]] = field(default_factory=dict)
    brings: bool = False
    along: Mapping[str, int] = field(default_factory=dict)


def search(integration: Integration, recipe: Recipe, text: str) -> Sequence[Found]:
    """Find records at the source by e-mail, name or id. Raises IntegrationErrors of the calls."""
    with looking(integration, recipe) as ctx:
        return recipe.search(ctx, text.strip())


def preview(integration: Integration, recipe: Recipe, flow_key: str, external_id: str) -> Preview:
    """Read and decide as a sync would, and stop before the write. Raises KeyError, IntegrationErrors of the calls."""
    flow = recipe.flow(flow_key)
    with looking(integration, recipe) as ctx:
        groups = composite.process(ctx, flow, [Item(external_id, {"resync": True, "certain": False})])
    done = next(entry for group in groups if group.own for entry in group.done)
    shown = Preview(
        name=str(done.record.values.get("name") or "") if done.record else "",
        outcome=done.result.outcome, brings=flow.is_composite, along=_along(groups),
    )  # fmt: skip
    if done.write is None or done.result.outcome != Outcome.SYNCED:
        return replace(shown, outcome=done.result.outcome, reason=done.result.reason, detail=done.result.detail)
    before, values = done.link.written if done.link else {}, done.write.values
    changes = {key: (before.get(key), value) for key, value in values.items() if before.get(key) != value}
    return replace(
        shown, outcome=Outcome.SYNCED, action=done.result.action or done.write.action, values=values, changes=changes
    )


def _along(groups: Sequence[Group]) -> dict[str, int]:
    """How many records of other flows would be written with it, by the flow's label."""
    return dict(
        Counter(str(group.flow.label) for group in groups if not group.own for entry in group.done if entry.write)
    )


@dataclass(frozen=True)
class RowSample:
    """What one mapping row makes of one record: the value it reads, the one it would write, or why it cannot."""

    read: JSONValue = None
    written: JSONValue = None
    problem: str = ""
    travels: bool = False


@dataclass(frozen=True)
class Sample:
    """One record put through mapping rows, and what a sync would do with it. Nothing is sent."""

    preview: Preview
    external_id: str
    rows: Mapping[str, RowSample]


def sample(
    integration: Integration, recipe: Recipe, flow_key: str, rows: Mapping[str, MappingRow], text: str = ""
) -> Sample | None:
    """Put one record through rows that need not be stored. `text` finds it; empty takes one that is linked already.

    None when there is no such record. Raises KeyError, IntegrationErrors of the calls.
    """
    flow = recipe.flow(flow_key)
    with looking(integration, recipe) as ctx:
        external_id = _find(ctx, flow, text.strip())
        record = flow.read(ctx, [Item(external_id)]).get(external_id) if external_id else None
        if record is None:
            return None
        fields = catalogue(ctx, flow)
        named = translate.with_names(ctx, flow, [*rows.values()], {external_id: record})[external_id]
        shown = {name: _row_sample(row, named.values, fields) for name, row in rows.items()}
        batch.use_rows(ctx, flow, rows.values())
        item = Item(external_id, {"resync": True, "certain": False})
        done = batch.process(ctx, flow, [item], {external_id: record})[0]
        name = str(record.values.get("name") or record.email or external_id)
        result = done.result
        action = (result.action or done.write.action) if done.write and result.outcome == Outcome.SYNCED else ""
        said = Preview(name, Outcome.SYNCED if action else result.outcome, action, result.reason, result.detail)
        return Sample(said, external_id, shown)


def _find(ctx: SyncSession, flow: Flow, text: str) -> str:
    if text:
        return next((hit.external_id for hit in ctx.recipe.search(ctx, text) if hit.flow == flow.key), "")
    links = RecordLink.objects.filter(integration=ctx.integration, link_type=flow.link_type)
    return str(links.order_by("-updated_at").values_list("source_id", flat=True).first() or "")


def _row_sample(row: MappingRow, values: JSONObject, fields: Catalogue) -> RowSample:
    read = transforms.pick(values, row.source) if row.source else None
    targets = {**fields.targets}
    if row.target not in targets:  # still to be created
        targets[row.target] = FieldSpec(row.target, row.target, str(row.options.get("target_type", "text")))
    forward = replace(row, direction="forward" if row.direction == "both" else row.direction)
    made = translate.forward([forward], values, replace(fields, targets=targets), creating=True)
    return RowSample(
        read=None if isinstance(read, transforms.Absent) else read,
        written=made.values.get(row.target),
        problem=made.problems.get(row.target, ""),
        travels=row.target in made.values,
    )


@contextmanager
def looking(integration: Integration, recipe: Recipe) -> Iterator[SyncSession]:
    """A context that writes nothing at the vendors. Its calls are kept like all others."""
    ctx = OpenSession(integration, recipe, run=SyncRun(integration=integration, dry_run=True))
    try:
        yield ctx
    finally:
        VendorCall.objects.bulk_create(erased.calls_to_store(ctx))
