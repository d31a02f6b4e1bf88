"""Flows lead → organization and lead → person: what LeadBoxer knows goes into the fields the tenant mapped.

Started by the flows that link a lead to them, so it costs nothing where no row is mapped. Rows "only when created"
apply to records Lockstep made itself: what people keep in Pipedrive is not overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from config.json_value import JSONValue
from config.texts import StrOrPromise
from integration.connectors.leadboxer.client import LeadBoxerClient
from integration.connectors.leadboxer.records import Lead
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import (
    SOURCELESS,
    Batch,
    Decision,
    Enqueue,
    Flow,
    Item,
    MappingRow,
    Record,
    Result,
    Skip,
    Sync,
    Write,
    mapping_rows,
    read_one_by_one,
    setting,
    write_each,
)
from integration.errors import NotFound
from integration.models import Outcome, RecordLink
from integration.reasons import Reason
from integration.recipes.leadboxer_pipedrive import source
from integration.recipes.leadboxer_pipedrive.session import Session
from integration.recipes.leadboxer_pipedrive.settings import Settings
from integration.recipes.leadboxer_pipedrive.source import to_record
from integration.recipes.leadboxer_pipedrive.state import EnrichContext, EnrichedState

TARGET = "target"  # among a write's values: the id of the record they go to
ORGANIZATION, PERSON = "lead_to_organization", "lead_to_person"


class Enrich(Flow[LeadBoxerClient, PipedriveClient, Settings]):
    """LeadBoxer lead → fields of its organization or person in Pipedrive."""

    source_object = "lead"
    batch_size = 50

    def __init__(
        self,
        key: str,
        label: StrOrPromise,
        target_object: str,
        *,
        mapping: tuple[MappingRow, ...],
        own_targets: frozenset[str],
    ) -> None:
        self.key, self.label, self.target_object = key, label, target_object
        self.link_type = f"enriched_{target_object}"
        self.mapping, self.own_targets = mapping, own_targets

    def enabled(self, settings: Settings) -> bool:
        """On with either part."""
        return bool(settings["leads_enabled"] or settings["activities_enabled"])

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """What the flow that asked had just read; a lead that is synced by hand is read from either part's dataset."""
        given = {item.external_id: record for item in items if (record := _given(item)) is not None}
        return read_one_by_one(items, lambda lead_id: given.get(lead_id) or _read(ctx, lead_id), source.by_id)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Write what is mapped to the record the lead was linked to."""
        link = batch.links.get(item.external_id)
        target = EnrichContext.read(item.hint).target or (link.target_id if link else "")
        if record is None:
            return Skip(Reason.DELETED_AT_SOURCE)
        if not target:
            return Skip(Reason.NOT_LINKED)
        creating = _is_ours(item, link)
        return Sync("update", creating=creating, extra={TARGET: target}, notes=EnrichedState(created=creating).stored)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """One call per record, with what is known; an unknown value never clears."""
        return write_each(ctx, writes, lambda write: self._write(ctx, write))

    def _write(self, ctx: Session, write: Write) -> Result:
        target, known = (
            str(write.values[TARGET]),
            {k: v for k, v in write.values.items() if v is not None and k != TARGET},
        )
        values = nested(ctx, self.target_object, known)
        state = EnrichedState(created=_is_ours(write.item, write.link)).stored
        if not values:
            return Result(Outcome.SKIPPED, target_id=target, reason=Reason.UNCHANGED, notes=state)
        update = ctx.right.update_organization if self.target_object == "organization" else ctx.right.update_person
        try:
            update(target, values)
        except NotFound:
            return Result(
                Outcome.SKIPPED, reason=Reason.NOT_LINKED, link_state="removed", written={}, call=ctx.last_call()
            )
        return Result(Outcome.SYNCED, target_id=target, notes=state, call=ctx.last_call())


def wishes(ctx: Session, lead: Lead, organization: tuple[str, bool], person: tuple[str, bool]) -> tuple[Enqueue, ...]:
    """What to start for a lead: each of the two records (its id, whether it was just created) there is news for."""
    found = (_wish(ctx, lead, ORGANIZATION, *organization), _wish(ctx, lead, PERSON, *person))
    return tuple(wish for wish in found if wish is not None)


def _wish(ctx: Session, lead: Lead, flow: str, target: str, created: bool) -> Enqueue | None:
    rows = [row for row in mapping_rows(ctx, ctx.recipe.flow(flow)) if created or not row.only_create]
    values = _read_by(rows, lead)
    news = bool(values) or any(row.transform in SOURCELESS for row in rows)
    if not target or not news:
        return None
    seen = lead.last_event.isoformat()
    context = EnrichContext(target=target, created=created or None, values=values, email=lead.email, seen=seen)
    return Enqueue(flow, lead.id, context.stored)


def _read_by(rows: Sequence[MappingRow], lead: Lead) -> dict[str, JSONValue]:
    """What these rows read of the lead."""
    paths = {path for row in rows for path in row.sources}
    return {path: lead.values[path] for path in sorted(paths) if path in lead.values}


def _is_ours(item: Item, link: RecordLink | None) -> bool:
    """Whether Lockstep made the record that the lead was linked to."""
    return bool(EnrichContext.read(item.hint).created or EnrichedState.of(link).created)


def _read(ctx: Session, lead_id: str) -> Record | None:
    for part in ("leads", "activities"):
        if setting(ctx.settings, f"{part}_enabled"):
            try:
                return to_record(source.read_lead(ctx, part, lead_id))
            except NotFound:
                continue
    return None


def _given(item: Item) -> Record | None:
    """The lead as the flow that asked had it. None where nobody brought it along."""
    context = EnrichContext.read(item.hint)
    if context.values is None:
        return None
    seen = datetime.fromisoformat(context.seen) if context.seen else None
    return Record(item.external_id, context.values, seen, context.email or "")


def nested(ctx: Session, object_type: str, values: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Values by field key as the client takes them: custom fields in an object of their own."""
    fields = ctx.fields("right", object_type)
    own = {key: value for key, value in values.items() if key in fields and fields[key].custom}
    rest = {key: value for key, value in values.items() if key not in own}
    return {**rest, **({"custom_fields": own} if own else {})}
