"""What installing any of these recipes does: contact fields in Maileon, and values back into a field made anew."""

from __future__ import annotations

from integration.connectors.base import FieldSpec
from integration.engine.api import EventContext, catalogue, new_fields, save_jobs
from integration.models import FieldMapping, Integration, RecordLink, SyncJob
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.session import Session
from integration.recipes.shared.custom_fields import target_type

RESTORING = "restoring"  # the resource that says which values are still to be written back
PORTION = 1000  # people in one transaction


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
    """A field made anew is empty for everybody: queue what we know of each person, or of those in these states.

    Goes in portions, since one transaction for all would keep the intake waiting. How far it came is stored, so that
    the next set-up goes on where one ended that did not finish (`is_restoring`).
    """
    count, last = 0, int(_restoring(ctx).get(flow) or 0)
    _remember(ctx, flow, last)
    links = RecordLink.objects.filter(integration=ctx.integration, link_type=link_type).order_by("pk")
    while True:
        portion = list(links.filter(pk__gt=last)[:PORTION])
        if not portion:
            break
        jobs = [
            SyncJob(
                integration=ctx.integration, flow=flow, external_id=link.source_id,
                hint=EventContext(restore=True).stored,
            )
            for link in portion
            if (consent.of(link) in states if states else consent.of(link) != consent.NONE)
        ]  # fmt: skip
        save_jobs(jobs)
        count, last = count + len(jobs), portion[-1].pk
        _remember(ctx, flow, last)
    _remember(ctx, flow, None)
    return count


def announce_restore(ctx: Session, flow: str) -> None:
    """Store, before a field is made anew, that its values are to be written back."""
    _remember(ctx, flow, int(_restoring(ctx).get(flow) or 0))


def is_restoring(ctx: Session, flow: str) -> bool:
    """Whether values are still to be written back: an earlier set-up did not come to its end."""
    return flow in _restoring(ctx)


def _restoring(ctx: Session) -> dict[str, int]:
    """Flow → the last link whose value was queued."""
    return dict(ctx.resources.get(RESTORING) or {})


def _remember(ctx: Session, flow: str, last: int | None) -> None:
    known = {key: value for key, value in _restoring(ctx).items() if key != flow}
    if last is not None:
        known[flow] = last
    ctx.resources[RESTORING] = known
    if not known:
        del ctx.resources[RESTORING]
    Integration.objects.filter(pk=ctx.integration.pk).update(resources=ctx.resources)
