"""Option fields of our own in Pipedrive: made once, then known by their keys and their options' ids, never by label.

People rename fields and options as they like. What was deleted is found by its label where somebody made it again, and
created else; the new ids are remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from config.json_value import JSONValue
from integration.connectors.base import FieldSpec, Option
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import NeededField, SyncSession
from integration.errors import NotFound, RecordError, TenantActionError

Session = SyncSession[PipedriveClient]
CUSTOM = "custom_fields."  # begins the path of a custom field


@dataclass(frozen=True)
class OptionField:
    """A field of ours on persons: the resource that holds its key, its label, and its options' labels by resource.

    `asked`: people choose it when they add somebody, so it stands in that dialog.
    """

    resource: str
    label: str
    options: Mapping[str, str]
    asked: bool = False

    @property
    def spec(self) -> FieldSpec:
        """The field as it is created."""
        options = tuple(Option("", label) for label in self.options.values())
        return FieldSpec("", self.label, "option", options, custom=True, asked=self.asked)

    def needed(self, resources: Mapping[str, object]) -> NeededField:
        """The field as the checks look for it."""
        options = {str(resources.get(resource, "")): label for resource, label in self.options.items()}
        return NeededField("left", "person", str(resources.get(self.resource, "")), self.label, options)


@dataclass(frozen=True)
class Ensured:
    """What became of a field: in words, whether it is another one than before, and which options are new ones."""

    said: str
    anew: bool
    replaced: frozenset[str] = frozenset()  # resources of options that were known and had been deleted


def ensure(ctx: Session, wanted: OptionField) -> Ensured:
    """Make sure that the field and its options exist, and remember their ids."""
    ctx.last_side = "left"
    fields = ctx.fields("left", "person", fresh=True)
    remembered = str(ctx.resources.get(wanted.resource) or "")
    spec, said = fields.get(remembered), "in place"
    known = {resource: str(ctx.resources.get(resource) or "") for resource in wanted.options}
    anew = spec is None
    if spec is None:
        known = {}
        spec, said = _found_or_made(ctx, fields.values(), wanted)
        if remembered:
            said = f"somebody had deleted it, {said} again"
    ids, added = _complete(ctx, wanted, spec, known)
    if added:
        said = f"{said}, option {', '.join(added)} added"
    ctx.resources[wanted.resource] = spec.key
    ctx.resources.update(ids)
    said += _shown_when_adding(ctx, wanted, spec)
    replaced = frozenset(resource for resource, key in known.items() if key and ids.get(resource) != key)
    return Ensured(said, anew and bool(remembered), replaced)


def _shown_when_adding(ctx: Session, wanted: OptionField, spec: FieldSpec) -> str:
    """What to say of the dialog “Add person”, where a field that is made by the API is hidden.

    Looked at once: an administrator who hides it afterwards means it. Whoever may not edit fields can do without.
    """
    seen = f"{wanted.resource}_shown"
    if not wanted.asked or ctx.resources.get(seen) == spec.key:
        return ""
    try:
        mended = ctx.left.show_when_adding("person", spec.key)
    except (RecordError, TenantActionError):
        return ", hidden in “Add person”: an administrator can show it there"
    ctx.resources[seen] = spec.key
    return ", now shown in “Add person”" if mended else ""


def _complete(
    ctx: Session, wanted: OptionField, spec: FieldSpec, known: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Resource → id of each option, and the labels of those that had to be added."""
    ids = matched(wanted, spec.options, known)
    missing = [label for resource, label in wanted.options.items() if resource not in ids]
    if missing:
        ctx.left.add_field_options("person", spec.key, missing)
        there = ctx.fields("left", "person", fresh=True)[spec.key]
        ids = matched(wanted, there.options, {**known, **ids})
    return ids, missing


def matched(wanted: OptionField, there: Iterable[Option], known: Mapping[str, str]) -> dict[str, str]:
    """Resource → id of each option that exists: by its remembered id; where that is gone, by its label."""
    living = {option.key for option in there}
    found = {resource: key for resource, key in known.items() if key in living}
    free = {_folded(option.label): option.key for option in there if option.key not in found.values()}
    for resource, label in wanted.options.items():
        if resource not in found and _folded(label) in free:
            found[resource] = free[_folded(label)]
    return found


def lost(wanted: OptionField, fields: Mapping[str, FieldSpec], resources: Mapping[str, object]) -> list[str]:
    """Labels of what was deleted in Pipedrive: the field itself, or options of it; empty when all is there."""
    spec = fields.get(str(resources.get(wanted.resource)))
    if spec is None:
        return [wanted.label]
    living = {option.key for option in spec.options}
    return [label for resource, label in wanted.options.items() if str(resources.get(resource)) not in living]


def write(ctx: Session, person_id: str, values: Mapping[str, JSONValue], fields: Sequence[OptionField]) -> list[str]:
    """Write fields of ours, by key. Returns the labels of what was deleted and so could not be written.

    What still exists is written all the same. Raises what the vendor says where nothing of ours was deleted.
    """
    try:
        ctx.left.update_person(person_id, {"custom_fields": dict(values)})
    except NotFound:
        raise
    except RecordError:
        there = ctx.fields("left", "person", fresh=True)
        gone = {field.resource: lost(field, there, ctx.resources) for field in fields}
        if not any(gone.values()):
            raise
        broken = {str(ctx.resources.get(resource)) for resource, labels in gone.items() if labels}
        rest = {key: value for key, value in values.items() if key not in broken}
        if rest:
            ctx.left.update_person(person_id, {"custom_fields": rest})
        return [label for labels in gone.values() for label in labels]
    return []


def _folded(label: str) -> str:
    return label.strip().casefold()


def _found_or_made(ctx: Session, fields: Iterable[FieldSpec], wanted: OptionField) -> tuple[FieldSpec, str]:
    for spec in fields:
        if spec.custom and spec.type == "option" and _folded(spec.label) == _folded(wanted.label):
            return spec, "found"
    made = ctx.connection("left").connector.create_field(ctx.left, "person", wanted.spec)
    return ctx.fields("left", "person", fresh=True).get(made.key, made), "created"


def nested(values: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Values by their paths as the client takes them: custom fields in an object of their own."""
    custom = {key.removeprefix(CUSTOM): value for key, value in values.items() if key.startswith(CUSTOM)}
    rest = {key: value for key, value in values.items() if not key.startswith(CUSTOM)}
    return {**rest, **({"custom_fields": custom} if custom else {})}
