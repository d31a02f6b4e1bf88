"""What a vendor's people changed in fields, options, stages and pipelines since we last looked. Asked every hour.

Everything is known by its id: a new name alone changes nothing. What was read is kept per integration and compared with
the next reading; what a mapping row or a setting uses and is gone, or no longer fits, is an alert until it is mended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from django.utils import timezone

from config.texts import english
from integration.connectors.base import FieldSpec
from integration.engine.clients.session import OpenSession
from integration.engine.flow.recipe import Recipe, Recipes
from integration.engine.flow.session import SyncSession
from integration.engine.mapping.fields import forget
from integration.engine.setup import provisioning
from integration.errors import IntegrationError
from integration.models import (
    ChangeKind,
    Direction,
    FieldMapping,
    Integration,
    ReferenceCache,
    SchemaChange,
    VendorCall,
)

CHOICES = "choices:"  # begins a place that is no object but a list which settings choose from
NOTED_FOR = timedelta(days=30)  # how long what concerns nobody is shown


@dataclass(frozen=True)
class Known:
    """A field, a stage or a pipeline as it was read. `path` is where a record's values have it."""

    label: str
    type: str = ""
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where something is: an object of one side, or a list for settings."""

    side: str
    name: str

    @property
    def is_object(self) -> bool:
        """Whether its entries are fields."""
        return not self.name.startswith(CHOICES)


Entries = Mapping[str, Known]


def look(integration: Integration, recipes: Recipes) -> list[SchemaChange]:
    """Compare what both vendors have now with what was known, and keep what changed. Returns all that is noted."""
    ctx = OpenSession(integration, recipes(integration.recipe))
    try:
        read = {place: now for place in _places(ctx) if (now := _read(ctx, place)) is not None}
        forget(ctx)
        provisioning.check_mappings(ctx)
    except IntegrationError:
        return list(SchemaChange.objects.filter(integration=integration))
    finally:
        VendorCall.objects.bulk_create(ctx.calls)
    for place, now in read.items():
        _compare(ctx, place, now)
    return list(SchemaChange.objects.filter(integration=integration).order_by("since", "id"))


def take_note(integration: Integration) -> int:
    """Somebody has seen what needs nothing: it is not shown again. Returns how much that was."""
    return SchemaChange.objects.filter(integration=integration, is_broken=False).delete()[0]


def _places(ctx: SyncSession) -> list[Place]:
    """The objects of the mapped flows on both sides, and the lists that settings choose from."""
    found: dict[Place, None] = {}
    for flow in ctx.recipe.flows:
        if flow.mapping is not None and flow.enabled(ctx.settings):
            found[Place(flow.side, flow.source_object)] = None
            found[Place(_other(flow.side), flow.target_object)] = None
    for kind, choices in ctx.recipe.choices.items():
        found[Place(choices.side, f"{CHOICES}{kind}")] = None
    # Where customers name fields as they like, a list of them is that of the newest records.
    return [place for place in found if not ctx.connection(place.side).connector.open_fields]


def _read(ctx: SyncSession, place: Place) -> Entries | None:
    """What is there now; None where the vendor does not tell. An object without any field was not really told."""
    try:
        if place.is_object:
            path_of = ctx.connection(place.side).connector.path_of
            fields = ctx.fields(place.side, place.name, fresh=True)
            return {key: _known(spec, path_of(spec)) for key, spec in fields.items()} or None
        offered = ctx.recipe.choices[place.name.removeprefix(CHOICES)].fetch(ctx)
        return {str(key): Known(str(label)) for key, label in offered}
    except IntegrationError:
        return None


def _known(spec: FieldSpec, path: str) -> Known:
    return Known(spec.label, spec.type, path, {option.key: option.label for option in spec.options})


def _compare(ctx: SyncSession, place: Place, now: Entries) -> None:
    """Note what is new and what changed, and forget what is mended."""
    before = _stored(ctx, place)
    if before is not None:
        uses = _Uses(ctx, place, {**before, **now})
        for change in [*_missing(uses, before, now), *_different(uses, before, now)]:
            _keep(ctx, place, change)
        _drop_mended(uses, now)
    _store(ctx, place, now)


class _Uses:
    """Which mapping rows and settings use what is in a place."""

    def __init__(self, ctx: SyncSession, place: Place, entries: Entries) -> None:
        self.ctx, self.place, self.entries = ctx, place, entries
        rows = FieldMapping.objects.filter(integration=ctx.integration).exclude(direction=Direction.OFF)
        self._rows = list(rows) if place.is_object else []
        self.ours = set(map(str, ctx.resources.values()))

    def rows(self, key: str) -> list[FieldMapping]:
        """Rows that name a field on either side."""
        known = self.entries.get(key)
        return [row for row in self._rows if self._reads(row, key, known) or self._writes(row, key)]

    def names(self, key: str) -> list[str]:
        """What uses it, as people know it."""
        named = [f"{self._source(row)} → {row.target}" for row in self.rows(key)]
        return named if self.place.is_object else _settings_with(self.ctx.recipe, self.ctx.integration, self.place, key)

    def is_constant(self, key: str, option: str) -> bool:
        """Whether a row writes or compares with this very option."""
        return any(option in map(str, row.options.values()) for row in self.rows(key))

    def _reads(self, row: FieldMapping, key: str, known: Known | None) -> bool:
        flow = self.ctx.recipe.flow(row.flow)
        here = (flow.side, flow.source_object) == (self.place.side, self.place.name)
        return here and row.source in (key, known.path if known else key)

    def _writes(self, row: FieldMapping, key: str) -> bool:
        flow = self.ctx.recipe.flow(row.flow)
        return (_other(flow.side), flow.target_object) == (self.place.side, self.place.name) and row.target == key

    def _source(self, row: FieldMapping) -> str:
        labels = {known.path: known.label for known in self.entries.values()}
        return labels.get(row.source) or row.source or str(row.options.get("value", ""))


def _settings_with(recipe: Recipe, integration: Integration, place: Place, key: str) -> list[str]:
    """Labels of the settings in which this was chosen, or that exist for it alone."""
    form, kind = recipe.settings_form, place.name.removeprefix(CHOICES)
    found: list[str] = []
    asks: Mapping[str, str] = getattr(form, "asks", {})
    for name, value in {**recipe.default_settings, **integration.settings}.items():
        chosen = list(map(str, value)) if isinstance(value, list) else [str(value)]
        if asks.get(name) == kind and key in chosen:
            with english():  # stored, and mailed
                found.append(str(form.base_fields[name].label))
        elif name not in form.base_fields and name.rpartition("_")[2] == key and value:
            found.append(name.replace("_", " "))
    return found


def _missing(uses: _Uses, before: Entries, now: Entries) -> Iterator[SchemaChange]:
    """Fields and options that are gone, and new ones."""
    for key in before.keys() - now.keys():
        if concerns := uses.names(key):
            yield _change(ChangeKind.VANISHED, key, before[key].label, concerns, is_broken=True)
    for key in now.keys() - before.keys():
        if uses.place.is_object and key not in uses.ours and not uses.rows(key):
            yield _change(ChangeKind.NEW, key, now[key].label)


def _different(uses: _Uses, before: Entries, now: Entries) -> Iterator[SchemaChange]:
    """Names, types and options that are others now, of what is used."""
    for key in before.keys() & now.keys():
        concerns = uses.names(key)
        if not concerns:
            continue
        was, known = before[key], now[key]
        if was.type != known.type:
            yield _change(ChangeKind.RETYPED, key, known.label, concerns, before=was.type, is_broken=_is_bad(uses, key))
        elif was.label != known.label:
            yield _change(ChangeKind.RENAMED, key, known.label, concerns, before=was.label)
        yield from _options(uses, key, was, known, concerns)


def _options(uses: _Uses, key: str, was: Known, known: Known, concerns: Sequence[str]) -> Iterator[SchemaChange]:
    for option, label in was.options.items():
        named = f"{known.label}: {label}"
        if option not in known.options and option not in uses.ours:
            broken = uses.is_constant(key, option)
            yield _change(ChangeKind.VANISHED, key, named, concerns, option=option, is_broken=broken)
        elif known.options.get(option, label) != label:
            said = f"{known.label}: {known.options[option]}"
            yield _change(ChangeKind.RENAMED, key, said, concerns, option=option, before=label)
    for option in known.options.keys() - was.options.keys() - uses.ours:
        yield _change(ChangeKind.NEW, key, f"{known.label}: {known.options[option]}", concerns, option=option)


def _change(
    kind: str, key: str, label: str, concerns: Sequence[str] = (), *, option: str = "", before: str = "",
    is_broken: bool = False,
) -> SchemaChange:  # fmt: skip
    return SchemaChange(
        kind=kind, key=key[:200], option=option[:200], label=label[:200], before=before[:200],
        concerns=list(concerns), is_broken=is_broken,
    )  # fmt: skip


def _is_bad(uses: _Uses, key: str) -> bool:
    return any(row.problem for row in uses.rows(key))


def _keep(ctx: SyncSession, place: Place, change: SchemaChange) -> None:
    values = {name: getattr(change, name) for name in ("kind", "label", "before", "concerns", "is_broken")}
    SchemaChange.objects.update_or_create(
        integration=ctx.integration, side=place.side, place=place.name, key=change.key, option=change.option,
        defaults={**values, "since": timezone.now()},
    )  # fmt: skip


def _drop_mended(uses: _Uses, now: Entries) -> None:
    """Forget what is there again, fits again, is used no more, or has been shown long enough."""
    rows = SchemaChange.objects.filter(integration=uses.ctx.integration, side=uses.place.side, place=uses.place.name)
    for row in rows:
        if row.is_broken:
            concerns = uses.names(row.key)
            if not concerns or not _still_broken(uses, row, now):
                row.delete()
            elif concerns != row.concerns:
                SchemaChange.objects.filter(pk=row.pk).update(concerns=concerns)
        elif row.since < timezone.now() - NOTED_FOR or _is_settled(uses, row, now):
            row.delete()


def _still_broken(uses: _Uses, row: SchemaChange, now: Entries) -> bool:
    if row.kind == ChangeKind.RETYPED:
        return _is_bad(uses, row.key)
    if row.option:
        there = row.key in now and row.option in now[row.key].options
        return not there and uses.is_constant(row.key, row.option)
    return row.key not in now


def _is_settled(uses: _Uses, row: SchemaChange, now: Entries) -> bool:
    """Whether a new field is gone again, or used by now."""
    if row.kind != ChangeKind.NEW or row.option:
        return False
    return row.key not in now or bool(uses.rows(row.key))


def _kind_of(ctx: SyncSession, place: Place) -> str:
    return f"schema:{ctx.integration.pk.hex[:12]}:{place.name}"[:60]


def _stored(ctx: SyncSession, place: Place) -> Entries | None:
    """What was read last; None where this is the first time."""
    row = ReferenceCache.objects.filter(connection=ctx.connection(place.side), kind=_kind_of(ctx, place)).first()
    return None if row is None else {key: Known(**entry) for key, entry in row.entries.items()}


def _store(ctx: SyncSession, place: Place, now: Entries) -> None:
    entries = {key: asdict(known) for key, known in now.items()}
    ReferenceCache.objects.update_or_create(
        connection=ctx.connection(place.side), kind=_kind_of(ctx, place),
        defaults={"entries": entries, "fetched_at": timezone.now()},
    )  # fmt: skip


def _other(side: str) -> str:
    return "right" if side == "left" else "left"
