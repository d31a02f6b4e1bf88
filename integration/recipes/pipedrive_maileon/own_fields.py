"""The two person fields of this recipe in Pipedrive, and what an empty or unknown value of them means.

A deleted field or option takes its values with it: nobody said anything by that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.json_value import JSONValue
from integration.connectors.pipedrive.records import Person
from integration.engine.api import links
from integration.errors import TenantActionError
from integration.models import LinkState
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.pipedrive_maileon.session import Session
from integration.recipes.shared import pipedrive_fields
from integration.recipes.shared.pipedrive_fields import OptionField

NEWSLETTER = OptionField("newsletter", "Newsletter", {"newsletter_yes": "Yes", "newsletter_no": "No"}, asked=True)
STATUS = OptionField(
    "status", "Newsletter status",
    {"status_pending": "Pending confirmation", "status_confirmed": "Confirmed", "status_unsubscribed": "Unsubscribed"},
)  # fmt: skip
LINK_TYPE = "person"
NEWSLETTER_PLACE = "newsletter_place"  # among the resources, once the option Yes was made anew: field and option


def place_of_yes(ctx: Session) -> str | int:
    """Where a person's Yes is seen now. Somebody whose Yes was seen in another place has not taken it back."""
    field = ctx.resource("newsletter")
    place = str(ctx.resources.get(NEWSLETTER_PLACE) or "")
    return place if place.startswith(f"{field}/") else field


def newsletter_wish(ctx: Session, custom_fields: Mapping[str, JSONValue]) -> str:
    """What the Newsletter field says: yes, no, unset, or unclear for an option that is none of ours."""
    value = custom_fields.get(str(ctx.resources.get("newsletter")))
    if value is None:
        return "unset"
    words = {str(ctx.resources.get(f"newsletter_{word}")): word for word in ("yes", "no")}
    return words.get(str(value), "unclear")


def write_own_fields(ctx: Session, person_id: str, values: Mapping[str, JSONValue]) -> None:
    """Write our fields of a person. Where a field or an option was deleted, what is left of them is still written.

    Raises TenantActionError for what was deleted: the job is held until it was made again, and then writes the rest.
    """
    gone = pipedrive_fields.write(ctx, person_id, values, (NEWSLETTER, STATUS))
    if gone:
        raise _deleted(gone)


def _deleted(labels: Sequence[str]) -> TenantActionError:
    named = ", ".join(f"“{label}”" for label in labels)
    return TenantActionError(
        f"Somebody deleted {named} of the newsletter fields in Pipedrive. Nobody was unsubscribed because of it.",
        reason=NewsletterReason.NEWSLETTER_FIELD_MISSING,
    )


def require_newsletter(ctx: Session, persons: Sequence[Person]) -> None:
    """Make sure that the field and its options exist before an empty or unknown value takes anybody off.

    Raises TenantActionError: the jobs are held until the connection check has created again what was deleted.
    """
    if ctx.cache.get("newsletter_seen"):
        return
    doubtful = [row for row in persons if newsletter_wish(ctx, row.custom_fields) not in ("yes", "no")]
    field = str(ctx.resources.get("newsletter"))
    if all(field in row.custom_fields for row in doubtful) and not _any_in_step(ctx, doubtful):
        return
    fields = ctx.fields("left", "person", fresh=True)
    if gone := pipedrive_fields.lost(NEWSLETTER, fields, ctx.resources):
        raise _deleted(gone)
    ctx.cache["newsletter_seen"] = True


def _any_in_step(ctx: Session, persons: Sequence[Person]) -> bool:
    linked = links.of_records(ctx.integration, LINK_TYPE, [person.id for person in persons])
    return any(link.state != LinkState.REMOVED for link in linked.values())
