"""Declare Planhat ↔ Pipedrive: flows, settings, default mapping, webhooks, provisioning. Found by the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.connectors.base import FieldSpec
from integration.engine.api import Choices, MappingRow, Recipe, TwoWay
from integration.recipes.planhat_pipedrive import directory, places
from integration.recipes.planhat_pipedrive.company_to_organization import CompanyToOrganization
from integration.recipes.planhat_pipedrive.deal_to_license import DealToLicense
from integration.recipes.planhat_pipedrive.deal_to_sale import DealToSale
from integration.recipes.planhat_pipedrive.new_company_to_organization import NewCompanyToOrganization
from integration.recipes.planhat_pipedrive.note_to_note import NoteToNote
from integration.recipes.planhat_pipedrive.notes_of_person import NotesOfPerson
from integration.recipes.planhat_pipedrive.organization_to_company import OrganizationToCompany
from integration.recipes.planhat_pipedrive.person_to_enduser import PersonToEnduser
from integration.recipes.planhat_pipedrive.settings import DEFAULTS, SettingsForm, summary, warnings
from integration.recipes.planhat_pipedrive.steps import steps
from integration.recipes.planhat_pipedrive.sync_company import SyncCompany

ORGANIZATION_MAPPING = (
    MappingRow("name", "name", direction="both", required=True),
    MappingRow("address", "address"),
    MappingRow("address_parts.postal_code", "zip"),
    MappingRow("address_parts.locality", "city"),
    MappingRow("address_parts.country", "country"),
)
PERSON_MAPPING = (
    MappingRow("first_name", "firstName"),
    MappingRow("last_name", "lastName"),
    MappingRow("phone", "phone"),
)
DEAL_MAPPING = (MappingRow("title", "product"),)
PARTS_OF_ADDRESS = tuple(
    FieldSpec(f"address_parts.{key}", f"Address: {label}", "text", writable=False)
    for key, label in (
        ("postal_code", "postal code"), ("locality", "city"), ("country", "country"), ("route", "street"),
        ("street_number", "house number"), ("admin_area_level_1", "state"),
    )
)  # fmt: skip


def webhooks(settings: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """Deals are all that triggers. At Planhat nothing can be subscribed to."""
    return {"left": DealToLicense.events if DealToLicense().enabled(settings) else frozenset(), "right": frozenset()}


RECIPE = Recipe(
    key="planhat_pipedrive",
    label="Planhat ↔ Pipedrive",
    left="pipedrive",
    right="planhat",
    flows=(
        SyncCompany(), DealToLicense(), OrganizationToCompany(), CompanyToOrganization(), NewCompanyToOrganization(),
        DealToSale(), PersonToEnduser(), NoteToNote(), NotesOfPerson(),
    ),
    settings_form=SettingsForm,
    default_settings=DEFAULTS,
    default_mappings={
        "organization_to_company": ORGANIZATION_MAPPING,
        "person_to_enduser": PERSON_MAPPING,
        "deal_to_license": DEAL_MAPPING,
        "deal_to_sale": DEAL_MAPPING,
    },
    steps=steps,
    webhooks=webhooks,
    warnings=warnings,
    summary=summary,
    search=directory.search,
    at_target=directory.at_target,
    more_sources={"organization_to_company": PARTS_OF_ADDRESS},
    own_targets={
        "organization_to_company": frozenset({"owner"}),
        "person_to_enduser": frozenset({"email", "companyId"}),
        "deal_to_license": frozenset({"companyId", "_currency", "fromDate", "toDate", "fixedPeriod", "value", "mrr"}),
        "deal_to_sale": frozenset({"companyId", "_currency", "salesDate", "value"}),
    },
    two_way={
        "organization_to_company": TwoWay("company_to_organization", lambda settings: str(settings["conflicts"])),
    },
    choices={
        "pipelines": Choices("left", places.pipeline_choices),
        "dates": Choices("left", places.date_choices),
        "rules": Choices("left", places.rule_choices),
    },
)  # fmt: skip
