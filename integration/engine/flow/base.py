"""What a flow is, and the plain data that passes between it and the runner.

A recipe's flow has `read`, `decide`, `write`; mapping, links, logging, retries and order are the engine's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from integration.models import RecordLink, VendorCall, WebhookEvent
from integration.secrets import email_hash

if TYPE_CHECKING:
    from integration.engine.flow.session import SyncSession


@dataclass(frozen=True)
class Item:
    """One record the engine wants brought up to date, and what only the events knew about it."""

    external_id: str
    hint: Mapping[str, Any] = field(default_factory=dict)
    job_id: int | None = None
    event_id: int | None = None
    attempts: int = 0


@dataclass(frozen=True)
class Record:
    """A source record as read now: flat values for the mapping, its version, and the address that identifies it."""

    external_id: str
    values: Mapping[str, Any]
    version: datetime | None = None
    email: str = ""

    @cached_property
    def email_hash(self) -> str:
        """The keyed hash of the address, by which links, log and ledger know it; empty without one."""
        return email_hash(self.email)


@dataclass(frozen=True)
class Skip:
    """Do nothing, for this reason. `notes` are merged into the link's own memory, if there is a link.

    `remember` makes a link for them where there is none: a record that is nothing to the target but must be known.
    """

    reason: str
    detail: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    remember: bool = False


@dataclass(frozen=True)
class Sync:
    """Do this. `action` names it in the log; `mapped` says whether field mappings make its values."""

    action: str
    mapped: bool = True
    creating: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)  # values the flow computed itself
    notes: Mapping[str, Any] = field(default_factory=dict)  # what the link remembers even if nothing has to be written


Decision = Skip | Sync


@dataclass
class Write:
    """One decided change on its way to the target."""

    item: Item
    action: str
    values: dict[str, Any]
    record: Record | None
    link: RecordLink | None
    marker: str = ""
    remember: dict[str, Any] | None = None  # what the link holds as written, where that is not just `values`
    returning: Mapping[str, str] = field(default_factory=dict)  # on the way back: target field → source path


@dataclass(frozen=True)
class Enqueue:
    """A wish that a result gives rise to: bring this record up to date in another flow (or again in this one)."""

    flow: str
    external_id: str
    hint: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """How one write ended. `outcome` is synced, skipped, failed, retrying or held.

    `link_state` is the state the link gets (None leaves it), `notes` are merged into its memory, `written` replaces
    what we remember as last written (None: the write's values).
    """

    outcome: str
    target_id: str = ""
    reason: str = ""
    detail: str = ""
    retry_after: float | None = None
    link_state: str | None = "active"
    notes: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, Any] | None = None
    call: VendorCall | None = None
    action: str = ""
    follow_ups: tuple[Enqueue, ...] = ()


@dataclass(frozen=True)
class Page:
    """One page of a run: its items, records already read (by id), and the cursor of the next page (None: last)."""

    items: Sequence[Item]
    records: Mapping[str, Record] = field(default_factory=dict)
    next_cursor: Any = None


@dataclass(frozen=True)
class Route:
    """Where an event goes: the record's id in this flow and what to remember of the event.

    `delay` is in seconds: where one save fires many events, the first waits for the others to collapse into it.
    """

    external_id: str
    hint: Mapping[str, Any] = field(default_factory=dict)
    delay: float = 0.0


class Batch:
    """The links the records of one batch have, and who owns which address."""

    def __init__(self, links: Mapping[str, RecordLink], owners: Mapping[str, str]) -> None:
        """`owners`: keyed hash of an address → id of the record that was linked with it first."""
        self.links = links
        self.owners = dict(owners)

    def owner(self, email: str, candidate: str) -> str:
        """Return the id of the record that owns this address; the first one to ask for a free address gets it."""
        return self.owners.setdefault(email, candidate)


class Flow(Protocol):
    """A one-way rule: source object → target object.

    Optional: `parts` brings records of other flows along (see `together`); `runs_after` names flows that run first.
    """

    key: str
    label: str
    side: str  # which connection is the source: "left" or "right"
    events: frozenset[str]  # vendor events that concern it
    link_type: str
    source_object: str
    target_object: str
    batch_size: int
    urgent: bool  # worked on before the others: an opt-out never waits behind an import
    runs: frozenset[str]  # kinds of run it takes part in: fetch_all, poll, reconcile

    def enabled(self, settings: Mapping[str, Any]) -> bool:
        """Say whether the tenant's settings include this flow."""

    def route(self, ctx: SyncSession, event: WebhookEvent) -> Sequence[Route] | Skip:
        """Say which records of this flow an event concerns. No vendor call here."""

    def read(self, ctx: SyncSession, items: Sequence[Item]) -> Mapping[str, Record]:
        """Read the current state of these records, many per vendor call. Missing ones are simply not in the answer."""

    def decide(self, ctx: SyncSession, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Decide what to do with one record. No vendor call here."""

    def write(self, ctx: SyncSession, writes: Sequence[Write]) -> Sequence[Result]:
        """Carry out the writes, in bulk where the vendor can; one result per write, in order."""

    def page(self, ctx: SyncSession, kind: str, cursor: Any, since: datetime | None) -> Page:
        """Return one page of records for a run."""

    def count(self, ctx: SyncSession, kind: str) -> int | None:
        """Return how many records a run will see, if that is cheap to know."""
