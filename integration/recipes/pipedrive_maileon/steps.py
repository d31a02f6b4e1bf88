"""What installing this recipe makes at the vendors: two person fields in Pipedrive, contact fields in Maileon.

Every step looks first and creates only what is missing, so it may run again at any time and repairs what was deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from integration.connectors.base import FieldSpec, Option
from integration.connectors.maileon.fields import STANDARD_FIELDS
from integration.engine.api import NeededField, Step
from integration.models import FieldMapping, Integration
from integration.recipes.newsletter.steps import contact_field_type, create_contact_fields, restore_values
from integration.recipes.pipedrive_maileon.person_to_contact import LINK_TYPE
from integration.recipes.pipedrive_maileon.session import Session

NEWSLETTER = FieldSpec("", "Newsletter", "option", (Option("", "Yes"), Option("", "No")), custom=True)
STATUS = FieldSpec(
    "", "Newsletter status", "option",
    (Option("", "Pending confirmation"), Option("", "Confirmed"), Option("", "Unsubscribed")), custom=True,
)  # fmt: skip
NEWSLETTER_OPTIONS = {"Yes": "newsletter_yes", "No": "newsletter_no"}
STATUS_OPTIONS = {
    "Pending confirmation": "status_pending",
    "Confirmed": "status_confirmed",
    "Unsubscribed": "status_unsubscribed",
}


def steps(ctx: Session) -> Sequence[Step]:
    """The steps for the present settings."""
    if not ctx.settings["contacts_enabled"]:
        return []
    return [
        Step(
            "newsletter",
            "Field “Newsletter” in Pipedrive",
            lambda ctx: _field(ctx, "newsletter", NEWSLETTER, NEWSLETTER_OPTIONS),
        ),
        Step(
            "status",
            "Field “Newsletter status” in Pipedrive",
            lambda ctx: _field(ctx, "status", STATUS, STATUS_OPTIONS),
        ),
        Step("contact_fields", "Contact fields in Maileon", contact_fields),
    ]


def needed_fields(ctx: Session) -> Sequence[NeededField]:
    """The two person fields with their options, and the contact fields of the mapping rows the recipe needs."""
    if not ctx.settings["contacts_enabled"]:
        return []
    wanted_fields = (("newsletter", NEWSLETTER, NEWSLETTER_OPTIONS), ("status", STATUS, STATUS_OPTIONS))
    ours = [
        NeededField(
            "left", "person", str(ctx.resources.get(name, "")), wanted.label,
            {str(ctx.resources.get(resource, "")): label for label, resource in options.items()},
        )
        for name, wanted, options in wanted_fields
    ]  # fmt: skip
    rows = FieldMapping.objects.filter(integration=ctx.integration, flow="person_to_contact", required_by_recipe=True)
    targets = rows.exclude(direction="off").values_list("target", flat=True)
    return [*ours, *(NeededField("right", "contact", target, target) for target in targets)]


def _field(ctx: Session, name: str, wanted: FieldSpec, options: dict[str, str]) -> str:
    """Find our field by its remembered key, else by its name, else create it. Notices when somebody deleted it."""
    ctx.talking_to = "left"
    fields = ctx.fields("left", "person", fresh=True)
    remembered = ctx.resources.get(name)
    spec = fields.get(str(remembered))
    said = "in place"
    if spec is None:
        spec, said = _found_or_made(ctx, fields.values(), wanted)
        if remembered:
            said = f"somebody had deleted it, {said} again"
    if missing := [label for label in options if label not in {option.label for option in spec.options}]:
        ctx.left.add_field_options("person", spec.key, missing)
        spec = ctx.fields("left", "person", fresh=True)[spec.key]
        said = f"{said}, option {', '.join(missing)} added"
    ctx.resources[name] = spec.key
    keys = {option.label: option.key for option in spec.options}
    ctx.resources.update({resource: keys[label] for label, resource in options.items()})
    if remembered and remembered != spec.key:
        said += f", {restore_values(ctx, LINK_TYPE, 'consent_to_person')} values are being written back"
    return said


def _found_or_made(ctx: Session, fields: Iterable[FieldSpec], wanted: FieldSpec) -> tuple[FieldSpec, str]:
    named = [spec for spec in fields if spec.custom and spec.label == wanted.label and spec.type == "option"]
    if named:
        return named[0], "found"
    made = ctx.connection("left").connector.create_field(ctx.left, "person", wanted)
    ctx.fields("left", "person", fresh=True)
    return made, "created"


def contact_fields(ctx: Session) -> str:
    """Create the mapped contact fields that Maileon does not have yet, with the right type."""
    sync_custom_fields(ctx)
    return create_contact_fields(ctx, "person_to_contact")


def sync_custom_fields(ctx: Session) -> None:
    """One mapping row for each custom field chosen in the settings, with the same name in Maileon.

    A chosen field that vanished in Pipedrive keeps its row.
    """
    fields = ctx.fields("left", "person")
    chosen = [f"custom_fields.{key}" for key in ctx.settings["custom_fields"]]
    rows = FieldMapping.objects.filter(integration=ctx.integration, flow="person_to_contact")
    rows.filter(options__by_settings=True).exclude(source__in=chosen).delete()
    known, taken = set(rows.values_list("source", flat=True)), set(rows.values_list("target", flat=True))
    for source in chosen:
        spec = fields.get(source.removeprefix("custom_fields."))
        if source not in known and spec is not None:
            taken.add(_add_row(ctx.integration, spec, taken))


def _target_name(label: str, taken: set[str]) -> str:
    """The same name in Maileon, made to fit its rules: 3 to 64 characters, not taken (maileon sheet §2.5)."""
    name = label if len(label) >= 3 else f"{label} (Pipedrive)"
    number = 1
    candidate = name[:64]
    while candidate in taken or candidate.upper() in {spec.key.upper() for spec in STANDARD_FIELDS}:
        number += 1
        candidate = f"{name[:60]} {number}"
    return candidate


def _add_row(integration: Integration, spec: FieldSpec, taken: set[str]) -> str:
    transform = {"option": "option_label", "options": "option_label", "date": "date", "number": "number"}.get(
        spec.type, "text"
    )
    target = _target_name(spec.label, taken)
    FieldMapping.objects.create(
        integration=integration, flow="person_to_contact", position=100, source=f"custom_fields.{spec.key}",
        transform=transform, target=target, options={"by_settings": True, "target_type": contact_field_type(spec)},
    )  # fmt: skip
    return target
