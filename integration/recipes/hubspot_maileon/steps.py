"""What installing this recipe makes at the vendors: a property group in HubSpot, contact fields in Maileon.

Every step looks first and creates only what is missing, so it may run again at any time and repairs what was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.json_value import json_objects
from integration.engine.api import NeededField, Step
from integration.recipes.hubspot_maileon import properties, stages
from integration.recipes.hubspot_maileon.session import Session
from integration.recipes.newsletter.steps import create_contact_fields

FLOW = "contact_to_contact"


def steps(ctx: Session) -> Sequence[Step]:
    """The steps for the present settings."""
    return [
        Step("properties", "Property group “Maileon” in HubSpot", properties.ensure),
        Step("contact_fields", "Contact fields in Maileon", lambda ctx: create_contact_fields(ctx, FLOW)),
        Step("stages", "Lifecycle stages in HubSpot", stages.check),
    ]


def needed_fields(ctx: Session) -> Sequence[NeededField]:
    """Our properties with their options."""
    return [
        NeededField(
            "left", "contact", name, str(row["label"]),
            {str(option["value"]): str(option["label"]) for option in json_objects(row.get("options"))},
        )
        for name, row in properties.DEFINITIONS.items()
    ]  # fmt: skip
