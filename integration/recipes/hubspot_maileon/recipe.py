"""Declare HubSpot ↔ Maileon: flows, settings, provisioning. Found by the registry."""

from __future__ import annotations

from integration.engine.api import Choices, Recipe
from integration.recipes.hubspot_maileon import contacts, stages
from integration.recipes.hubspot_maileon.consent_to_contact import ConsentToContact
from integration.recipes.hubspot_maileon.contact_to_contact import ContactToContact
from integration.recipes.hubspot_maileon.permissions import PERMISSIONS
from integration.recipes.hubspot_maileon.reasons import REASONS
from integration.recipes.hubspot_maileon.settings import DEFAULTS, Settings, SettingsForm, summary, warnings
from integration.recipes.hubspot_maileon.steps import needed_fields, steps
from integration.recipes.newsletter import consent, contact_lookup
from integration.recipes.newsletter.opt_in_trial import opt_in_trial


def _asks_for_plus(settings: Settings) -> bool:
    return settings["doi_plus"]


RECIPE = Recipe(
    key="hubspot_maileon",
    label="HubSpot ↔ Maileon",
    left="hubspot",
    right="maileon",
    flows=(ContactToContact(), ConsentToContact()),
    permissions=PERMISSIONS,
    settings_form=SettingsForm,
    default_settings=DEFAULTS,
    steps=steps,
    reasons=REASONS,
    warnings=warnings,
    summary=summary,
    search=contacts.search,
    choices={"stages": Choices("left", stages.options)},
    fields=needed_fields,
    at_target=contact_lookup.look_up,
    consent_of=lambda notes: str(notes.get("consent", "")),
    opt_in_states=(consent.PENDING, consent.CONFIRMED),
    opt_in_trial=opt_in_trial(_asks_for_plus, contacts.search),
)
