"""The property group “Maileon” in HubSpot: who gets the newsletter, and what a contact wishes for itself.

All of them can be put into forms, also as hidden fields; so whatever they say may come from a visitor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.utils import timezone

from config.json_value import JSONValue, json_objects
from integration.connectors.base import FieldSpec, Option
from integration.connectors.hubspot.fields import definition
from integration.connectors.hubspot.records import Contact
from integration.errors import TenantActionError
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.newsletter.steps import announce_restore, is_restoring, restore_values

if TYPE_CHECKING:
    from integration.recipes.hubspot_maileon.session import Session

GROUP, GROUP_LABEL = "maileon", "Maileon"
SUBSCRIBE = "maileon_subscribe"
PERMISSION = "maileon_contact_permission"
DOI = "maileon_contact_doi"
DOI_PLUS = "maileon_contact_doi_plus"
MAILING_KEY = "maileon_contact_doi_mailing_key"
STAGE = "lifecyclestage"
YES, NO = "true", "false"  # of the subscribe property
LINK_TYPE = "contact"

AS_CONFIGURED = Option("as_configured", "As configured")
_SWITCH = (AS_CONFIGURED, Option("yes", "Yes"), Option("no", "No"))
_PERMISSIONS = (
    AS_CONFIGURED, Option("none", "None"), Option("single", "Single Opt-in"), Option("double", "Double Opt-in"),
    Option("double_plus", "Double Opt-in Plus"),
)  # fmt: skip
PERMISSION_CODES = {
    "none": consent.PERMISSION_NONE, "single": consent.PERMISSION_SINGLE, "double": consent.PERMISSION_DOUBLE,
    "double_plus": consent.PERMISSION_DOUBLE_PLUS,
}  # fmt: skip

_ROWS: tuple[tuple[FieldSpec, str], ...] = (
    (
        FieldSpec(SUBSCRIBE, "Subscribe to Maileon Newsletter", "boolean", (Option(YES, "Yes"), Option(NO, "No"))),
        "Not set counts as Yes. No: not synced, and later unsubscribed.",
    ),
    (
        FieldSpec(PERMISSION, "Maileon Contact Permission", "option", _PERMISSIONS),
        "The permission this contact gets in Maileon without an opt-in mail, up to the limit in the settings.",
    ),
    (FieldSpec(DOI, "Maileon Contact DOI", "option", _SWITCH), "Whether this contact is asked by opt-in mail."),
    (
        FieldSpec(DOI_PLUS, "Maileon Contact DOI Plus", "option", _SWITCH),
        "Whether the opt-in mail of this contact asks for Double Opt-in Plus.",
    ),
    (
        FieldSpec(MAILING_KEY, "Maileon Contact DOI Mailing Key", "text"),
        "The opt-in mailing for this contact. Empty: as configured.",
    ),
)
DEFINITIONS: Mapping[str, Mapping[str, JSONValue]] = {
    spec.key: definition(spec, GROUP, description) for spec, description in _ROWS
}
OURS = tuple(DEFINITIONS)
RESTORED = "consent_to_contact"  # the flow that writes back what a property made anew has lost


def ensure(ctx: Session) -> str:
    """Make the group and its properties, those that are missing. Notices when somebody deleted one."""
    ctx.last_side = "left"
    there = {str(row.get("name")): row for row in ctx.left.list_properties()}
    missing = [name for name in OURS if name not in there]
    made_again = bool(missing and ctx.resources.get("properties"))
    if made_again:
        announce_restore(ctx, RESTORED)
    if missing:
        _create(ctx, missing)
    completed = [name for name in OURS if name in there and _complete(ctx, name, there[name])]
    said = [f"{len(missing)} created"] if missing else ["in place"]
    said += [f"options of {name} completed" for name in completed]
    if made_again or is_restoring(ctx, RESTORED):
        said.append(_made_again(ctx))
    ctx.resources["properties"] = GROUP
    ctx.fields("left", "contact", fresh=True)
    return ", ".join(said)


def _create(ctx: Session, names: Iterable[str]) -> None:
    if GROUP not in ctx.left.list_groups():
        ctx.left.create_group(GROUP, GROUP_LABEL)
    for name in names:
        ctx.left.create_property(DEFINITIONS[name])


def _complete(ctx: Session, name: str, row: Mapping[str, JSONValue]) -> bool:
    """Put back options somebody removed; theirs stay. HubSpot replaces the whole list."""
    present = json_objects(row.get("options"))
    known = {option.get("value") for option in present}
    wanted = json_objects(DEFINITIONS[name].get("options"))
    lacking = [option for option in wanted if option["value"] not in known]
    if lacking:
        ctx.left.update_property(name, {"options": [*present, *lacking]})
    return bool(lacking)


def _made_again(ctx: Session) -> str:
    """A property made anew is empty for everybody, and not set would count as Yes: remember since when."""
    ctx.resources["made_again_at"] = timezone.now().isoformat()
    count = restore_values(ctx, LINK_TYPE, RESTORED, frozenset({consent.UNSUBSCRIBED}))
    return f"somebody had deleted them, {count} opt-outs are being written back"


def require(ctx: Session, contacts: Iterable[Contact]) -> None:
    """A deleted property is missing in answers, an empty one is null. Make sure that all of ours exist.

    Raises TenantActionError: the jobs are held until the connection check has created them again.
    """
    if all(name in contact.properties for contact in contacts for name in OURS) or ctx.cache.get("properties_seen"):
        return
    present = ctx.fields("left", "contact", fresh=True)
    if lost := [name for name in OURS if name not in present]:
        raise TenantActionError(
            f"The property {', '.join(lost)} was deleted in HubSpot. Nobody was subscribed or unsubscribed by that.",
            reason=NewsletterReason.NEWSLETTER_FIELD_MISSING,
        )
    ctx.cache["properties_seen"] = True


def require_writable(ctx: Session) -> None:
    """Look whether the property that shows an opt-out can still hold one.

    Raises TenantActionError where somebody deleted it or its No: the jobs are held until it was made again.
    """
    spec = ctx.fields("left", "contact", fresh=True).get(SUBSCRIBE)
    if spec is not None and NO in {option.key for option in spec.options}:
        return
    lost = "The property" if spec is None else "The option No of the property"
    raise TenantActionError(
        f"{lost} {SUBSCRIBE} was deleted in HubSpot. Nobody was subscribed or unsubscribed by that.",
        reason=NewsletterReason.NEWSLETTER_FIELD_MISSING,
    )
