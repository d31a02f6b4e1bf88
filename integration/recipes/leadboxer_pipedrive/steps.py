"""What installing this recipe makes in Pipedrive: the field that holds the LeadBoxer id, and those chosen for a lead.

Every step looks first and creates only what is missing, so it may run again at any time and repairs what was deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import partial

from integration.connectors.base import FieldSpec
from integration.engine.api import NeededField, Step, new_fields, setting
from integration.errors import TenantActionError
from integration.models import FieldMapping
from integration.recipes.leadboxer_pipedrive import source
from integration.recipes.leadboxer_pipedrive.lead_to_lead import KEY
from integration.recipes.leadboxer_pipedrive.reasons import LeadBoxerReason
from integration.recipes.leadboxer_pipedrive.session import Session

MARKER = FieldSpec("", "LeadBoxer id", "text", custom=True)
PREFIX = "LeadBoxer: "  # begins the name of each field made for a lead
OURS = "by_settings"  # among a row's options: the field of the settings it was made for
KINDS = {"number": "number"}  # LeadBoxer's type → the type of the field made for it; all others are text


def steps(ctx: Session) -> Sequence[Step]:
    """The steps for the present settings."""
    found = []
    for part, label in (("leads", "Leads"), ("activities", "Activities")):
        if setting(ctx.settings, f"{part}_enabled"):
            found.append(Step(f"segment_{part}", f"Segment for {label}", partial(segment, part)))
    if ctx.settings["leads_enabled"]:
        found.append(Step("marker", f"Field “{MARKER.label}” in Pipedrive", marker))
        found.append(Step("lead_fields", "Fields of a lead in Pipedrive", lead_fields))
    if ctx.settings["trial"] or ctx.settings["create_deals"]:
        found.append(Step("pipelines", "Pipelines in Pipedrive", pipelines))
    return found


def needed_fields(ctx: Session) -> Sequence[NeededField]:
    """The field that holds the LeadBoxer id."""
    if not ctx.settings["leads_enabled"]:
        return []
    return [NeededField("right", "lead", str(ctx.resources.get("leadboxer_id", "")), MARKER.label)]


def segment(part: str, ctx: Session) -> str:
    """The part's segment must exist."""
    ctx.last_side = "left"
    name, criteria = source.segment_of(ctx, part, fresh=True)
    return f"“{name}”, {len(criteria)} criteria" if criteria else f"“{name}”, without criteria: every lead"


def marker(ctx: Session) -> str:
    """Find our field by its remembered key, else by its name, else create it. Leads inherit the fields of deals."""
    ctx.last_side = "right"
    fields = ctx.fields("right", "lead", fresh=True)
    if str(ctx.resources.get("leadboxer_id")) in fields:
        return "in place"
    named = [spec for spec in fields.values() if spec.custom and spec.label == MARKER.label and spec.type == "text"]
    if named:
        ctx.resources["leadboxer_id"] = named[0].key
        return "found"
    ctx.resources["leadboxer_id"] = _created(ctx, MARKER).key
    return "created"


def lead_fields(ctx: Session) -> str:
    """One mapping row for each LeadBoxer field chosen in the settings, with a field in Pipedrive named after it.

    A row the tenant has changed on the Fields page is the tenant's: it is left as it is.
    """
    ctx.last_side = "left"
    offered = ctx.fields("left", "lead")
    chosen = list(ctx.settings["lead_fields"])
    ctx.last_side = "right"
    rows = _kept_rows(ctx, chosen)
    missing = [key for key in chosen if key in offered and key not in rows]
    made = _fields_for(ctx, {key: offered[key] for key in missing}, {row.target for row in rows.values()})
    for key in missing:
        if key in made.by_key:
            _add_row(ctx, offered[key], made.by_key[key], position=100 + chosen.index(key))
    said = made.said()
    return said if made.by_key else f"{len(chosen)} in place"


def _kept_rows(ctx: Session, chosen: Sequence[str]) -> dict[str, FieldMapping]:
    """LeadBoxer field → its row. Deletes rows of ours that nobody wants any more, or whose field was deleted."""
    there = ctx.fields("right", "lead")
    stored = FieldMapping.objects.filter(integration=ctx.integration, flow=KEY)
    rows = {str(row.options.get(OURS) or row.source): row for row in stored}
    ours = [key for key, row in rows.items() if row.options.get(OURS) == row.source]
    for key in ours:
        if key not in chosen or rows[key].target not in there:
            rows.pop(key).delete()
    return rows


def _add_row(ctx: Session, source: FieldSpec, target: FieldSpec, *, position: int) -> None:
    kind = KINDS.get(source.type, "text")
    FieldMapping.objects.create(
        integration=ctx.integration, flow=KEY, position=position, source=source.key, target=target.key,
        transform="number" if kind == "number" else "text", options={OURS: source.key, "target_type": kind},
    )  # fmt: skip


def _fields_for(ctx: Session, wanted: Mapping[str, FieldSpec], taken: Set[str]) -> new_fields.Made:
    """A field of Pipedrive for each LeadBoxer field: one of that name that no row writes, or a new one."""
    connector, there = ctx.connection("right").connector, ctx.fields("right", "lead")
    free = {spec.label: spec for spec in there.values() if spec.custom and spec.key not in taken}
    used = {there[key].label for key in taken if key in there}
    done, new = new_fields.Made(), {}
    for key, offered in wanted.items():
        label = new_fields.free_name(connector, f"{PREFIX}{offered.label}", used, {})
        used.add(label)
        if label in free:
            done.by_key[key] = free[label]
        else:
            new[key] = FieldSpec("", label, KINDS.get(offered.type, "text"), custom=True)
    made = new_fields.make(ctx, "right", "lead", [(spec.label, spec) for spec in new.values()])
    done.by_key |= {key: made.by_key[spec.label] for key, spec in new.items() if spec.label in made.by_key}
    done.refused += made.refused
    return done


def pipelines(ctx: Session) -> str:
    """The chosen pipelines must exist."""
    ctx.last_side = "right"
    there = {row.id: row.name for row in ctx.right.get_pipelines() if not row.is_deleted}
    chosen = [str(ctx.settings["trial_pipeline"])] if ctx.settings["trial"] else []
    chosen += [str(ctx.settings["pipeline"])] if ctx.settings["create_deals"] else []
    if any(key not in there for key in chosen):
        raise TenantActionError(
            "The chosen pipeline no longer exists in Pipedrive.", reason=LeadBoxerReason.SEGMENT_MISSING
        )
    return ", ".join(f"“{there[key]}”" for key in dict.fromkeys(chosen))


def pipeline_choices(ctx: Session) -> list[tuple[str, str]]:
    """Pipedrive's pipelines as a picker shows them."""
    rows = [row for row in ctx.right.get_pipelines() if not row.is_deleted]
    return [(row.id, row.name) for row in sorted(rows, key=lambda row: row.order_nr)]


def type_choices(ctx: Session) -> list[tuple[str, str]]:
    """Pipedrive's kinds of activities as a picker shows them."""
    return [(row.key, row.name) for row in ctx.right.get_activity_types()]


def _created(ctx: Session, spec: FieldSpec) -> FieldSpec:
    made = ctx.connection("right").connector.create_field(ctx.right, "lead", spec)
    ctx.fields("right", "lead", fresh=True)
    return made
