"""Declare Pipedrive ↔ Maileon: flows, settings, default mapping, webhooks, provisioning. Found by the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.connectors.base import FieldSpec
from integration.engine.api import Choices, MappingRow, Recipe, own_fields
from integration.recipes.newsletter import directory
from integration.recipes.pipedrive_maileon.consent_to_person import ConsentToPerson
from integration.recipes.pipedrive_maileon.deal_to_event import DealToEvent
from integration.recipes.pipedrive_maileon.person_to_contact import PersonToContact
from integration.recipes.pipedrive_maileon.settings import DEFAULTS, SettingsForm, summary, warnings
from integration.recipes.pipedrive_maileon.steps import needed_fields, steps
from integration.recipes.shared import pipedrive_people as people

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

# What `people.to_records` adds to Pipedrive's own fields.
MORE_OF_A_PERSON = (
    FieldSpec("org_id.name", "Organization: name", "text"),
    FieldSpec("owner_id.name", "Owner: name", "text"),
    FieldSpec("owner_id.email", "Owner: e-mail", "email"),
    FieldSpec("company_id", "Pipedrive company id", "text"),
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
    fields=needed_fields,
    search=people.search,
    at_target=directory.look_up,
    more_sources={"person_to_contact": MORE_OF_A_PERSON},
    consent_of=lambda notes: str(notes.get("consent", "")),
    takes_away={"person_to_contact": frozenset({"unsubscribe", "delete"})},
    own_targets={"person_to_contact": frozenset({"email", "external_id"})},
    choices={"person_fields": Choices("left", lambda ctx: own_fields(ctx, "left", "person"))},
)
