"""What installing this recipe makes at the vendors: two person fields in Pipedrive, contact fields in Maileon.

Every step looks first and creates only what is missing, so it may run again at any time and repairs what was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

from integration.engine.api import NeededField, Step
from integration.models import FieldMapping
from integration.recipes.newsletter.steps import create_contact_fields, is_restoring, restore_values
from integration.recipes.pipedrive_maileon.own_fields import LINK_TYPE, NEWSLETTER, NEWSLETTER_PLACE, STATUS
from integration.recipes.pipedrive_maileon.session import Session
from integration.recipes.shared import custom_fields, pipedrive_fields
from integration.recipes.shared.pipedrive_fields import OptionField


def steps(ctx: Session) -> Sequence[Step]:
    """The steps for the present settings."""
    if not ctx.settings["contacts_enabled"]:
        return []
    return [
        Step(
            "newsletter",
            "Field “Newsletter” in Pipedrive",
            lambda ctx: _field(ctx, NEWSLETTER),
        ),
        Step(
            "status",
            "Field “Newsletter status” in Pipedrive",
            lambda ctx: _field(ctx, STATUS),
        ),
        Step("contact_fields", "Contact fields in Maileon", contact_fields),
    ]


def needed_fields(ctx: Session) -> Sequence[NeededField]:
    """The two person fields with their options, and the contact fields of the mapping rows the recipe needs."""
    if not ctx.settings["contacts_enabled"]:
        return []
    ours = [field.needed(ctx.resources) for field in (NEWSLETTER, STATUS)]
    rows = FieldMapping.objects.filter(integration=ctx.integration, flow="person_to_contact", required_by_recipe=True)
    targets = rows.exclude(direction="off").values_list("target", flat=True)
    return [*ours, *(NeededField("right", "contact", target, target) for target in targets)]


def _field(ctx: Session, wanted: OptionField) -> str:
    """Make sure that the field and its options exist. What was made anew is empty for everybody and filled again."""
    found = pipedrive_fields.ensure(ctx, wanted)
    if not found.anew and not found.replaced and not is_restoring(ctx, "consent_to_person"):
        return found.said
    if "newsletter_yes" in found.replaced:
        ctx.resources[NEWSLETTER_PLACE] = f"{ctx.resources['newsletter']}/{ctx.resources['newsletter_yes']}"
    count = restore_values(ctx, LINK_TYPE, "consent_to_person")
    return f"{found.said}, {count} values are being written back"


def contact_fields(ctx: Session) -> str:
    """Create the mapped contact fields that Maileon does not have yet, with the right type."""
    custom_fields.sync_rows(ctx, "person_to_contact")
    return create_contact_fields(ctx, "person_to_contact")
