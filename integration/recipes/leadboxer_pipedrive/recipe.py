"""Declare LeadBoxer → Pipedrive: flows, settings, provisioning. Found by the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from integration.connectors.leadboxer.client import seen_within
from integration.connectors.leadboxer.records import Lead
from integration.engine.api import Choices, Found, MappingRow, Recipe, setting
from integration.errors import NotFound
from integration.models import RecordLink
from integration.recipes.leadboxer_pipedrive import source, steps
from integration.recipes.leadboxer_pipedrive.enrichment import ORGANIZATION, PERSON, Enrich
from integration.recipes.leadboxer_pipedrive.lead_to_lead import KEY, LINK_TYPE, LeadToLead
from integration.recipes.leadboxer_pipedrive.permissions import PERMISSIONS
from integration.recipes.leadboxer_pipedrive.reasons import REASONS
from integration.recipes.leadboxer_pipedrive.session import Session
from integration.recipes.leadboxer_pipedrive.settings import DEFAULTS, PARTS, SettingsForm, summary, warnings
from integration.recipes.leadboxer_pipedrive.state import TrialState
from integration.recipes.leadboxer_pipedrive.visit_to_activity import VisitToActivity

# Fields every Pipedrive has. What people entered themselves is never overwritten: only when created.
ORGANIZATION_MAPPING = (
    MappingRow("organizationEmployeeCountEstimate", "employee_count", "number", only_create=True),
    MappingRow("organizationLinkedInUrl", "linkedin", only_create=True),
)
FOUND_AT_MOST = 20


def search(ctx: Session, text: str) -> Sequence[Found]:
    """Leads by id, or by any word of theirs, in the segments of the parts that are on."""
    found: dict[str, Found] = {}
    for part in PARTS:
        if not setting(ctx.settings, f"{part}_enabled") or not setting(ctx.settings, f"{part}_dataset"):
            continue
        for lead in _leads(ctx, part, text):
            name = lead.name or lead.organization or lead.email or lead.id
            found.setdefault(lead.id, Found(KEY, lead.id, name, lead.email))
    return list(found.values())


def _leads(ctx: Session, part: str, text: str) -> Sequence[Lead]:
    if text.replace(".", "").isdigit():
        try:
            return [ctx.left.get_lead(source.dataset_of(ctx, part), text)]
        except NotFound:
            return []
    criteria = {source.TIME: seen_within(int(ctx.settings["lookback_days"])), "search": text}
    page = ctx.left.leads_page(source.dataset_of(ctx, part), criteria, None, FOUND_AT_MOST)
    return list(page.leads)


def at_target(ctx: Session, email: str, link: RecordLink | None) -> Mapping[str, JSONValue] | None:
    """What Pipedrive has of this lead now, by field; None when it has none."""
    if link is None or link.link_type != LINK_TYPE or not link.target_id or TrialState.of(link).trial:
        return None
    try:
        lead = ctx.right.get_lead(link.target_id)
    except NotFound:
        return None
    fields = ctx.fields("right", "lead")
    own = {fields[key].label: value for key, value in lead.custom_fields.items() if key in fields and value}
    return {"title": lead.title, "organization": lead.org_id, "person": lead.person_id, **own}


RECIPE = Recipe(
    key="leadboxer_pipedrive",
    label="LeadBoxer → Pipedrive",
    left="leadboxer",
    right="pipedrive",
    flows=(
        LeadToLead(), VisitToActivity(),
        Enrich(
            ORGANIZATION, _("Lead → organization"), "organization",
            mapping=ORGANIZATION_MAPPING, own_targets=frozenset({"name"}),
        ),
        Enrich(PERSON, _("Lead → person"), "person", mapping=(), own_targets=frozenset({"email"})),
    ),
    permissions=PERMISSIONS,
    settings_form=SettingsForm,
    default_settings=DEFAULTS,
    reasons=REASONS,
    steps=steps.steps,
    warnings=warnings,
    summary=summary,
    fields=steps.needed_fields,
    search=search,
    at_target=at_target,
    poll_minutes=lambda settings: int(settings["interval"]),
    choices={
        "datasets": Choices("left", source.dataset_choices),
        "segments": Choices("left", source.segment_choices),
        "lead_fields": Choices("left", source.field_choices),
        "pipelines": Choices("right", steps.pipeline_choices),
        "types": Choices("right", steps.type_choices),
    },
)  # fmt: skip
