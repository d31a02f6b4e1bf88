"""A recipe without vendors: two dictionaries stand for the two systems, so that the engine can be tested alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms

from integration.dry_run import is_dry
from integration.engine.flow.base import Batch, Flow, Item, Page, Record, Result, Route, Skip, Sync, Write
from integration.engine.flow.mapping_row import TwoWay
from integration.engine.flow.recipe import Recipe
from integration.engine.flow.session import SyncSession
from integration.engine.sync import runner
from integration.models import Integration


@dataclass
class FakeFlow(Flow):
    """Copies `source` to `target`. `before_write` may misbehave."""

    key: str = "person_to_contact"
    label: str = "Fake"
    side: str = "left"
    source_object: str = "person"
    target_object: str = "contact"
    link_type: str = "person"
    events: frozenset[str] = frozenset({"person.create", "person.change", "person.delete"})
    runs: frozenset[str] = frozenset({"fetch_all", "poll"})
    batch_size: int = 10
    urgent: bool = False
    source: dict[str, dict[str, Any]] = field(default_factory=dict)
    target: dict[str, dict[str, Any]] = field(default_factory=dict)
    reads: list[list[str]] = field(default_factory=list)
    writes: list[list[str]] = field(default_factory=list)
    before_read: Callable[[Sequence[Item]], None] = lambda items: None
    before_write: Callable[[SyncSession, Sequence[Write]], None] = lambda ctx, writes: None
    page_size: int = 5

    def enabled(self, settings: Mapping[str, Any]) -> bool:
        return not settings.get("off")

    def route(self, ctx: SyncSession, event: Any) -> Sequence[Route] | Skip:
        return [Route(event.external_id, dict(event.payload))]

    def read(self, ctx: SyncSession, items: Sequence[Item]) -> Mapping[str, Record]:
        self.before_read(items)
        self.reads.append([item.external_id for item in items])
        return {item.external_id: self._record(item.external_id) for item in items if item.external_id in self.source}

    def _record(self, key: str) -> Record:
        return Record(key, self.source[key], email=self.source[key].get("email", ""))

    def decide(self, ctx: SyncSession, batch: Any, item: Item, record: Record | None) -> Any:
        if record is None:
            return Skip("deleted_at_source")
        if "skip" in record.values:
            return Skip(record.values["skip"])
        if record.values.get("bug"):
            raise ZeroDivisionError("a bug of ours")
        return Sync("update", mapped=False, extra=dict(record.values))

    def write(self, ctx: SyncSession, writes: Sequence[Write]) -> Sequence[Result]:
        self.before_write(ctx, writes)
        self.writes.append([write.item.external_id for write in writes])
        for write in writes:
            if not is_dry():  # a client of a real vendor sends nothing then
                self.target[write.item.external_id] = dict(write.values)
        return [Result("synced", target_id=f"t{write.item.external_id}") for write in writes]

    def page(self, ctx: SyncSession, kind: str, cursor: Any, since: Any) -> Page:
        keys = sorted(self.source)
        start = cursor or 0
        chosen = keys[start : start + self.page_size]
        after = start + self.page_size
        return Page(
            [Item(key) for key in chosen],
            {key: self._record(key) for key in chosen},
            after if after < len(keys) else None,
        )

    def count(self, ctx: SyncSession, kind: str) -> int | None:
        return len(self.source)


@dataclass
class FakeForward(FakeFlow):
    """A two-way flow's way there: mapped, writes only what it is told to. Each change counts as a newer version."""

    versions: dict[str, Any] = field(default_factory=dict)

    def _record(self, key: str) -> Record:
        return Record(key, self.source[key], version=self.versions.get(key))

    def decide(self, ctx: SyncSession, batch: Batch, item: Item, record: Record | None) -> Any:
        if record is None:
            return Skip("deleted_at_source")
        return Sync(
            "update" if item.external_id in batch.links else "create", creating=item.external_id not in batch.links
        )

    def write(self, ctx: SyncSession, writes: Sequence[Write]) -> Sequence[Result]:
        self.writes.append([write.item.external_id for write in writes])
        for write in writes:
            self.target.setdefault(write.item.external_id, {}).update(write.values)
        return [Result("synced", target_id=f"t{write.item.external_id}") for write in writes]


@dataclass
class FakeBack(FakeForward):
    """The way back of a `FakeForward`: `source` and `target` are the forward flow's, seen from there."""

    key: str = "contact_to_person"
    side: str = "right"
    source_object: str = "contact"
    target_object: str = "person"
    events: frozenset[str] = frozenset()

    def decide(self, ctx: SyncSession, batch: Batch, item: Item, record: Record | None) -> Any:
        return Skip("removed_at_target") if record is None else Sync("update_person")


def recipes_with(*flows: FakeFlow, two_way: Mapping[str, TwoWay] | None = None) -> Callable[[str], Recipe]:
    """The function the engine gets its recipes from, with these flows only."""
    for flow in flows:
        flow.two_way = (two_way or {}).get(flow.key)
    recipe = Recipe(
        key="fake", label="Fake", left="pipedrive", right="maileon", flows=flows, settings_form=forms.Form,
        default_settings={}, steps=lambda ctx: [],
    )  # fmt: skip
    return lambda key: recipe


def people(count: int) -> dict[str, dict[str, Any]]:
    """So many people as a `FakeFlow` finds them."""
    return {f"{n:03}": {"name": f"Person {n}"} for n in range(1, count + 1)}


def work(integration: Integration, flow: FakeFlow, **kwargs: Any) -> str:
    """Let a worker work on this one flow."""
    return runner.run(str(integration.pk), recipes_with(flow), **kwargs)
