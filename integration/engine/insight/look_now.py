"""Look now: one record read on both sides and compared by field, so that a page says what is there and not remembered.

It reads and writes nothing. What it finds is shown and not stored; comparisons store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext, ngettext

from config.json_value import JSONValue
from integration.connectors.base import FieldSpec
from integration.engine.flow.base import Flow, Item, Record, RecordOutcome
from integration.engine.flow.recipe import Recipe
from integration.engine.flow.session import SyncSession
from integration.engine.insight import preview
from integration.engine.mapping.fields import Catalogue, catalogue
from integration.engine.sync import batch, compare
from integration.models import Integration, LinkState


class Finding(StrEnum):
    """What the look found."""

    ALIKE = "alike"
    DIFFERS = "differs"
    MISSING = "missing"  # at the target


@dataclass(frozen=True)
class Difference:
    """A field that is not alike: its label, the value it should have, and the one that was read."""

    label: str
    ours: JSONValue
    theirs: JSONValue
    two_way: bool = False  # the newer change wins, so that a sync may also carry it back


@dataclass(frozen=True)
class Look:
    """What both sides have now, of the `compared` fields of one record."""

    finding: Finding
    source: str  # the products' names
    target: str
    compared: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def alike(self) -> bool:
        """Whether all that a sync would write is there."""
        return self.finding == Finding.ALIKE

    @property
    def sentence(self) -> str:
        """What was found, by the names of fields and products."""
        if self.finding == Finding.MISSING:
            text = gettext("It is not in {target} any more, just looked up. Sync now does what the settings say.")
            return text.format(target=self.target)
        if self.alike:
            text = ngettext(
                "The {count} compared field is alike, just read.", "All {count} compared fields are alike, just read.",
                self.compared,
            )  # fmt: skip
            return text.format(count=self.compared)
        listed = ", ".join(self._named(one) for one in self.differences)
        text = gettext("Differs: {fields}. Sync now writes what {source} has again.")
        if all(one.two_way for one in self.differences):
            text = gettext("Differs: {fields}. It is synced in both directions: decide under Differences what counts.")
        return text.format(fields=listed, source=self.source)

    def _named(self, one: Difference) -> str:
        text = gettext("{field} ({ours} in {source}, {theirs} in {target})")
        return text.format(
            field=one.label, ours=_said(one.ours), theirs=_said(one.theirs), source=self.source, target=self.target
        )


def look_now(integration: Integration, recipe: Recipe, flow_key: str, external_id: str) -> Look | None:
    """Read and compare one record. Raises KeyError, IntegrationErrors of the calls."""
    flow = recipe.flow(flow_key)
    with preview.looking(integration, recipe) as ctx:
        return look(ctx, flow, external_id, flow.read(ctx, [Item(external_id)]))


def look(ctx: SyncSession, flow: Flow, external_id: str, records: Mapping[str, Record]) -> Look | None:
    """Compare one record that was just read; None where it is not linked, or more than an update is due."""
    assert ctx.run is not None
    if flow.comparison is None:
        return None
    [entry] = planned = batch.planned(ctx, flow, [Item(external_id, {"run": "fetch_all", "certain": True})], records)
    if not _is_comparable(flow, entry) or entry.write is None:
        return None
    side, other = flow.side, "right" if flow.side == "left" else "left"
    source, target = ctx.connection(side).connector.label, ctx.connection(other).connector.label
    row = compare.read_now(ctx, flow, ctx.run, planned).of_record(entry, flow.comparison)
    if row is None:
        return Look(Finding.MISSING, source, target)
    fields = catalogue(ctx, flow)
    differing = compare.differences(ctx, flow, fields, entry, row.values)
    both = compare.two_way_fields(ctx, flow)
    sources = {row.target: row.source for row in batch.mapping_rows(ctx, flow)}
    named = tuple(
        Difference(_label(key, sources.get(key, ""), fields), *_options(pair, fields.targets.get(key)), key in both)
        for key, pair in differing.items()
    )
    finding = Finding.DIFFERS if named else Finding.ALIKE
    return Look(finding, source, target, len(compare.compared_fields(ctx, flow, fields, entry)), named)


def _is_comparable(flow: Flow, entry: RecordOutcome) -> bool:
    linked = entry.link is not None and entry.link.state == LinkState.ACTIVE
    action = entry.write.action if entry.write is not None else ""
    return linked and action not in flow.destructive_actions and action not in compare.MOVES


def _label(key: str, source: str, fields: Catalogue) -> str:
    """The target's name of a field; where that is only its key, the name it has at the source."""
    spec, read = fields.targets.get(key), fields.sources.get(source)
    label = spec.label if spec is not None else key
    return read.label if label == key and read is not None else label


def _options(pair: tuple[JSONValue, JSONValue], spec: FieldSpec | None) -> tuple[JSONValue, JSONValue]:
    """Both values, options by their labels."""
    labels = {option.key: option.label for option in spec.options} if spec is not None else {}
    ours, theirs = pair
    return labels.get(str(ours), ours), labels.get(str(theirs), theirs)


def _said(value: JSONValue) -> str:
    return gettext("empty") if value in (None, "", [], {}) else str(value)
