"""What installing any of these recipes does: contact fields in Maileon, and values back into a field made anew."""

from __future__ import annotations

from integration.connectors.base import FieldSpec
from integration.engine.context import Context
from integration.engine.jobs import save_jobs
from integration.models import FieldMapping, RecordLink, SyncJob
from integration.recipes.newsletter import consent


def create_contact_fields(ctx: Context, flow: str, source_object: str) -> str:
    """Create the contact fields mapped by this flow that Maileon does not have yet, with the right type."""
    ctx.talking_to = "left"
    source_fields = ctx.fields("left", source_object)
    ctx.talking_to = "right"
    known = ctx.fields("right", "contact", fresh=True)
    made = []
    for row in FieldMapping.objects.filter(integration=ctx.integration, flow=flow).exclude(direction="off"):
        if row.target not in known:
            spec = source_fields.get(row.source.removeprefix("custom_fields."))
            kind = row.options.get("target_type") or (contact_field_type(spec) if spec else "text")
            ctx.connection("right").connector.create_field(
                ctx.right, "contact", FieldSpec(row.target, row.target, kind, custom=True)
            )
            made.append(row.target)
    if made:
        ctx.fields("right", "contact", fresh=True)
    return f"created {', '.join(made)}" if made else "in place"


def contact_field_type(spec: FieldSpec) -> str:
    """The type a contact field gets for this source field. It can never be changed again."""
    return spec.type if spec.type in ("number", "integer", "boolean", "date") else "text"


def mark_vanished(ctx: Context, flow: str, source_object: str, words: str, *, prefix: str = "") -> None:
    """Say on each mapping row (of fields with this prefix) whether its source field still exists."""
    fields = ctx.fields("left", source_object)
    rows = FieldMapping.objects.filter(integration=ctx.integration, flow=flow, source__startswith=prefix)
    for row in rows.exclude(source=""):
        problem = "" if row.source.removeprefix(prefix) in fields else words
        if row.problem != problem:
            row.problem = problem
            row.save(update_fields=["problem"])


def restore_values(ctx: Context, link_type: str, flow: str, states: frozenset[str] | None = None) -> int:
    """A field made anew is empty for everybody: queue what we know of each person, or of those in these states."""
    links = RecordLink.objects.filter(integration=ctx.integration, link_type=link_type)
    jobs = [
        SyncJob(integration=ctx.integration, flow=flow, external_id=link.source_id, hint={"restore": True})
        for link in links.iterator(chunk_size=2000)
        if (consent.of(link) in states if states else consent.of(link) != consent.NONE)
    ]
    save_jobs(jobs)
    return len(jobs)
