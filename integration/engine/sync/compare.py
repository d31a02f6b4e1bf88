"""A comparison: read both sides in bulk, map the source as a sync would, and note where the target differs.

It writes nothing at a vendor. First all records of the target are read and kept until the run is over, then the source
page by page; what nobody at the source goes with is left in the end. `runs` calls `step` for one page at a time. What
is found is stored by `drifts`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from config.json_value import JSONObject, JSONValue, json_number
from integration.connectors.objects import Access, AnyAccess, AnyApi, ObjectRecord
from integration.engine.flow.base import Comparison, Flow, Item, Page, Record, RecordOutcome
from integration.engine.flow.session import SyncSession
from integration.engine.mapping.alike import EMPTY, alike
from integration.engine.mapping.fields import Catalogue, catalogue
from integration.engine.records import links
from integration.engine.sync import batch, compare_budget
from integration.engine.sync.compared import Targets, keep, targets_of
from integration.engine.sync.drifts import Finding
from integration.errors import ContractError, IntegrationError
from integration.models import (
    ComparedRecord,
    DriftKind,
    JobState,
    LinkState,
    Outcome,
    RecordLink,
    SyncJob,
    SyncRun,
    membership,
)

KIND = "compare"
TARGET, SOURCE, REST = "target", "source", "rest"
SAME, DIFFERS, WAITING, UNREADABLE = "same", "differs", "waiting", "unreadable"
UNREADABLE_THERE = "unreadable_there"
NOT_OF_THE_SOURCE = (UNREADABLE_THERE, DriftKind.ONLY_TARGET.value)  # counts of the target's records alone
ON_ITS_WAY = timedelta(minutes=30)  # a change at the target this young may still travel back by itself
MOVES = ("change_address", "merge", "hand_over", "let_go")  # what is due is more than an update
LISTED = 1_000  # records that only the target has are counted to the last and listed up to here
REST_PAGE = 1_000


@dataclass
class Step:
    """What one page of a comparison found, not stored yet."""

    cursor: JSONObject | None  # None: it was the last
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)  # ids at the source whose findings are all here
    rows: list[ComparedRecord] = field(default_factory=list)  # the target's, to be kept
    met: list[str] = field(default_factory=list)  # records of the target that somebody at the source goes with
    unjudged: list[str] = field(default_factory=list)  # ids at the source of which a change is on its way
    done: int = 0


def can_compare(flow: Flow) -> bool:
    """Whether a comparison of this flow is possible."""
    return flow.comparison is not None


def total(ctx: SyncSession, flow: Flow) -> int | None:
    """How many records of the source a comparison will see, at most; None where nobody can tell cheaply."""
    if _by_links(flow):
        return _linked(ctx, flow).count()
    return flow.count(ctx, "fetch_all")


def step(ctx: SyncSession, flow: Flow, run: SyncRun) -> Step:
    """Compare one page. Raises IntegrationErrors of the calls."""
    assert flow.comparison is not None
    place: JSONObject = run.cursor or {"phase": TARGET}
    if place["phase"] == TARGET:
        return _read_target(ctx, flow, run, place)
    if place["phase"] == SOURCE:
        return _compare_source(ctx, flow, run, place)
    return _rest(run, place)


# The target


def _read_target(ctx: SyncSession, flow: Flow, run: SyncRun, place: JSONObject) -> Step:
    api, access = target_api(ctx, flow)
    if compare_budget.too_dear(ctx, run, flow, api):
        return Step({"phase": SOURCE, "by_ids": True, "at": compare_budget.begin_sample(run)})
    read = api.scan or api.list
    assert read is not None
    page = read(access, _text(place.get("at")), None)
    wanted = _wanted(ctx, flow)
    rows = [keep(run, flow, row, wanted) for row in _common(api, access, page.records) if not row.archived]
    if page.next_cursor is not None and page.next_cursor == place.get("at"):
        raise ContractError("The list does not come to an end.", detail=str(page.next_cursor)[:200])
    if page.next_cursor is not None:
        following: JSONObject = {"phase": TARGET, "at": page.next_cursor}
    else:
        following = {"phase": SOURCE, "at": compare_budget.go_on(run)}
    return Step(following, Counter({UNREADABLE_THERE: len(page.problems)}) if page.problems else Counter(), rows=rows)


def target_api(ctx: SyncSession, flow: Flow) -> tuple[AnyApi, AnyAccess]:
    """The target's object, and the access with which the compared fields of its records are read."""
    assert flow.comparison is not None
    other = "right" if flow.side == "left" else "left"
    api = ctx.connection(other).connector.objects[flow.comparison.object]
    specs = ctx.fields(other, flow.target_object)
    return api, Access(ctx.client(other), [specs[key] for key in sorted(_wanted(ctx, flow)) if key in specs])


def _wanted(ctx: SyncSession, flow: Flow) -> frozenset[str]:
    """The keys of the fields that are compared, found out once per slice."""
    assert flow.comparison is not None
    memory = f"compared:{flow.key}"
    if memory not in ctx.cache:
        rows = batch.mapping_rows(ctx, flow)
        mapped = {row.target for row in rows if row.direction in ("forward", "both") and not row.only_create}
        ctx.cache[memory] = frozenset(mapped) | flow.comparison.fields
    found: frozenset[str] = ctx.cache[memory]
    return found


def _common(api: AnyApi, access: AnyAccess, records: Iterable[object]) -> list[ObjectRecord]:
    if api.common is None:
        raise TypeError(f"{api.key} cannot be read")
    return [api.common(access, record) for record in records]


# The source


def _compare_source(ctx: SyncSession, flow: Flow, run: SyncRun, place: JSONObject) -> Step:
    page = source_page(ctx, flow, place.get("at"))
    records = page.records if page.records is not None else flow.read(ctx, page.items)
    hint: JSONObject = {"run": "fetch_all", "certain": True}
    items = [Item(item.external_id, {**hint, **item.hint}) for item in page.items]
    planned = batch.planned(ctx, flow, items, records) if items else []
    found = Step(None, compared=[item.external_id for item in items], done=len(items) + len(page.unreadable))
    found.counts[UNREADABLE] += len(page.unreadable)
    targets = _targets(ctx, flow, run, place, planned)
    waiting = _waiting(ctx, flow, items)
    for entry in planned:
        _judge(ctx, flow, run, found, targets, entry, waits=entry.item.external_id in waiting)
    found.findings = _confirmed(ctx, flow, found)
    found.cursor = _following(ctx, run, place, page)
    found.counts = +found.counts
    return found


def again(ctx: SyncSession, flow: Flow, run: SyncRun, ids: Sequence[str]) -> Step:
    """Compare these records of the source now, each with what the target answers for it alone."""
    hint: JSONObject = {"run": "fetch_all", "certain": True}
    items = [Item(key, hint) for key in ids]
    planned = batch.planned(ctx, flow, items, flow.read(ctx, items))
    found = Step(None, compared=list(ids), done=len(ids))
    targets = read_now(ctx, flow, run, planned)
    for entry in planned:
        _compare_now(ctx, flow, found, targets, entry)
    return found


def _compare_now(ctx: SyncSession, flow: Flow, found: Step, targets: Targets, entry: RecordOutcome) -> None:
    assert flow.comparison is not None
    row = targets.of_record(entry, flow.comparison)
    if entry.write is None or not _is_linked(entry.link):
        found.counts[_left_out(entry)] += 1
    elif row is None:
        found.counts[DriftKind.ONLY_SOURCE] += 1
        found.findings.append(_missing(entry))
    else:
        _note_differences(ctx, flow, found, entry, row)


def source_page(ctx: SyncSession, flow: Flow, cursor: JSONValue) -> Page:
    if not _by_links(flow):
        return flow.page(ctx, "fetch_all", cursor, None)
    rows = list(_linked(ctx, flow).filter(pk__gt=int(json_number(cursor))).order_by("pk")[: flow.batch_size])
    items = [Item(link.source_id) for link in rows]
    return Page(items, None, rows[-1].pk if len(rows) == flow.batch_size else None)


def _by_links(flow: Flow) -> bool:
    assert flow.comparison is not None
    return flow.comparison.by_links or "fetch_all" not in flow.runs


def _linked(ctx: SyncSession, flow: Flow) -> QuerySet[RecordLink]:
    return RecordLink.objects.filter(integration=ctx.integration, link_type=flow.link_type, state=LinkState.ACTIVE)


def _following(ctx: SyncSession, run: SyncRun, place: JSONObject, page: Page) -> JSONObject | None:
    """Where to go on. A sample ends when its share of the budget is used up; the next one begins there."""
    if page.next_cursor is None:
        return None if compare_budget.is_sample(run) else {"phase": REST, "at": 0, "listed": 0}
    if compare_budget.used_up(ctx, run):
        compare_budget.note_sample(run, page.next_cursor)
        return None
    return {**place, "at": page.next_cursor}


def _waiting(ctx: SyncSession, flow: Flow, items: Sequence[Item]) -> set[str]:
    """Records of which a change is known that has not travelled yet: that they differ is no news."""
    jobs = SyncJob.objects.filter(integration=ctx.integration, flow=flow.key).exclude(state=JobState.DONE)
    found = membership.among(jobs, "external_id", [item.external_id for item in items])
    return set(found.values_list("external_id", flat=True))


def _targets(
    ctx: SyncSession, flow: Flow, run: SyncRun, place: JSONObject, planned: Sequence[RecordOutcome]
) -> Targets:
    """The target's records of these, from what was read in bulk; of a sample they are read now, by their ids."""
    assert flow.comparison is not None
    return read_now(ctx, flow, run, planned) if place.get("by_ids") else targets_of(run, flow, planned)


def read_now(ctx: SyncSession, flow: Flow, run: SyncRun, planned: Sequence[RecordOutcome]) -> Targets:
    """The target's records of these, as it answers now."""
    assert flow.comparison is not None
    api, access = target_api(ctx, flow)
    ids = [entry.link.target_id for entry in planned if entry.link is not None and entry.link.target_id]
    if flow.comparison.own_key:
        ids = _ids_of_keys(api, access, flow.comparison.own_key, ids)
    wanted, size, rows = _wanted(ctx, flow), max(api.limits.read, 1), []
    for start in range(0, len(ids), size):
        found = _read(api, access, ids[start : start + size])
        rows += [keep(run, flow, row, wanted) for row in _common(api, access, found)]
    return Targets.of(rows)


def _ids_of_keys(api: AnyApi, access: AnyAccess, own_key: str, targets: Sequence[str]) -> list[str]:
    """The vendor's ids of records that links name by our key."""
    assert api.find is not None
    found = api.find(access, own_key, [links.own_key_of(target) for target in targets])
    return [key for keys in found.values() for key in keys]


def _read(api: AnyApi, access: AnyAccess, ids: Sequence[str]) -> list[object]:
    assert api.get is not None
    return [row for row in api.get(access, ids).values() if not isinstance(row, IntegrationError)]


def _judge(
    ctx: SyncSession,
    flow: Flow,
    run: SyncRun,
    found: Step,
    targets: Targets,
    entry: RecordOutcome,
    *,
    waits: bool,
) -> None:
    """Count one record of the source, and note what the target has otherwise."""
    assert flow.comparison is not None
    row = targets.of_record(entry, flow.comparison)
    if row is not None and row.pk is not None:
        found.met.append(row.record_id)
    if entry.write is None:
        found.counts[_left_out(entry)] += 1
    elif waits or _is_on_its_way(flow, run, entry, entry.write.action):
        _wait(found, entry)
    elif row is None:
        _note_missing(flow, found, entry, entry.write.action)
    elif not _is_linked(entry.link):
        _wait(found, entry)  # the target has the record already: a sync would take it over
    else:
        _note_differences(ctx, flow, found, entry, row)


def _wait(found: Step, entry: RecordOutcome) -> None:
    """Nothing can be said of this record now: what was found of it before stays."""
    found.counts[WAITING] += 1
    found.unjudged.append(entry.item.external_id)
    found.compared.remove(entry.item.external_id)


def _is_linked(link: RecordLink | None) -> bool:
    return link is not None and link.state == LinkState.ACTIVE


def _is_on_its_way(flow: Flow, run: SyncRun, entry: RecordOutcome, action: str) -> bool:
    """Whether a sync is still to do what is due, or has just done it: the target may have been read before."""
    link = entry.link
    if link is None or link.state == LinkState.PENDING:
        return link is not None
    is_younger = run.started_at is not None and link.updated_at >= run.started_at
    return _is_linked(link) and (is_younger or action in flow.destructive_actions or action in MOVES)


def _note_missing(flow: Flow, found: Step, entry: RecordOutcome, action: str) -> None:
    """The target does not have the record. Whoever would be passed over there is missing by rule."""
    assert flow.comparison is not None
    reason = flow.comparison.passes_over.get(action)
    if reason is not None and not _is_linked(entry.link):
        found.counts[f"{Outcome.SKIPPED}:{reason}"] += 1
    else:
        found.findings.append(_missing(entry))


def _left_out(entry: RecordOutcome) -> str:
    outcome = entry.result.outcome
    return f"{outcome}:{entry.result.reason}" if outcome != Outcome.SYNCED else WAITING


def _missing(entry: RecordOutcome) -> Finding:
    return Finding(
        DriftKind.ONLY_SOURCE, entry.item.external_id,
        entry.link.target_id if entry.link is not None and _is_linked(entry.link) else "",
        email_hash=_digest(entry.record, entry.link),
    )  # fmt: skip


def _note_differences(ctx: SyncSession, flow: Flow, found: Step, entry: RecordOutcome, row: ComparedRecord) -> None:
    differing = differences(ctx, flow, catalogue(ctx, flow), entry, row.values)
    if differing and _travels_back(row, differing.keys() <= two_way_fields(ctx, flow)):
        _wait(found, entry)
        return
    found.counts[DIFFERS if differing else SAME] += 1
    digest, target = _digest(entry.record, entry.link), entry.link.target_id if entry.link else row.record_id
    for key, (ours, theirs) in differing.items():
        found.findings.append(
            Finding(
                DriftKind.DIFFERS,
                entry.item.external_id,
                target,
                digest,
                key,
                ours,
                theirs,
                two_way=key in two_way_fields(ctx, flow),
            )  # fmt: skip
        )


def differences(
    ctx: SyncSession, flow: Flow, fields: Catalogue, entry: RecordOutcome, theirs: Mapping[str, JSONValue]
) -> dict[str, tuple[JSONValue, JSONValue]]:
    """Field → (what it should hold, what the target holds), where these are not alike."""
    assert flow.comparison is not None
    assert entry.write is not None
    other = ctx.connection("right" if flow.side == "left" else "left")
    found: dict[str, tuple[JSONValue, JSONValue]] = {}
    for key in compared_fields(ctx, flow, fields, entry):
        ours = entry.write.values[key]
        if ours == theirs.get(key):
            continue
        if not alike(ours, theirs.get(key), fields.targets[key], other.connector.formatting, other.zone):
            found[key] = (ours, theirs.get(key))
    return found


def compared_fields(ctx: SyncSession, flow: Flow, fields: Catalogue, entry: RecordOutcome) -> list[str]:
    """The fields of a record that `differences` looks at."""
    assert flow.comparison is not None
    assert entry.write is not None
    written = entry.link.written if entry.link is not None else {}
    wanted = _wanted(ctx, flow) & fields.targets.keys()
    return [
        key
        for key, ours in entry.write.values.items()
        if key in wanted and not _is_left_alone(flow.comparison, ours, written.get(key))
    ]


def _is_left_alone(comparison: Comparison, ours: JSONValue, written: JSONValue) -> bool:
    """Whether the source never filled the field in, so that it is left to the target."""
    return ours in EMPTY and not comparison.clears and written in EMPTY


def two_way_fields(ctx: SyncSession, flow: Flow) -> frozenset[str]:
    rows = batch.mapping_rows(ctx, flow) if flow.two_way is not None else []
    return frozenset(row.target for row in rows if row.direction == "both")


def _travels_back(row: ComparedRecord, both_ways: bool) -> bool:
    """Whether somebody changed the target a moment ago, where changes travel back by themselves."""
    return both_ways and row.version is not None and timezone.now() - row.version < ON_ITS_WAY


def _digest(record: Record | None, link: RecordLink | None) -> str:
    if record is not None and record.email_hash:
        return record.email_hash
    return link.email_hash if link is not None else ""


def _confirmed(ctx: SyncSession, flow: Flow, found: Step) -> list[Finding]:
    """The findings, without those whose record is at the target after all: a list may pass over one that moves."""
    missing = [one for one in found.findings if one.kind == DriftKind.ONLY_SOURCE]
    there = _still_there(ctx, flow, [one.target_id for one in missing if one.target_id])
    passed_over = {one.source_id for one in missing if one.target_id in there}
    found.compared = [key for key in found.compared if key not in passed_over]
    found.unjudged.extend(passed_over)
    found.counts[WAITING] += len(passed_over)
    found.counts[DriftKind.ONLY_SOURCE] += len(missing) - len(passed_over)
    return [one for one in found.findings if one.source_id not in passed_over]


def _still_there(ctx: SyncSession, flow: Flow, targets: Sequence[str]) -> set[str]:
    """Which of these targets exist, asked for by themselves."""
    assert flow.comparison is not None
    api, access = target_api(ctx, flow)
    own_key = flow.comparison.own_key
    if not targets:
        return set()
    if own_key and api.find is not None:
        known = {links.own_key_of(target): target for target in targets}
        return {known[key] for key in api.find(access, own_key, list(known)) if key in known}
    if api.get is None:
        return set()
    found = api.get(access, targets)
    return {key for key, row in found.items() if not isinstance(row, IntegrationError)}


def _text(cursor: JSONValue) -> str | None:
    return cursor if isinstance(cursor, str) else None


# What only the target has


def _rest(run: SyncRun, place: JSONObject) -> Step:
    """Records of the target that nobody at the source goes with."""
    left = ComparedRecord.objects.filter(run=run, is_met=False, pk__gt=place["at"]).order_by("pk")
    rows = list(left[:REST_PAGE])
    listed = int(json_number(place["listed"]))
    room = max(LISTED - listed, 0)
    findings = [Finding(DriftKind.ONLY_TARGET, "", row.record_id, row.email_hash) for row in rows[:room]]
    following: JSONObject | None = None
    if len(rows) == REST_PAGE:
        following = {"phase": REST, "at": rows[-1].pk, "listed": listed + len(findings)}
    return Step(following, Counter({DriftKind.ONLY_TARGET.value: len(rows)}) if rows else Counter(), findings)
