"""What installing this recipe makes: custom fields in Planhat that mapping rows name and Planhat does not have yet."""

from __future__ import annotations

from collections.abc import Sequence

from integration.connectors import naming
from integration.connectors.base import FieldSpec
from integration.engine.api import Flow, Step, new_fields
from integration.models import FieldMapping
from integration.recipes.planhat_pipedrive import chosen
from integration.recipes.planhat_pipedrive.session import Session


def steps(ctx: Session) -> Sequence[Step]:
    """What the settings name must be there; what mapping rows ask for is made."""
    return [
        Step("deals", "Pipelines and deal fields in Pipedrive", deal_places),
        Step("fields", "Custom fields in Planhat", custom_fields),
    ]


def deal_places(ctx: Session) -> str:
    """Look for the pipelines and fields the settings name. Raises TenantActionError for those that are gone."""
    ctx.last_side = "left"
    chosen.refuse(chosen.gone(ctx, fresh=True))
    chosen.remember(ctx)
    return f"{len(ctx.settings['pipelines']) or 'all'} pipelines"


def custom_fields(ctx: Session) -> str:
    """Create the field a row asks for by its name, and let the row name it by its id: names can change."""
    for source in sorted({flow.source_object for flow in _mapped(ctx)} - {"deal"}):  # deals were read just before
        ctx.fields("left", source, fresh=True)
    ctx.last_side = "right"
    done = new_fields.Made()
    for flow in _mapped(ctx):
        _fields_of(ctx, flow, done)
    return done.said()


def _fields_of(ctx: Session, flow: Flow, done: new_fields.Made) -> None:
    """The fields that the rows of one flow ask for. One that has the name already is the one that is meant."""
    known = ctx.fields("right", flow.target_object, fresh=True)
    rows = FieldMapping.objects.filter(integration=ctx.integration, flow=flow.key, options__has_key="target_type")
    asked = [row for row in rows.exclude(direction="off") if row.target not in known]
    there = {naming.plain(spec.label): spec for spec in known.values() if spec.custom}
    wanted = [
        (row.target, FieldSpec("", row.target, str(row.options["target_type"]), custom=True))
        for row in asked
        if naming.plain(row.target) not in there
    ]
    made = new_fields.make(ctx, "right", flow.target_object, wanted)
    for row in asked:
        spec = there.get(naming.plain(row.target)) or made.by_key.get(row.target)
        if spec is not None:
            FieldMapping.objects.filter(pk=row.pk).update(target=spec.key)
            done.by_key[f"{flow.key}:{row.target}"] = spec
    done.refused += made.refused


def _mapped(ctx: Session) -> list[Flow]:
    return [flow for flow in ctx.recipe.flows if flow.mapping is not None and flow.enabled(ctx.settings)]
