"""The cases that every object API of every vendor keeps, played against the sandbox over HTTP.

A vendor's `test_objects.py` says how to open a client and what records of its objects look like; `cases` makes the
parameters of its one test. A case that a vendor cannot keep is a `case` row of its quality.yaml, with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from integration import quality
from integration.connectors.objects import Access, Draft, ObjectApi, ObjectRecord, WriteOutcome, walk
from integration.connectors.registry import get_connector
from integration.errors import NotFound, UnreadableRecord
from sandbox.thread import SandboxThread

RECORDS, PAGE = 7, 3  # so many records in pages of so many
Values = Mapping[str, Any]
Links = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Sample:
    """What records of one object look like.

    `values` are those of the n-th record, all different. `change` is another value of one field, `clear` a field that
    can be emptied, `wrong` values that the vendor refuses. `place` and `prepare` make what records belong to.
    `make`, `remove` and `touch` stand in for writes that the API does not have; `count` says how many there are.
    """

    values: Callable[[int], Values] = lambda n: {}
    change: Values = field(default_factory=dict)
    clear: str = ""
    wrong: Values | None = None
    place: Callable[[Trial], str] | None = None
    prepare: Callable[[Trial], Links] | None = None
    make: Callable[[Trial, int], str] | None = None
    remove: Callable[[Trial, str], object] | None = None
    touch: Callable[[Trial, str], object] | None = None
    count: Callable[[Trial], int] | None = None
    missing: str = "999999999"


@dataclass(frozen=True)
class VendorObjects:
    """A vendor, how to open a client at the sandbox, its samples, and the constants that say how long a page is."""

    vendor: str
    open: Callable[[SandboxThread], Any]
    samples: Mapping[str, Sample]
    pages: Sequence[str] = ()


class Trial:
    """One object of one vendor at a fresh sandbox, with the steps that the cases share."""

    def __init__(self, objects: VendorObjects, key: str, sandbox: SandboxThread) -> None:
        self.sandbox, self.vendor, self.key = sandbox, objects.vendor, key
        self.client = objects.open(sandbox)
        self.connector = get_connector(objects.vendor)
        self.api: ObjectApi[Any, Any] = self.connector.objects[key]
        self.sample = objects.samples[key]
        fields = self.connector.fields(self.client, key) if self.has_fields else ()
        self.access: Access[Any] = Access(self.client, fields)
        if self.sample.place:
            self.access = Access(self.client, fields, self.sample.place(self))
        self.links: Links = self.sample.prepare(self) if self.sample.prepare else {}

    @property
    def has_fields(self) -> bool:
        """Whether the connector lists fields of this object. Those it does not have none of their own."""
        return self.key not in NO_FIELDS.get(self.vendor, ())

    def draft(self, n: int, **more: Any) -> Draft:
        return Draft({**self.sample.values(n), **more}, link=self.links)

    def make(self, n: int) -> str:
        """Make the n-th record and return its id."""
        if self.sample.make:
            return self.sample.make(self, n)
        if self.api.create:
            return made(self.api.create(self.access, [self.draft(n)]))
        if self.api.upsert:
            return self.id_of(self.upsert([self.draft(n)])[0], n)
        assert self.api.append is not None
        return made(self.api.append(self.access, [self.draft(n)]))

    def upsert(self, drafts: Sequence[Draft]) -> Sequence[WriteOutcome]:
        assert self.api.upsert is not None
        return self.api.upsert(self.access, next(iter(self.api.upsert_keys), ""), drafts)

    def id_of(self, outcome: WriteOutcome, n: int) -> str:
        """The id of an upserted record, looked up where the vendor does not tell it."""
        assert outcome.problem is None, outcome.problem.public
        if outcome.id:
            return outcome.id
        key = self.api.upsert_keys[0]
        assert self.api.find is not None
        value = str(self.sample.values(n)[key])
        return self.api.find(self.access, key, [value])[value][0]

    def remove(self, record_id: str) -> None:
        if self.sample.remove:
            self.sample.remove(self, record_id)
        else:
            assert self.api.delete is not None
            assert self.api.delete(self.access, [record_id])[0].problem is None

    def touch(self, record_id: str) -> None:
        """Change a record."""
        if self.sample.touch:
            self.sample.touch(self, record_id)
        else:
            assert self.api.update is not None
            assert self.api.update(self.access, [Draft(self.sample.change, record_id)])[0].problem is None

    def read(self, record_id: str) -> ObjectRecord:
        """A record as it is now, in the common shape."""
        assert self.api.get is not None
        assert self.api.common is not None
        found = self.api.get(self.access, [record_id])[record_id]
        if isinstance(found, Exception):
            raise found
        return self.api.common(self.access, found)

    def advance(self, seconds: int) -> datetime:
        """Move the vendor's clock on and return the moment in the middle."""
        middle: datetime = self.sandbox.state.clock.now() + timedelta(seconds=seconds / 2)
        self.sandbox.control("POST", "/time", {"advance_seconds": seconds})
        return middle


NO_FIELDS = {
    "pipedrive": ("activity", "note"), "hubspot": ("note",), "maileon": ("event",), "brevo": ("event", "list_member"),
}  # fmt: skip
Case = Callable[[Trial], None]


def made(outcomes: Sequence[WriteOutcome]) -> str:
    [outcome] = outcomes
    assert outcome.problem is None, outcome.problem.public
    assert outcome.id
    return outcome.id


def is_declared_truly(trial: Trial) -> None:
    """What an object says of itself fits its operations, its connector and its fields."""
    api, connector = trial.api, trial.connector
    assert api.key == trial.key
    assert api.operations
    assert bool(api.find) == bool(api.identities) or not api.find
    assert {*api.upsert_keys} <= {identity.key for identity in api.identities}
    assert {*api.limits.windows} <= {window.key for window in connector.windows}
    assert {*api.links} <= {*connector.objects, "user"}
    assert {*api.changes.events} <= {*getattr(connector.webhooks, "EVENTS", ())}
    assert (api.common is None) == (api.list is None and api.get is None)
    assert not (api.places and api.within)
    if trial.has_fields and api.find:
        readable = {*trial.access.specs, *(identity.key for identity in api.identities if identity.kind == "our key")}
        assert {identity.key for identity in api.identities} <= readable


def list_gives_everything_once(trial: Trial) -> None:
    ids = [trial.make(n) for n in range(RECORDS)]

    seen = [record.id for record in walk(trial.api, trial.access)]

    assert sorted(seen) == sorted(ids)
    assert seen or ids == []


def list_passes_over_nobody_who_stays(trial: Trial) -> None:
    """While pages are turned one who was seen goes, one who was not seen goes, and somebody comes."""
    assert trial.api.list is not None
    ids = {trial.make(n) for n in range(RECORDS)}
    page = trial.api.list(trial.access, None, None)
    seen = [record.id for record in page.records]
    gone = {seen[0], next(iter(ids - {*seen}))}
    for record_id in gone:
        trial.remove(record_id)
    trial.make(RECORDS)
    while page.next_cursor is not None:
        page = trial.api.list(trial.access, page.next_cursor, None)
        seen += [record.id for record in page.records]

    assert ids - gone <= {*seen}


def list_since_gives_what_changed(trial: Trial) -> None:
    ids = [trial.make(n) for n in range(RECORDS)]
    since = trial.advance(600)
    trial.touch(ids[2])
    trial.advance(60)

    seen = {record.id for record in walk(trial.api, trial.access, since)}

    assert ids[2] in seen
    if trial.api.changes.polled_by:
        assert ids[0] not in seen


def get_answers_for_every_id(trial: Trial) -> None:
    assert trial.api.get is not None
    known = trial.make(1)

    found = trial.api.get(trial.access, [known, trial.sample.missing])

    assert found[known].id == known
    assert isinstance(found[trial.sample.missing], NotFound)


def find_goes_by_each_identity(trial: Trial) -> None:
    assert trial.api.find is not None
    known, other = trial.make(1), trial.make(2)
    if any(identity.lags for identity in trial.api.identities):
        trial.advance(60)
    for identity in trial.api.identities:
        values = [str(trial.sample.values(n)[identity.key]) for n in (1, 2)]
        found = trial.api.find(trial.access, identity.key, [*values, "nobody@nowhere.example"])
        assert found == {values[0]: (known,), values[1]: (other,)}, identity.key


def what_is_made_reads_the_same(trial: Trial) -> None:
    record = trial.read(trial.make(1))

    wanted = trial.sample.values(1)
    assert {key: record.values.get(key) for key in wanted} == wanted
    if "email" in wanted:
        assert record.emails[0] == wanted["email"]
    for kind, ids in trial.links.items():
        assert record.references[kind] == tuple(ids)


def an_update_leaves_alone_what_it_does_not_name(trial: Trial) -> None:
    assert trial.api.update is not None
    record_id = trial.make(1)

    [outcome] = trial.api.update(trial.access, [Draft(trial.sample.change, record_id)])

    assert (outcome.id, outcome.problem) == (record_id, None)
    wanted = {**trial.sample.values(1), **trial.sample.change}
    record = trial.read(record_id)
    assert {key: record.values.get(key) for key in wanted} == wanted


def null_clears(trial: Trial) -> None:
    assert trial.api.update is not None
    record_id, name = trial.make(1), trial.sample.clear
    assert trial.read(record_id).values[name] is not None

    trial.api.update(trial.access, [Draft({name: None}, record_id)])

    assert trial.read(record_id).values.get(name) is None


def an_upsert_twice_makes_one(trial: Trial) -> None:
    first = trial.id_of(trial.upsert([trial.draft(1), trial.draft(2)])[0], 1)
    again = trial.id_of(trial.upsert([Draft({**trial.draft(1).values, **trial.sample.change}, link=trial.links)])[0], 1)

    assert first == again
    assert len([*walk(trial.api, trial.access)]) == 2
    for name, value in trial.sample.change.items():
        assert trial.read(first).values[name] == value


def what_is_deleted_is_gone(trial: Trial) -> None:
    assert trial.api.delete is not None
    gone, stays = trial.make(1), trial.make(2)

    outcomes = [*trial.api.delete(trial.access, [gone]), *trial.api.delete(trial.access, [gone])]

    assert [outcome.problem for outcome in outcomes] == [None, None]
    assert trial.api.get is not None
    found = trial.api.get(trial.access, [gone, stays])
    left = found[gone]
    assert isinstance(left, NotFound) or (trial.api.common and trial.api.common(trial.access, left).archived)
    assert found[stays].id == stays


def a_refusal_lands_on_its_record(trial: Trial) -> None:
    """The second of three is wrong."""
    assert trial.sample.wrong is not None
    drafts = [trial.draft(1), trial.draft(2, **trial.sample.wrong), trial.draft(3)]
    if trial.api.create:
        outcomes = trial.api.create(trial.access, drafts)
    elif trial.api.upsert:
        outcomes = trial.upsert(drafts)
    else:
        assert trial.api.append is not None
        outcomes = trial.api.append(trial.access, drafts)

    assert [outcome.problem is None for outcome in outcomes] == [True, False, True]
    if trial.api.list:
        assert len([*walk(trial.api, trial.access)]) == 2


def an_update_that_is_refused_lands_on_its_record(trial: Trial) -> None:
    assert trial.api.update is not None
    assert trial.sample.wrong is not None
    ids = [trial.make(n) for n in (1, 2, 3)]
    drafts = [Draft(trial.sample.change, key) for key in ids]
    drafts[1] = Draft({**trial.sample.change, **trial.sample.wrong}, ids[1])
    drafts.append(Draft(trial.sample.change, trial.sample.missing))

    outcomes = trial.api.update(trial.access, drafts)

    assert [outcome.problem is None for outcome in outcomes] == [True, False, True, False]
    for key, value in trial.sample.change.items():
        assert [trial.read(record_id).values.get(key) == value for record_id in ids] == [True, False, True]


def an_odd_row_is_one_problem(trial: Trial) -> None:
    assert trial.api.list is not None
    ids = [trial.make(n) for n in (1, 2)]
    trial.sandbox.control("POST", "/misbehave", {"vendor": trial.vendor, "odd_rows": [ids[0]]})

    page = trial.api.list(trial.access, None, None)

    assert [record.id for record in page.records] == [ids[1]]
    assert [*page.problems] == [ids[0]]
    if trial.api.get:
        found = trial.api.get(trial.access, ids)
        assert isinstance(found[ids[0]], UnreadableRecord)
        assert found[ids[1]].id == ids[1]


def an_append_that_arrived_is_not_repeated(trial: Trial) -> None:
    assert trial.api.append is not None
    assert trial.sample.count is not None
    started = trial.sandbox.state.clock.now()
    first = Draft(trial.sample.values(1), link=trial.links, at=started, marker="marker-1")
    trial.api.append(trial.access, [first])
    again = Draft(first.values, link=first.link, at=started, marker=first.marker, announced=started)
    other = Draft(first.values, link=first.link, at=started, marker="marker-2", announced=started)

    outcomes = trial.api.append(trial.access, [again, other])

    assert [outcome.problem for outcome in outcomes] == [None, None]
    assert trial.sample.count(trial) == 2


def _needs(*operations: str) -> Callable[[ObjectApi[Any, Any], Sample], bool]:
    return lambda api, sample: {*operations} <= api.operations


def _writes(api: ObjectApi[Any, Any]) -> bool:
    return bool(api.operations & {"create", "upsert", "append"})


APPLIES: Mapping[Case, Callable[[ObjectApi[Any, Any], Sample], bool]] = {
    is_declared_truly: lambda api, sample: True,
    list_gives_everything_once: _needs("list"),
    list_passes_over_nobody_who_stays: lambda api, sample: bool(api.list and (api.delete or sample.remove)),
    list_since_gives_what_changed: lambda api, sample: bool(api.list and (api.update or sample.touch)),
    get_answers_for_every_id: _needs("get"),
    find_goes_by_each_identity: _needs("find"),
    what_is_made_reads_the_same: lambda api, sample: bool(api.get and _writes(api) and sample.values(1)),
    an_update_leaves_alone_what_it_does_not_name: _needs("update"),
    null_clears: _needs("update"),
    an_upsert_twice_makes_one: _needs("upsert"),
    what_is_deleted_is_gone: _needs("delete", "get"),
    a_refusal_lands_on_its_record: lambda api, sample: _writes(api),
    an_update_that_is_refused_lands_on_its_record: _needs("update"),
    an_odd_row_is_one_problem: _needs("list"),
    an_append_that_arrived_is_not_repeated: _needs("append"),
}


def cases(objects: VendorObjects) -> Iterator[Any]:
    """The parameters of a vendor's test: each object it declares with each case that concerns its operations.

    Raises ValueError for an exception in quality.yaml that names no such case.
    """
    connector = get_connector(objects.vendor)
    exempt = {name for name in quality.exceptions(objects.vendor) if "." in name}
    for key, api in connector.objects.items():
        sample = objects.samples[key]
        for case, applies in APPLIES.items():
            name = f"{key}.{case.__name__}"
            if not applies(api, sample):
                continue
            if name in exempt:
                exempt.remove(name)
                continue
            yield pytest.param(key, case, id=name)
    if exempt:
        raise ValueError(f"No such case of {objects.vendor}: {', '.join(sorted(exempt))}")


def play(objects: VendorObjects, key: str, case: Case, sandbox: SandboxThread, patch: pytest.MonkeyPatch) -> None:
    """Play one case, in short pages."""
    for name in objects.pages:
        patch.setattr(name, PAGE)
    trial = Trial(objects, key, sandbox)
    assert trial.api.operations
    case(trial)
