"""Declare Planhat ↔ Pipedrive: flows, settings, provisioning. Found by the registry."""

from __future__ import annotations

from integration.engine.api import Choices, Recipe
from integration.recipes.planhat_pipedrive import contact_lookup, places
from integration.recipes.planhat_pipedrive.company_to_organization import CompanyToOrganization
from integration.recipes.planhat_pipedrive.deal_to_license import DealToLicense
from integration.recipes.planhat_pipedrive.deal_to_sale import DealToSale
from integration.recipes.planhat_pipedrive.new_company_to_organization import NewCompanyToOrganization
from integration.recipes.planhat_pipedrive.note_to_note import NoteToNote
from integration.recipes.planhat_pipedrive.notes_of_person import NotesOfPerson
from integration.recipes.planhat_pipedrive.organization_to_company import OrganizationToCompany
from integration.recipes.planhat_pipedrive.permissions import PERMISSIONS
from integration.recipes.planhat_pipedrive.person_to_enduser import PersonToEnduser
from integration.recipes.planhat_pipedrive.reasons import REASONS
from integration.recipes.planhat_pipedrive.settings import DEFAULTS, SettingsForm, summary, warnings
from integration.recipes.planhat_pipedrive.steps import steps
from integration.recipes.planhat_pipedrive.sync_company import SyncCompany

RECIPE = Recipe(
    key="planhat_pipedrive",
    label="Planhat ↔ Pipedrive",
    left="pipedrive",
    right="planhat",
    flows=(
        SyncCompany(), DealToLicense(), OrganizationToCompany(), CompanyToOrganization(), NewCompanyToOrganization(),
        DealToSale(), PersonToEnduser(), NoteToNote(), NotesOfPerson(),
    ),
    permissions=PERMISSIONS,
    settings_form=SettingsForm,
    default_settings=DEFAULTS,
    reasons=REASONS,
    steps=steps,
    warnings=warnings,
    summary=summary,
    search=contact_lookup.search,
    at_target=contact_lookup.at_target,
    choices={
        "pipelines": Choices("left", places.pipeline_choices),
        "dates": Choices("left", places.date_choices),
        "rules": Choices("left", places.rule_choices),
    },
)  # fmt: skip
