"""Declare Pipedrive ↔ Maileon: flows, settings, default mapping, webhooks, provisioning. Found by the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.engine.recipe import MappingRow, Recipe
from integration.recipes.pipedrive_maileon import people
from integration.recipes.pipedrive_maileon.consent_to_person import ConsentToPerson
from integration.recipes.pipedrive_maileon.deal_to_event import DealToEvent
from integration.recipes.pipedrive_maileon.person_to_contact import PersonToContact
from integration.recipes.pipedrive_maileon.settings import DEFAULTS, SettingsForm, choices, summary, warnings
from integration.recipes.pipedrive_maileon.steps import steps

PERSON_MAPPING = (
    MappingRow("first_name", "FIRSTNAME"),
    MappingRow("last_name", "LASTNAME"),
    MappingRow("name", "FULLNAME"),
    MappingRow("org_id.name", "ORGANIZATION"),
    MappingRow("", "createdByPipedrive", "constant", {"value": True, "target_type": "boolean"}, required=True),
    MappingRow("company_id", "pipedriveId", required=True),
    MappingRow("owner_id.name", "owner_name"),
    MappingRow("owner_id.email", "owner_email"),
)


def webhooks(settings: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """The vendor events needed with these settings, by side."""
    people = (
        frozenset({"person.create", "person.change", "person.delete"}) if settings["contacts_enabled"] else frozenset()
    )
    deals = frozenset({"deal.create", "deal.change", "deal.delete"}) if settings["deals_enabled"] else frozenset()
    back = frozenset({"unsubscription", "doi"}) if settings["contacts_enabled"] else frozenset()
    return {"left": people | deals, "right": back}


RECIPE = Recipe(
    key="pipedrive_maileon",
    label="Pipedrive ↔ Maileon",
    left="pipedrive",
    right="maileon",
    flows=(PersonToContact(), ConsentToPerson(), DealToEvent()),
    settings_form=SettingsForm,
    default_settings=DEFAULTS,
    default_mappings={"person_to_contact": PERSON_MAPPING},
    steps=steps,
    webhooks=webhooks,
    warnings=warnings,
    summary=summary,
    choices=choices,
    search=people.search,
)
