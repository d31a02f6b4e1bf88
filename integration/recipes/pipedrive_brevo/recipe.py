"""Declare Pipedrive ↔ Brevo: flows, settings, provisioning. Found by the registry."""

from __future__ import annotations

from integration.engine.api import Choices, Recipe, own_fields
from integration.recipes.pipedrive_brevo import contact_lookup, places
from integration.recipes.pipedrive_brevo.activity_to_event import ActivityToEvent
from integration.recipes.pipedrive_brevo.contact_to_person import ContactToPerson, consent_of
from integration.recipes.pipedrive_brevo.deal_to_contact import DealToContact
from integration.recipes.pipedrive_brevo.imports import ImportCheck
from integration.recipes.pipedrive_brevo.lead_to_list import LeadToList
from integration.recipes.pipedrive_brevo.new_contact_to_person import NewContactToPerson
from integration.recipes.pipedrive_brevo.organization_to_company import OrganizationToCompany
from integration.recipes.pipedrive_brevo.permissions import PERMISSIONS
from integration.recipes.pipedrive_brevo.person_to_contact import PersonToContact
from integration.recipes.pipedrive_brevo.person_to_event import PersonToEvent
from integration.recipes.pipedrive_brevo.reasons import REASONS
from integration.recipes.pipedrive_brevo.report import report
from integration.recipes.pipedrive_brevo.settings import DEFAULTS, SettingsForm, summary, warnings
from integration.recipes.pipedrive_brevo.steps import needed_fields, steps
from integration.recipes.shared import pipedrive_people as people

RECIPE = Recipe(
    key="pipedrive_brevo",
    label="Pipedrive ↔ Brevo",
    left="pipedrive",
    right="brevo",
    flows=(
        ContactToPerson(), PersonToContact(), ImportCheck(), NewContactToPerson(), DealToContact(), PersonToEvent(),
        OrganizationToCompany(),
        ActivityToEvent(), LeadToList(),
    ),
    permissions=PERMISSIONS,
    settings_form=SettingsForm,
    default_settings=DEFAULTS,
    steps=steps,
    reasons=REASONS,
    warnings=warnings,
    summary=summary,
    fields=needed_fields,
    search=people.search,
    at_target=contact_lookup.look_up,
    consent_of=consent_of,
    report=report,
    choices={
        "person_fields": Choices("left", lambda ctx: own_fields(ctx, "left", "person")),
        "stages": Choices("left", places.stage_choices),
        "lists": Choices("right", places.list_choices),
    },
)  # fmt: skip
