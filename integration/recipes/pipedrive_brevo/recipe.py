"""Declare Pipedrive ↔ Brevo: flows, settings, default mapping, webhooks, provisioning. Found by the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.engine.api import Choices, MappingRow, Recipe, TwoWay, own_fields
from integration.recipes.pipedrive_brevo import directory, places
from integration.recipes.pipedrive_brevo.activity_to_event import ActivityToEvent
from integration.recipes.pipedrive_brevo.contact_to_person import ContactToPerson, consent_of
from integration.recipes.pipedrive_brevo.deal_to_contact import DealToContact
from integration.recipes.pipedrive_brevo.figures import MORE_OF_A_PERSON, REVENUE
from integration.recipes.pipedrive_brevo.imports import ImportCheck
from integration.recipes.pipedrive_brevo.lead_to_list import LeadToList
from integration.recipes.pipedrive_brevo.new_contact_to_person import NewContactToPerson
from integration.recipes.pipedrive_brevo.organization_to_company import OrganizationToCompany
from integration.recipes.pipedrive_brevo.person_to_contact import DEALS, PEOPLE, PersonToContact
from integration.recipes.pipedrive_brevo.person_to_event import PersonToEvent
from integration.recipes.pipedrive_brevo.report import report
from integration.recipes.pipedrive_brevo.settings import DEFAULTS, SettingsForm, summary, warnings
from integration.recipes.pipedrive_brevo.steps import needed_fields, steps
from integration.recipes.shared import pipedrive_people as people

FIGURE = {"target_type": "number"}
PERSON_MAPPING = (
    MappingRow("name", "FULLNAME"),
    MappingRow("first_name", "FIRSTNAME", direction="both"),
    MappingRow("last_name", "LASTNAME", direction="both"),
    MappingRow("phone", "SMS", "phone", {"region": "NL"}, direction="both"),
    MappingRow("org_id.name", "COMPANY"),
    MappingRow("won_deals_count", "WON_DEALS", "number", FIGURE),
    MappingRow("lost_deals_count", "LOST_DEALS", "number", FIGURE),
    MappingRow("open_deals_count", "OPEN_DEALS", "number", FIGURE),
    MappingRow("closed_deals_count", "CLOSED_DEALS", "number", FIGURE),
    MappingRow(REVENUE, "LTV", "number", FIGURE),
)


ORGANIZATION_MAPPING = (
    MappingRow("name", "name", required=True),
    MappingRow("website", "domain"),
)


def webhooks(settings: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """The vendor events needed with these settings, by side. Deals change a person's figures too."""
    persons, deals = settings["persons_enabled"], settings["deals_enabled"]
    left = (PEOPLE | DEALS if persons else frozenset()) | (DEALS if deals else frozenset())
    left |= OrganizationToCompany.events if settings["organizations_enabled"] else frozenset()
    left |= ActivityToEvent.events if settings["activities_enabled"] else frozenset()
    left |= LeadToList.events if settings["leads_enabled"] else frozenset()
    return {"left": left, "right": ContactToPerson.events if persons else frozenset()}


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
    settings_form=SettingsForm,
    default_settings=DEFAULTS,
    default_mappings={
        "person_to_contact": PERSON_MAPPING,
        "organization_to_company": ORGANIZATION_MAPPING,
    },
    steps=steps,
    webhooks=webhooks,
    warnings=warnings,
    summary=summary,
    fields=needed_fields,
    search=people.search,
    at_target=directory.look_up,
    more_sources={"person_to_contact": MORE_OF_A_PERSON},
    consent_of=consent_of,
    takes_away={"person_to_contact": frozenset({"delete", "leave_list"})},
    own_targets={"person_to_contact": frozenset({"email"})},
    two_way={"person_to_contact": TwoWay("contact_to_person", lambda settings: str(settings["conflicts"]))},
    report=report,
    choices={
        "person_fields": Choices("left", lambda ctx: own_fields(ctx, "left", "person")),
        "stages": Choices("left", places.stage_choices),
        "lists": Choices("right", places.list_choices),
    },
)  # fmt: skip
