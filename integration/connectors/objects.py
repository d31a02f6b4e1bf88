"""What a connector offers for one object of its vendor: list, get, find and write, with limits and proof declared.

Whoever brings a pair of objects in step needs nothing else of a vendor. Each vendor's `objects.py` fills these in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from config.json_value import JSONValue
from integration.errors import ContractError, IntegrationError, NotFound, RecordError, UnreadableRecord

if TYPE_CHECKING:
    from integration.connectors.base import FieldSpec

C = TypeVar("C")  # the vendor's client
R = TypeVar("R")  # a record as the vendor's `records.py` has it
Problem: TypeAlias = IntegrationError  # why one record could not be read or written; its reason says what may help


class Proof(StrEnum):
    """What shows that a write arrived."""

    ANSWER = "answer"
    READ_BACK = "read-back"  # the answer says "accepted" at most: read the record before anything is said of it
    PROCESS = "process"  # the answer names a process that has to be asked later (`BulkImport`)


class IdentityKind(StrEnum):
    """By what a record is recognised beside the vendor's id."""

    EMAIL = "email"
    OUR_KEY = "our key"  # a field that holds the id which the record has elsewhere
    DOMAIN = "domain"
    NAME = "name"


class Deletion(StrEnum):
    """What `delete` does."""

    ERASED = "erased"
    BIN = "bin"  # a person can take the record out again
    REMOVED = "removed"  # from a list; the record itself stays


@dataclass(frozen=True)
class IdentityKey:
    """A field by whose value `find` finds records. `unique`: the vendor itself has no two of one value."""

    key: str
    kind: IdentityKind
    unique: bool = False
    lags: bool = False  # an index that knows a new value only after a moment


@dataclass(frozen=True)
class Changes:
    """How changes are heard. `events`: webhook events that tell of one.

    `polled_by` is the field by which `since` chooses; without it `since` gives the whole list. `deletions`: whether
    anything tells of a deletion; otherwise only a comparison does.
    """

    events: tuple[str, ...] = ()
    polled_by: str = ""
    deletions: bool = False


@dataclass(frozen=True)
class Limits:
    """How many records go into one call, and which of the connector's rate windows it uses."""

    page: int = 0
    read: int = 1
    write: int = 1
    windows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Access(Generic[C]):
    """What every operation is given. `fields`: those whose values are read and written, as the connector lists them.

    `place` is one of `ObjectApi.places`, where an account has several.
    """

    client: C
    fields: Sequence[FieldSpec] = ()
    place: str = ""

    @property
    def specs(self) -> dict[str, FieldSpec]:
        """The fields by key."""
        return {spec.key: spec for spec in self.fields}


@dataclass(frozen=True)
class ObjectRecord:
    """A record of any vendor. `values` are by field key, empty is None.

    `version` is when it was last changed, where the vendor tells it with its zone. `emails` are all addresses of
    somebody, the own one first. `references` are ids of other records by kind: an object's key, or user. `subscribed`:
    whether the vendor sends this person newsletters; None where it sends none or does not tell.
    """

    id: str
    values: Mapping[str, JSONValue] = field(default_factory=dict)
    version: datetime | None = None
    emails: tuple[str, ...] = ()
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    archived: bool = False
    subscribed: bool | None = None


@dataclass(frozen=True)
class ObjectPage(Generic[R]):
    """One page of a list; `next_cursor` is None at the end. `problems`: rows that nobody can read, by id."""

    records: tuple[R, ...]
    next_cursor: str | None = None
    problems: Mapping[str, Problem] = field(default_factory=dict)

    def complete(self) -> tuple[R, ...]:
        """Return the records if none is left out. Raises its problem."""
        for problem in self.problems.values():
            raise problem
        return self.records


@dataclass(frozen=True)
class Draft:
    """Values on their way to a vendor: what is absent stays as it is, None clears.

    `id` is the vendor's, for an update. `link` and `unlink` are ids of other records by kind. Appended records have
    `at`, when the thing happened, and `marker`, an idempotency key that is written with it. `announced`: an earlier
    try was made then and may have arrived, so it is looked up by its marker first.
    """

    values: Mapping[str, JSONValue] = field(default_factory=dict)
    id: str = ""
    link: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unlink: Mapping[str, Sequence[str]] = field(default_factory=dict)
    at: datetime | None = None
    marker: str = ""
    announced: datetime | None = None


@dataclass(frozen=True)
class WriteOutcome:
    """What became of one draft: the vendor's id as far as it tells one, or the problem."""

    id: str = ""
    problem: Problem | None = None


@dataclass(frozen=True)
class ProcessState:
    """How far a process at the vendor is. `reports` name what it says of rows that were left out."""

    is_done: bool
    has_failed: bool = False
    reports: tuple[str, ...] = ()


List: TypeAlias = Callable[[Access[C], "str | None", "datetime | None"], ObjectPage[R]]
Get: TypeAlias = Callable[[Access[C], Sequence[str]], "Mapping[str, R | Problem]"]
Find: TypeAlias = Callable[[Access[C], str, Sequence[str]], Mapping[str, tuple[str, ...]]]
Write: TypeAlias = Callable[[Access[C], Sequence[Draft]], Sequence[WriteOutcome]]
Upsert: TypeAlias = Callable[[Access[C], str, Sequence[Draft]], Sequence[WriteOutcome]]
Delete: TypeAlias = Callable[[Access[C], Sequence[str]], Sequence[WriteOutcome]]


@dataclass(frozen=True)
class BulkImport(Generic[C]):
    """A way for very many at once, for new ones above all: no row is answered, so every one is read back afterwards.

    `start` gives the ids of the processes that do it, `state` tells how one of them is.
    """

    start: Callable[[Access[C], Sequence[Draft]], Sequence[str]]
    state: Callable[[Access[C], str], ProcessState]


@dataclass(frozen=True)
class ObjectApi(Generic[C, R]):
    """One object of a vendor. An operation that the vendor does not have is None.

    `list(access, cursor, since)` gives every record that is there throughout, whatever moves meanwhile; with `since` at
    least those changed after it. `get` answers for every id: one that is gone or out of sight is a NotFound.
    `find(access, key, values)` gives ids by value, all of them where several records have it, as the values were
    written. `upsert(access, key, drafts)` goes by the value each draft has for an identity's key. Writes give one
    outcome per draft, in order; they raise only what stopped the first one. Writing somebody into an object that
    `mails` neither gives nor takes a permission; only joining a list says that somebody may get what is sent to it.
    """

    key: str
    label: str
    common: Callable[[Access[C], R], ObjectRecord] | None = None  # a record as others are given it; None: never read
    list: List[C, R] | None = None
    scan: List[C, R] | None = None  # the list in fewer calls: one that moves meanwhile may be passed over. Ask `get`
    get: Get[C, R] | None = None
    find: Find[C] | None = None
    create: Write[C] | None = None
    update: Write[C] | None = None
    upsert: Upsert[C] | None = None
    append: Write[C] | None = None  # makes one more: what cannot be changed, or not by the hub
    delete: Delete[C] | None = None
    bulk_import: BulkImport[C] | None = None
    identities: tuple[IdentityKey, ...] = ()
    upsert_keys: tuple[str, ...] = ()  # the identities an upsert may go by; without any it goes by the vendor's id
    links: tuple[str, ...] = ()  # kinds a draft may link
    changes: Changes = Changes()
    limits: Limits = Limits()
    proof: Proof = Proof.ANSWER
    deletion: Deletion = Deletion.ERASED
    places: Callable[[C], Mapping[str, str]] | None = None  # id → name, where one has to be chosen
    within: str = ""  # the object whose records are the places of this one: place, slash, id
    hides: bool = False  # what the credentials may not see is missing just like what is gone
    mails: bool = False  # the vendor mails these people: who writes here names a consent policy

    @property
    def operations(self) -> frozenset[str]:
        """The names of what this object offers."""
        names = ("list", "get", "find", "create", "update", "upsert", "append", "delete", "bulk_import")
        return frozenset(name for name in names if getattr(self, name) is not None)


# Of any vendor: whoever brings two of them in step passes their records on and asks nothing of them.
AnyApi: TypeAlias = "ObjectApi[Any, Any]"
AnyAccess: TypeAlias = "Access[Any]"


def page_of(records: Iterable[R], cursor: str | None, unreadable: Mapping[str, str]) -> ObjectPage[R]:
    """A page from what a vendor's reader made of its rows."""
    return ObjectPage(tuple(records), cursor, problems_of(unreadable))


def problems_of(unreadable: Mapping[str, str]) -> dict[str, Problem]:
    """Rows that could not be read, by id, as problems."""
    words = "The vendor sent a record that cannot be read."
    return {key: UnreadableRecord(words, detail=f"{key}: {text}") for key, text in unreadable.items()}


def answered(
    ids: Iterable[str], found: Mapping[str, R], problems: Mapping[str, Problem] | None = None
) -> dict[str, R | Problem]:
    """An answer for every id: the record, its problem, or else that it is not there."""
    known: dict[str, R | Problem] = {**found, **(problems or {})}
    return {key: known[key] if key in known else missing(key) for key in ids}


def missing(record_id: str) -> NotFound:
    """The problem of a record that is not there, or not to be seen."""
    return NotFound("The record does not exist (any more).", detail=record_id)


def get_each(ids: Sequence[str], get: Callable[[str], R | None]) -> dict[str, R | Problem]:
    """Read one record after another, for vendors without a list by ids.

    Raises what stopped the first one, and ContractError when none of several can be read: then the shape of the
    answer has changed.
    """
    found: dict[str, R | Problem] = {}
    unreadable: list[ContractError] = []
    for key in ids:
        try:
            record = get(key)
        except RecordError as exc:
            found[key] = exc
        except ContractError as exc:
            found |= problems_of({key: f"{exc.public} {exc.detail}".strip()})
            unreadable.append(exc)
        except IntegrationError as exc:
            if not found:
                raise
            return {**dict.fromkeys(ids, exc), **found}
        else:
            found[key] = missing(key) if record is None else record
    if len(unreadable) > 1 and len(unreadable) == len(found):
        raise unreadable[0]
    return found


def write_each(drafts: Sequence[Draft], write: Callable[[Draft], str]) -> list[WriteOutcome]:
    """Write one draft after another, for vendors without a bulk call. `write` returns the id.

    What stops one stops the rest as well, see `write_portions`.
    """

    def write_one(portion: Sequence[Draft]) -> list[WriteOutcome]:
        [draft] = portion
        try:
            return [WriteOutcome(write(draft))]
        except RecordError as exc:
            return [WriteOutcome(draft.id, exc)]

    return write_portions([[draft] for draft in drafts], write_one)


def write_portions(
    portions: Sequence[Sequence[Draft]], write: Callable[[Sequence[Draft]], Sequence[WriteOutcome]]
) -> list[WriteOutcome]:
    """Write one portion after another; `write` gives an outcome per draft of one.

    Raises what stopped the first one. What stops a later one stops the rest as well: each is told so, and what was
    written before keeps its outcome.
    """
    outcomes: list[WriteOutcome] = []
    for number, portion in enumerate(portions):
        try:
            outcomes += write(portion)
        except IntegrationError as exc:
            if number == 0:
                raise
            left = [draft for rest in portions[number:] for draft in rest]
            return [*outcomes, *(WriteOutcome(draft.id, exc) for draft in left)]
    return outcomes


def cut(drafts: Sequence[Draft], size: int) -> list[Sequence[Draft]]:
    """Portions of so many drafts."""
    return [drafts[start : start + size] for start in range(0, len(drafts), size)]


def delete_each(ids: Sequence[str], delete: Callable[[str], object]) -> list[WriteOutcome]:
    """Delete one record after another. One that is gone already is fine."""

    def remove(draft: Draft) -> str:
        try:
            delete(draft.id)
        except NotFound:
            return draft.id
        return draft.id

    return write_each([Draft(id=key) for key in ids], remove)


def walk(api: ObjectApi[C, R], access: Access[C], since: datetime | None = None) -> Iterator[R]:
    """Yield every record of a list, page by page. Raises the problem of one that cannot be read."""
    if api.list is None:
        raise TypeError(f"{api.key} has no list")
    cursor: str | None = None
    while True:
        page = api.list(access, cursor, since)
        yield from page.complete()
        cursor = page.next_cursor
        if cursor is None:
            return
