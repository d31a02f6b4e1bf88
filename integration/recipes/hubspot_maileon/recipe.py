"""Declare HubSpot ↔ Maileon: flows, settings, default mapping, webhooks, provisioning. Found by the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.engine.api import Choices, MappingRow, Recipe
from integration.recipes.hubspot_maileon import contacts, stages
from integration.recipes.hubspot_maileon.consent_to_contact import ConsentToContact
from integration.recipes.hubspot_maileon.contact_to_contact import ContactToContact
from integration.recipes.hubspot_maileon.settings import DEFAULTS, SettingsForm, summary, warnings
from integration.recipes.hubspot_maileon.steps import needed_fields, steps
from integration.recipes.newsletter import directory

# The seed's own table is lost: these are the natural counterparts. What a portal does not have is left alone.
CONTACT_MAPPING = (
    MappingRow("salutation", "SALUTATION"),
    MappingRow("firstname", "FIRSTNAME"),
    MappingRow("lastname", "LASTNAME"),
    MappingRow("jobtitle", "jobtitle"),
    MappingRow("company", "ORGANIZATION"),
    MappingRow("address", "ADDRESS"),
    MappingRow("zip", "ZIP"),
    MappingRow("city", "CITY"),
    MappingRow("state", "STATE"),
    MappingRow("country", "COUNTRY"),
    MappingRow("date_of_birth", "BIRTHDAY", "date"),
    MappingRow("gender", "GENDER", "gender"),
    MappingRow("hs_language", "LOCALE", "locale"),
)


def webhooks(settings: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """Maileon's two events. HubSpot's are set in the app itself, for all portals."""
    return {"left": frozenset(), "right": frozenset({"unsubscription", "doi"})}


RECIPE = Recipe(
    key="hubspot_maileon",
    label="HubSpot ↔ Maileon",
    left="hubspot",
    right="maileon",
    flows=(ContactToContact(), ConsentToContact()),
    settings_form=SettingsForm,
    default_settings=DEFAULTS,
    default_mappings={"contact_to_contact": CONTACT_MAPPING},
    steps=steps,
    webhooks=webhooks,
    warnings=warnings,
    summary=summary,
    search=contacts.search,
    choices={"stages": Choices("left", stages.options)},
    fields=needed_fields,
    at_target=directory.look_up,
    consent_of=lambda notes: str(notes.get("consent", "")),
    takes_away={"contact_to_contact": frozenset({"unsubscribe", "delete"})},
    own_targets={"contact_to_contact": frozenset({"email", "external_id"})},
)
