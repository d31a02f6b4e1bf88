"""What installing any of these recipes does: contact fields in Maileon, and values back into a field made anew."""

from __future__ import annotations

from integration.connectors.base import FieldSpec
from integration.engine.api import EventContext, catalogue, new_fields, save_jobs
from integration.models import FieldMapping, RecordLink, SyncJob
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.session import Session
from integration.recipes.shared.custom_fields import target_type


def create_contact_fields(ctx: Session, flow: str) -> str:
    """Create the contact fields mapped by this flow that Maileon does not have yet, with the right type."""
    fields = catalogue(ctx, ctx.recipe.flow(flow), fresh=True)
    ctx.last_side = "right"
    wanted: list[tuple[str, FieldSpec]] = []
    for row in FieldMapping.objects.filter(integration=ctx.integration, flow=flow).exclude(direction="off"):
        if row.target not in fields.targets:
            spec = fields.sources.get(row.source)
            kind = row.options.get("target_type") or (target_type(spec) if spec else "text")
            wanted.append((spec.label if spec else row.target, FieldSpec(row.target, row.target, kind, custom=True)))
    return new_fields.make(ctx, "right", "contact", wanted).said()


def restore_values(ctx: Session, link_type: str, flow: str, states: frozenset[str] | None = None) -> int:
    """A field made anew is empty for everybody: queue what we know of each person, or of those in these states."""
    links = RecordLink.objects.filter(integration=ctx.integration, link_type=link_type)
    jobs = [
        SyncJob(
            integration=ctx.integration, flow=flow, external_id=link.source_id, hint=EventContext(restore=True).stored
        )
        for link in links.iterator(chunk_size=2000)
        if (consent.of(link) in states if states else consent.of(link) != consent.NONE)
    ]
    save_jobs(jobs)
    return len(jobs)
