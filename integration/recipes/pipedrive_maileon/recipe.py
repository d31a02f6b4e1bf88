"""Declare Pipedrive ↔ Maileon: flows, settings, provisioning. Found by the registry."""

from __future__ import annotations

from integration.engine.api import Choices, Recipe, own_fields
from integration.recipes.newsletter import consent, contact_lookup
from integration.recipes.newsletter.opt_in_trial import opt_in_trial
from integration.recipes.pipedrive_maileon.consent_to_person import ConsentToPerson
from integration.recipes.pipedrive_maileon.deal_to_event import DealToEvent
from integration.recipes.pipedrive_maileon.permissions import PERMISSIONS
from integration.recipes.pipedrive_maileon.person_to_contact import PersonToContact
from integration.recipes.pipedrive_maileon.reasons import REASONS
from integration.recipes.pipedrive_maileon.settings import DEFAULTS, Settings, SettingsForm, summary, warnings
from integration.recipes.pipedrive_maileon.steps import needed_fields, steps
from integration.recipes.shared import pipedrive_people as people


def _asks_for_plus(settings: Settings) -> bool:
    return True  # whoever clicks in a mail of this product has confirmed twice (seed 000)


RECIPE = Recipe(
    key="pipedrive_maileon",
    label="Pipedrive ↔ Maileon",
    left="pipedrive",
    right="maileon",
    flows=(PersonToContact(), ConsentToPerson(), DealToEvent()),
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
    consent_of=lambda notes: str(notes.get("consent", "")),
    opt_in_states=(consent.PENDING, consent.CONFIRMED),
    opt_in_trial=opt_in_trial(_asks_for_plus, people.search),
    choices={"person_fields": Choices("left", lambda ctx: own_fields(ctx, "left", "person"))},
)
