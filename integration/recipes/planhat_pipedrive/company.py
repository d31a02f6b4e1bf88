"""What goes together with a company: its deals, its people and its notes, in the order Planhat needs (seed 004).

Used by the flows of deals and organizations as steps of their course. An end user, a license and a note need their
company, so it goes first; what fails there keeps the rest waiting for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Unpack

from integration.connectors.pipedrive.client import Filters
from integration.connectors.pipedrive.records import Deal, Note, Person
from integration.dry_run import is_dry
from integration.engine.api import Course, Item, Record, RecordOutcome, Stage
from integration.models import LinkState, Outcome, RecordLink
from integration.reasons import Reason
from integration.recipes.planhat_pipedrive import deals, people, rules, scope
from integration.recipes.planhat_pipedrive.deals import COMPANY_FAILED, NOTES_COUNT
from integration.recipes.planhat_pipedrive.session import Session

LICENSES, SALES = "deal_to_license", "deal_to_sale"
PERSONS, NOTES, NOTES_OF_PERSON = "person_to_enduser", "note_to_note", "notes_of_person"
AT_ONCE = 5  # deals whose notes are read in one batch, a call each; the others follow in batches of their own
# Skipped, and there all the same.
IN_STEP = frozenset({Reason.UNCHANGED, Reason.ECHO, Reason.BOTH_CHANGED, Reason.STALE_EVENT})


def arrived(done: Sequence[RecordOutcome]) -> set[str]:
    """The records that are at the target now."""
    fine = [entry for entry in done if entry.result.outcome == Outcome.SYNCED or entry.result.reason in IN_STEP]
    return {entry.item.external_id for entry in fine}


def eligible_deals(ctx: Session, organizations: Sequence[str]) -> dict[str, Record]:
    """The eligible deals of these organizations: a call each."""
    found: list[Deal] = []
    for org_id in organizations:
        filters: Filters = {**scope.status(ctx), "org_id": org_id, "include_fields": NOTES_COUNT}
        found += ctx.left.iter_deals(**filters)
    return {key: row for key, row in deals.records(ctx, found).items() if not deals.ineligible(ctx, row)}


def start_anew(ctx: Session, organizations: Sequence[str]) -> None:
    """Forget what was written of companies that are no longer in Planhat, and of what belonged to them: a call each.

    Only when a person asks for it: a deletion in Planhat is not undone by itself. Nothing is forgotten in a dry run.
    """
    if is_dry():
        return
    links = RecordLink.objects.filter(integration=ctx.integration)
    linked = links.filter(link_type=scope.COMPANY, state=LinkState.ACTIVE, source_id__in=list(organizations))
    for link in linked:
        if ctx.right.get_company(f"srcid-{link.source_id}") is None:
            links.filter(pk=link.pk).update(state=LinkState.REMOVED, written={}, written_hash="")
            links.filter(parent_id=link.source_id).update(written={}, written_hash="")


def deal_parts(
    ctx: Session, items: Sequence[Item], found: Mapping[str, Record], *, own: bool, failed: Collection[str] = ()
) -> Course:
    """Licenses, then Sales. Deals of organizations that failed are told to wait for them."""
    known = {
        key: replace(row, values={**row.values, COMPANY_FAILED: True}) if row.values["org_id"] in failed else row
        for key, row in found.items()
    }
    sales = {key for key, kind in deals.split(ctx, known).items() if kind == rules.SALE}
    yield Stage(LICENSES, [item for item in items if item.external_id not in sales], known, own=own)
    yield Stage(SALES, [item for item in items if item.external_id in sales], known, own=own)


def of_organizations(found: Mapping[str, Record], organizations: Collection[str]) -> dict[str, Record]:
    """Those of these deals that belong to one of the organizations."""
    return {key: row for key, row in found.items() if str(row.values["org_id"]) in organizations}


def belongings(ctx: Session, organizations: Sequence[Record], brought: Sequence[Record]) -> Course:
    """The people of these organizations, then the notes on them, on the deals and (as jobs, a call each) on people."""
    notes_too = ctx.settings["note_direction"] == "receive"
    if ctx.settings["person_direction"] == "receive":
        yield from _people_of(ctx, organizations, notes_too=notes_too)
    if notes_too:
        yield from _notes_of(ctx, organizations, brought)


def _people_of(ctx: Session, organizations: Sequence[Record], *, notes_too: bool) -> Course:
    persons = [row for record in organizations for row in _persons(ctx, record.external_id)]
    _forget_merged(ctx, organizations, persons)
    yield Stage(PERSONS, [Item(row.id) for row in persons], people.records(ctx, persons, inside=True))
    busy = [row for row in persons if row.extra.get(NOTES_COUNT)] if notes_too else []
    if busy:
        yield Stage(NOTES_OF_PERSON, [Item(row.id) for row in busy], later=True)


def _notes_of(ctx: Session, organizations: Sequence[Record], brought: Sequence[Record]) -> Course:
    inside = {record.external_id for record in organizations}
    of_deals = {record.external_id: str(record.values["org_id"]) for record in brought}

    def company_of(note: Note) -> str | None:
        return note.org_id if note.org_id in inside else of_deals.get(note.deal_id)

    busy_deals = _noted(brought)
    notes = [row for record in _noted(organizations) for row in notes_on(ctx, org_id=record.external_id)]
    notes += [row for deal in busy_deals[:AT_ONCE] for row in notes_on(ctx, deal_id=deal.external_id)]
    rows = people.note_records(notes, company_of)
    yield Stage(NOTES, [Item(key) for key in rows], rows)
    rest = busy_deals[AT_ONCE:]
    if rest:
        yield Stage(LICENSES, [Item(deal.external_id) for deal in rest], later=True)


def _persons(ctx: Session, org_id: str) -> list[Person]:
    return list(ctx.left.iter_persons(org_id=org_id, include_fields=NOTES_COUNT))


def _forget_merged(ctx: Session, organizations: Sequence[Record], persons: Sequence[Person]) -> None:
    """Free the addresses of people who are gone: whoever they were merged into has them now. A call, if anybody is.

    Their End Users stay: the survivor of a merge takes over the one with its address.
    """
    if is_dry():
        return
    linked = RecordLink.objects.filter(
        integration=ctx.integration, link_type="person", state=LinkState.ACTIVE,
        parent_id__in=[record.external_id for record in organizations],
    ).exclude(source_id__in=[row.id for row in persons])  # fmt: skip
    missing = set(linked.values_list("source_id", flat=True))
    if missing:
        alive = {row.id for row in ctx.left.get_persons(sorted(missing)) if not row.is_deleted}
        linked.filter(source_id__in=missing - alive).update(state=LinkState.REMOVED, written={}, written_hash="")


def notes_on(ctx: Session, **parent: Unpack[Filters]) -> list[Note]:
    """The notes that hang on one record: person_id, org_id or deal_id."""
    return list(ctx.left.notes.walk(**parent))


def _noted(found: Sequence[Record]) -> list[Record]:
    """Those that have notes; where the count was not asked for, it is not known."""
    return [record for record in found if record.values.get(NOTES_COUNT, 1)]
