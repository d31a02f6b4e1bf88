"""The fields a flow's mapping rows may name on both sides: labels for people, paths and keys for the rows.

The mapping editor, its checks and provisioning read it. Asks a vendor only when what we know is older than an hour.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.connectors.base import FieldSpec
from integration.engine.flow.base import Flow
from integration.engine.flow.mapping_row import MappingRow
from integration.engine.flow.session import SyncSession
from integration.engine.mapping.conversions import NotConvertible, convert
from integration.engine.mapping.fitting import NEVER, PERHAPS, TYPE_WORDS, fits, takes
from integration.engine.mapping.transforms import SOURCELESS, TRANSFORM_LABELS, is_reversible
from integration.errors import IntegrationError, TransientError

KEY = re.compile(r"[A-Za-z]\w{0,99}")  # of a field that is not listed


@dataclass(frozen=True)
class Catalogue:
    """Both sides of one flow. `sources` by path, `targets` by key; the labels are the vendors' names."""

    source: str
    target: str
    sources: Mapping[str, FieldSpec]
    targets: Mapping[str, FieldSpec]
    target_paths: Mapping[str, str] = field(default_factory=dict)  # target key → where a target's record has it
    name_problem: Callable[[str], str] = lambda name: ""  # why no target field can be created under a name
    country: str = ""  # of the source's account, for numbers written without a country code
    field_name: Callable[[str], str] = lambda label: label  # a label as the target writes names
    zone: tzinfo = UTC  # in which the source's account counts its days
    any_source: bool = False  # the source's records may carry keys that `sources` does not list

    @property
    def offered_sources(self) -> Mapping[str, FieldSpec]:
        """Those worth offering: a record carries them."""
        return {path: spec for path, spec in self.sources.items() if spec.readable}

    def source_path(self, text: str) -> str | None:
        """The source somebody means by a name or path; where any key will do, an unlisted one too. None without."""
        found = resolve(text, self.sources)
        return text.strip() if found is None and self.any_source and KEY.fullmatch(text.strip()) else found

    @property
    def offered_targets(self) -> Mapping[str, FieldSpec]:
        """Those a row may write."""
        return {key: spec for key, spec in self.targets.items() if spec.writable}


def catalogue(ctx: SyncSession, flow: Flow, *, fresh: bool = False) -> Catalogue:
    """What the flow's rows may name, read once per slice. `fresh` asks both vendors again.

    Raises IntegrationErrors of the calls.
    """
    memory = f"catalogue:{flow.key}"
    if fresh or memory not in ctx.cache:
        ctx.cache[memory] = _catalogue(ctx, flow, fresh=fresh)
    found: Catalogue = ctx.cache[memory]
    return found


def _catalogue(ctx: SyncSession, flow: Flow, *, fresh: bool) -> Catalogue:
    other = "right" if flow.side == "left" else "left"
    source, target = ctx.connection(flow.side).connector, ctx.connection(other).connector
    found = ctx.fields(flow.side, flow.source_object, fresh=fresh).values()
    sources = {source.path_of(spec): spec for spec in found}
    sources |= {spec.key: spec for spec in flow.extra_sources}
    targets = {
        key: replace(spec, writable=spec.writable and key not in flow.own_targets)
        for key, spec in ctx.fields(other, flow.target_object, fresh=fresh).items()
    }
    paths = {key: target.path_of(spec) for key, spec in targets.items()}
    connection = ctx.connection(flow.side)
    return Catalogue(
        source.label, target.label, sources, targets, paths, target.name_problem,
        country=str(connection.account_details.get("country") or ""), zone=connection.zone,
        any_source=source.open_fields, field_name=lambda label: target.field_name(label, 1),
    )  # fmt: skip


def read_again(ctx: SyncSession, flow: Flow, sides: Collection[str]) -> bool:
    """Read the fields of these sides (source, target) anew, once per slice. Returns whether any was read now."""
    other = "right" if flow.side == "left" else "left"
    places = {"source": (flow.side, flow.source_object), "target": (other, flow.target_object)}
    memories = {f"read again:{':'.join(places[side])}": places[side] for side in sides}
    due = {memory: place for memory, place in memories.items() if memory not in ctx.cache}
    for memory, (where, object_type) in due.items():
        ctx.cache[memory] = True
        try:
            ctx.fields(where, object_type, fresh=True)
        except TransientError:
            raise
        except IntegrationError:
            continue  # what the vendor does not show now is told of one value, and stops nobody else
    if due:
        forget(ctx)
    return bool(due)


def forget(ctx: SyncSession) -> None:
    """Build the catalogues anew at their next use: fields were read or made meanwhile."""
    for key in [key for key in ctx.cache if key.startswith("catalogue:")]:
        del ctx.cache[key]


def names(fields: Mapping[str, FieldSpec]) -> dict[str, str]:
    """Path → the name people see. Where two fields have one label, the path tells them apart."""
    labels = Counter(spec.label.strip().lower() for spec in fields.values())
    return {
        path: spec.label if labels[spec.label.strip().lower()] == 1 else f"{spec.label} ({path})"
        for path, spec in fields.items()
    }


def resolve(text: str, fields: Mapping[str, FieldSpec]) -> str | None:
    """The path somebody means by a name, a path or a key; None when there is no such field."""
    wanted = text.strip()
    if wanted in fields:
        return wanted
    by_name = {name.lower(): path for path, name in names(fields).items()}
    return by_name.get(wanted.lower())


def trouble(row: MappingRow, fields: Catalogue) -> str:
    """Why this row cannot travel at all: source_missing, target_missing, target_fixed, type, no_way_back, source_fixed;
    empty when it can."""
    if row.transform not in SOURCELESS and fields.source_path(row.source) != row.source:
        return "source_missing"
    if row.target not in fields.targets:
        return "target_missing"
    if row.direction in ("backward", "both") and (found := _trouble_back(row, fields)):
        return found
    if row.direction != "backward" and not fields.targets[row.target].writable:
        return "target_fixed"
    if row.transform in SOURCELESS:
        return "type" if _constant_problem(row, fields.targets[row.target].type) else ""
    return "type" if fit(row, fields) == NEVER else ""


def _trouble_back(row: MappingRow, fields: Catalogue) -> str:
    if not is_reversible(row):
        return "no_way_back"
    source = fields.sources[row.source]
    return "" if source.writable and not source.refers else "source_fixed"


TROUBLES = {
    "source_missing": _("{source} has no such field any more. Choose another one, or remove the row."),
    "target_missing": _("{target} has no such field any more. Save to create it again, or choose another one."),
    "target_fixed": _("{label} cannot be written. Pick another field."),
    "no_way_back": _("This transform cannot be reversed. Sync the row one way only."),
    "source_fixed": _("This field of {source} cannot be written. Sync the row one way only."),
    "type": _("This never fits: {label} takes {kind}."),
}


def problem_of(row: MappingRow, fields: Catalogue) -> str:
    """The same in words for people; empty when the row can travel."""
    found = trouble(row, fields)
    if not found:
        return ""
    target = fields.targets.get(row.target)
    label, kind = (target.label, TYPE_WORDS.get(target.type, target.type)) if target else (row.target, "")
    if found == "type" and row.transform in SOURCELESS and target is not None:
        return _constant_problem(row, target.type)
    if found == "type" and (why := _no_use(row, fields)):
        return why
    return str(TROUBLES[found]).format(source=fields.source, target=fields.target, label=label, kind=kind)


def _no_use(row: MappingRow, fields: Catalogue) -> str:
    """Why the transform makes nothing of its source, whatever the target; empty when it does."""
    source = fields.sources.get(row.source)
    if source is None or takes(row.transform, source.type) != NEVER:
        return ""
    text = gettext("“{transform}” cannot convert {kind}.")
    return text.format(transform=TRANSFORM_LABELS[row.transform], kind=TYPE_WORDS.get(source.type, source.type))


def fit(row: MappingRow, fields: Catalogue) -> str:
    """Whether what the row yields fits its target: empty for always, `perhaps`, or `never`."""
    target = fields.targets.get(row.target)
    if target is None:
        return ""
    if target.refers:
        return NEVER  # it takes ids of its own system
    return fits(row, fields.sources.get(row.source), target.type)


def warning_of(row: MappingRow, fields: Catalogue) -> str:
    """What may go wrong with single values; empty when nothing is to be expected."""
    if row.transform not in SOURCELESS and row.source not in fields.sources:
        text = gettext("No recent record of {source} has this field. It is synced as soon as one has it.")
        return text.format(source=fields.source)
    source = fields.sources.get(row.source)
    if row.transform == "as_is" and source is not None and source.refers:
        return gettext("This sends an id of the other app. Choose “Text” to send the name.")
    if row.transform in ("text", "as_is") and _sends_option_keys(source):
        return gettext("This sends the option's key. Choose “Label of the option” to send what people see.")
    if row.transform == "constant" or fit(row, fields) != PERHAPS:
        return ""
    target = fields.targets[row.target]
    words = TYPE_WORDS.get(target.type, target.type)
    text = gettext("{label} takes {kind}. Other values are left out, and the log says so.")
    return text.format(label=target.label, kind=words)


def _sends_option_keys(source: FieldSpec | None) -> bool:
    return source is not None and any(option.key != option.label for option in source.options)


def _constant_problem(row: MappingRow, kind: str) -> str:
    try:
        value = convert(row.options.get("value"), kind)
    except NotConvertible as exc:
        return str(exc)
    return gettext("A constant needs a value.") if value is None else ""
