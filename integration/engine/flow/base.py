"""What a flow is, and the plain data that passes between it and the runner.

A recipe's flow has `read`, `decide`, `write`; mapping, links, logging, retries and order are the engine's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic

from typing_extensions import TypeVar

from config.json_value import JSONObject, JSONValue
from config.texts import StrOrPromise
from integration.addresses import normalise
from integration.connectors.base import FieldSpec
from integration.engine.flow.mapping_row import MappingRow, TwoWay
from integration.models import Outcome, RecordLink, VendorCall, WebhookEvent
from integration.reasons import NoReason, Reason, ReasonCode
from integration.secrets import email_hash

if TYPE_CHECKING:
    from integration.engine.flow.session import SyncSession


@dataclass(frozen=True)
class Item:
    """One record the engine wants brought up to date, and what only the events knew about it."""

    external_id: str
    hint: JSONObject = field(default_factory=dict)
    job_id: int | None = None
    event_id: int | None = None
    attempts: int = 0


@dataclass(frozen=True)
class Record:
    """A source record as read now: flat values for the mapping, its version, and the address that identifies it."""

    external_id: str
    values: Mapping[str, Any]  # what the flow reads for itself as well: times, links
    version: datetime | None = None
    email: str = ""

    def __post_init__(self) -> None:
        """Know the address in its normal form, however the source writes it."""
        if self.email:
            object.__setattr__(self, "email", normalise(self.email))

    @cached_property
    def email_hash(self) -> str:
        """The keyed hash of the address, by which links, log and ledger know it; empty without one."""
        return email_hash(self.email)


@dataclass(frozen=True)
class Skip:
    """Do nothing, for this reason. `notes` are merged into the link's own memory, if there is a link.

    `remember` makes a link for them where there is none: a record that is nothing to the target but must be known.
    """

    reason: ReasonCode
    detail: str = ""
    notes: JSONObject = field(default_factory=dict)
    remember: bool = False
    follow_ups: tuple[Enqueue, ...] = ()


@dataclass(frozen=True)
class Sync:
    """Do this. `action` names it in the log; `mapped` says whether field mappings make its values."""

    action: str
    mapped: bool = True
    creating: bool = False
    extra: JSONObject = field(default_factory=dict)  # values the flow computed itself
    notes: JSONObject = field(default_factory=dict)  # what the link remembers even if nothing has to be written


Decision = Skip | Sync


@dataclass
class Write:
    """One decided change on its way to the target."""

    item: Item
    action: str
    values: dict[str, Any]  # those of `extra` too, which the flow takes out again
    record: Record | None
    link: RecordLink | None
    marker: str = ""
    remember: dict[str, JSONValue] | None = None  # what the link holds as written, where that is not just `values`
    returning: Mapping[str, str] = field(default_factory=dict)  # on the way back: target field → source path


@dataclass(frozen=True)
class Enqueue:
    """A wish that a result gives rise to: bring this record up to date in another flow (or again in this one)."""

    flow: str
    external_id: str
    hint: JSONObject = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """How one write ended.

    `link_state` is the state the link gets (None leaves it), `notes` are merged into its memory, `written` replaces
    what we remember as last written (None: the write's values).
    """

    outcome: Outcome
    target_id: str = ""
    reason: ReasonCode | NoReason = ""
    detail: str = ""
    retry_after: float | None = None
    link_state: str | None = "active"
    notes: JSONObject = field(default_factory=dict)
    written: JSONObject | None = None
    call: VendorCall | None = None
    action: str = ""
    follow_ups: tuple[Enqueue, ...] = ()


@dataclass(frozen=True)
class Page:
    """One page of a run: its items, their records, and the cursor of the next page (None: last).

    `records` are those read already, by id: an item without one is gone. None: the engine reads them.
    `unreadable`: what is wrong with records that the vendor listed and nobody can read, by id. Each fails alone.
    """

    items: Sequence[Item]
    records: Mapping[str, Record] | None = field(default_factory=dict)
    next_cursor: JSONValue = None
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """Where an event goes: the record's id in this flow and what to remember of the event.

    `delay` is in seconds: where one save fires many events, the first waits for the others to collapse into it.
    """

    external_id: str
    hint: JSONObject = field(default_factory=dict)
    delay: float = 0.0


class Batch:
    """The links the records of one batch have, and who lives at their addresses."""

    def __init__(
        self,
        links: Mapping[str, RecordLink],
        owners: Mapping[str, str],
        sharing: Mapping[str, Sequence[Record]] | None = None,
        erased: frozenset[str] = frozenset(),
    ) -> None:
        """`owners`: keyed hash of an address → id of the record that was linked with it first and has it still.

        `links` has those of the batch's records and of whoever shares an address with one of them.
        `sharing`: hash → all living records that have it, read just now; the batch's own are among them.
        `erased`: hashes of the batch's addresses whose data was erased.
        """
        self.links = links
        self.owners = dict(owners)
        self.sharing = sharing or {}
        self.erased = erased

    def is_erased(self, record: Record | None) -> bool:
        """Whether the data of this record's address was erased, so that nothing about it may be taken in."""
        return record is not None and record.email_hash in self.erased

    def owner(self, email: str, candidate: str) -> str:
        """Return the id of the record that owns this address; the first one to ask for a free address gets it."""
        return self.owners.setdefault(email, candidate)

    def others(self, digest: str, but: str) -> list[Record]:
        """The living records that have this address beside the one with the id `but`."""
        return [record for record in self.sharing.get(digest, ()) if record.external_id != but]


@dataclass
class RecordOutcome:
    """One record's way through the batch."""

    item: Item
    record: Record | None
    link: RecordLink | None
    result: Result
    write: Write | None = None


@dataclass(frozen=True)
class Stage:
    """Records of one flow, read already, as a composite flow brings them along.

    `own`: they stand for items of the batch itself, under its flow or another. `later`: they become jobs instead.
    """

    flow: str
    items: Sequence[Item]
    records: Mapping[str, Record] = field(default_factory=dict)
    own: bool = False
    later: bool = False


Course = Generator[Stage, Sequence[RecordOutcome], None]

# The two clients and the settings a flow works with: see `SyncSession`, whose types these are.
L = TypeVar("L", default=Any)
R = TypeVar("R", default=Any)
S = TypeVar("S", default=Any)


@dataclass(frozen=True)
class Comparison:
    """How a comparison finds a flow's records at the target, and what of them it looks at.

    `object` is the key of the target's object API. `own_key` is its field that holds our key of a record, as the link
    names its target; empty where the link has the vendor's id. `fields` are compared beside those of the mapping.
    `passes_over`: actions that make nothing where the target has nobody, with the reason the flow then gives.
    `clears`: an empty value is sent, so that a full one there is a difference. `by_links`: only linked records are
    walked over, because a run of this flow lists none by itself.
    """

    object: str
    own_key: str = ""
    fields: frozenset[str] = frozenset()
    passes_over: Mapping[str, ReasonCode] = field(default_factory=dict)
    clears: bool = True
    by_links: bool = False


class Flow(ABC, Generic[L, R, S]):
    """A one-way rule: source object → target object. A recipe's flow says what is special to it."""

    key: str
    label: StrOrPromise
    side: str = "left"  # which connection is the source: "left" or "right"
    source_object: str
    target_object: str
    link_type: str
    events: frozenset[str] = frozenset()  # vendor events that concern it
    runs: frozenset[str] = frozenset()  # kinds of run it takes part in: fetch_all, poll, reconcile
    runs_after: tuple[str, ...] = ()  # keys of flows whose runs of the same kind end before this one's begin
    batch_size: int = 200
    first_part: int | None = None  # of a run's page, where preparing a write takes calls per record; None: all of it
    urgent: bool = False  # worked on before the others: an opt-out never waits behind an import
    owns_addresses: bool = False  # of several records with one address only one is written, so who has it is read again
    is_composite: bool = False  # whether it brings records of other flows along, by `stages`

    mapping: tuple[MappingRow, ...] | None = None  # the rows a new integration begins with; None: it has no mapping
    extra_sources: tuple[FieldSpec, ...] = ()  # what rows may read beside the vendor's own fields
    own_targets: frozenset[str] = frozenset()  # fields the flow itself writes, so that no row may
    two_way: TwoWay | None = None  # where its rows may also travel back
    comparison: Comparison | None = None  # None: nothing of it can be compared with what the target has
    mailing_actions: frozenset[str] = frozenset()  # what makes the target send an opt-in mail, as the log names it
    destructive_actions: frozenset[str] = frozenset()  # actions that count against the limit on removals
    parting_actions: frozenset[str] = frozenset()  # other actions that only take away or write down an opt-out

    @property
    def subscriptions(self) -> frozenset[str]:
        """The vendor events to subscribe to. Fewer than `events` where some arrive at an address given with a call."""
        return self.events

    @abstractmethod
    def enabled(self, settings: S) -> bool:
        """Say whether the tenant's settings include this flow."""

    def route(self, ctx: SyncSession[L, R, S], event: WebhookEvent) -> Sequence[Route] | Skip:
        """Say which records of this flow an event concerns. No vendor call here."""
        return Skip(Reason.UNHANDLED_EVENT)

    def stages(self, ctx: SyncSession[L, R, S], items: Sequence[Item], records: Mapping[str, Record] | None) -> Course:
        """Yield the stages of a composite flow in the order the target needs; the outcomes of each are sent back."""
        raise NotImplementedError

    @abstractmethod
    def read(self, ctx: SyncSession[L, R, S], items: Sequence[Item]) -> Mapping[str, Record]:
        """Read the current state of these records, many per vendor call. Missing ones are simply not in the answer."""

    @abstractmethod
    def decide(self, ctx: SyncSession[L, R, S], batch: Batch, item: Item, record: Record | None) -> Decision:
        """Decide what to do with one record. No vendor call here."""

    @abstractmethod
    def write(self, ctx: SyncSession[L, R, S], writes: Sequence[Write]) -> Sequence[Result]:
        """Carry out the writes, in bulk where the vendor can; one result per write, in order."""

    def page(self, ctx: SyncSession[L, R, S], kind: str, cursor: Any, since: datetime | None) -> Page:
        """Return one page of records for a run."""
        return Page([])

    def count(self, ctx: SyncSession[L, R, S], kind: str) -> int | None:
        """Return how many records a run will see, if that is cheap to know."""
        return None
