"""Flows lead → organization and lead → person: what LeadBoxer knows goes into the fields the tenant mapped.

Started by the flows that link a lead to them, so it costs nothing where no row is mapped. Rows "only when created"
apply to records Lockstep made itself: what people keep in Pipedrive is not overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from integration.engine.batch import each, mapping_rows
from integration.engine.context import Context
from integration.engine.flow import Batch, Decision, FollowUp, Item, Page, Record, Result, Route, Skip, Sync, Write
from integration.errors import NotFound
from integration.models import WebhookEvent
from integration.recipes.leadboxer_pipedrive import source
from integration.recipes.leadboxer_pipedrive.source import to_record

TARGET, CREATED, PART = "target", "created", "part"
ORGANIZATION, PERSON = "lead_to_organization", "lead_to_person"


class Enrich:
    """LeadBoxer lead → fields of its organization or person in Pipedrive."""

    side = "left"
    source_object = "lead"
    events: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    batch_size = 50
    urgent = False

    def __init__(self, key: str, label: str, target_object: str) -> None:
        self.key, self.label, self.target_object = key, label, target_object
        self.link_type = f"enriched_{target_object}"

    def enabled(self, settings: Mapping[str, Any]) -> bool:
        """On with either part."""
        return bool(settings.get("leads_enabled") or settings.get("activities_enabled"))

    def route(self, ctx: Context, event: WebhookEvent) -> Sequence[Route] | Skip:
        """Only the flows that link a lead start it."""
        return Skip("unhandled_event")

    def read(self, ctx: Context, items: Sequence[Item]) -> Mapping[str, Record]:
        """One call per lead, in the dataset of the part that asked."""
        found: dict[str, Record] = {}
        for part in ("leads", "activities"):
            mine = [item for item in items if str(item.hint.get(PART) or _only_part(ctx)) == part]
            found |= {key: to_record(lead) for key, lead in source.read(ctx, part, mine).items()} if mine else {}
        return found

    def page(self, ctx: Context, kind: str, cursor: Any, since: datetime | None) -> Page:
        """Takes part in no run."""
        return Page([])

    def count(self, ctx: Context, kind: str) -> int | None:
        """Takes part in no run."""
        return None

    def decide(self, ctx: Context, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Write what is mapped to the record the lead was linked to."""
        link = batch.links.get(item.external_id)
        target = str(item.hint.get(TARGET) or (link.target_id if link else ""))
        if record is None:
            return Skip("deleted_at_source")
        if not target:
            return Skip("not_linked")
        creating = bool(item.hint.get(CREATED) or (link is not None and link.notes.get(CREATED)))
        return Sync("update", creating=creating, extra={TARGET: target}, notes={CREATED: creating})

    def write(self, ctx: Context, writes: Sequence[Write]) -> Sequence[Result]:
        """One call per record, with what is known; an unknown value never clears."""
        return each(ctx, writes, lambda write: self._write(ctx, write))

    def _write(self, ctx: Context, write: Write) -> Result:
        target, known = (
            str(write.values[TARGET]),
            {k: v for k, v in write.values.items() if v is not None and k != TARGET},
        )
        values = nested(ctx, self.target_object, known)
        created = bool(write.item.hint.get(CREATED) or (write.link is not None and write.link.notes.get(CREATED)))
        if not values:
            return Result("skipped", target_id=target, reason="unchanged", notes={CREATED: created})
        update = ctx.right.update_organization if self.target_object == "organization" else ctx.right.update_person
        try:
            update(target, values)
        except NotFound:
            return Result("skipped", reason="not_linked", link_state="removed", written={}, call=ctx.last_call())
        return Result("synced", target_id=target, notes={CREATED: created}, call=ctx.last_call())


def wishes(
    ctx: Context, lead_id: str, organization: tuple[str, bool], person: tuple[str, bool], part: str = "leads"
) -> tuple[FollowUp, ...]:
    """What to start for a lead: each of the two records (its id, whether it was just created) that has rows mapped."""
    found = []
    for key, (target, created) in ((ORGANIZATION, organization), (PERSON, person)):
        if target and mapping_rows(ctx, ctx.recipe.flow(key)):
            hint = {TARGET: target, PART: part, **({CREATED: True} if created else {})}
            found.append(FollowUp(key, lead_id, hint))
    return tuple(found)


def nested(ctx: Context, object_type: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by field key as the client takes them: custom fields in an object of their own."""
    fields = ctx.fields("right", object_type)
    own = {key: value for key, value in values.items() if key in fields and fields[key].custom}
    rest = {key: value for key, value in values.items() if key not in own}
    return {**rest, **({"custom_fields": own} if own else {})}


def _only_part(ctx: Context) -> str:
    return "leads" if ctx.settings["leads_enabled"] else "activities"
