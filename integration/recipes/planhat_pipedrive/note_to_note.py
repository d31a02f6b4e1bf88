"""Flow note → Note: notes on a company, its deals and its people go with its deals, as conversations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Note
from integration.connectors.planhat.client import PlanhatClient
from integration.engine.api import (
    Batch,
    Decision,
    Flow,
    Item,
    Page,
    Record,
    Result,
    Skip,
    Sync,
    Write,
    read_one_by_one,
)
from integration.models import LinkState, RecordLink
from integration.reasons import Reason
from integration.recipes.planhat_pipedrive import company, deals, people, scope, sweeps, writing
from integration.recipes.planhat_pipedrive.reasons import PlanhatReason
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.settings import Settings
from integration.recipes.planhat_pipedrive.state import MemberState, NoteState
from integration.recipes.shared.pipedrive_pages import gather

PREFIX = "pipedrive-"  # notes are found by their externalId, where plain numbers may be somebody else's


class NoteToNote(Flow[PipedriveClient, PlanhatClient, Settings]):
    """Pipedrive note → Planhat Note."""

    key = company.NOTES
    label = _("Note → Note")
    source_object = "note"
    target_object = "conversation"
    link_type = "note"
    runs = frozenset({"fetch_all"})
    runs_after = (company.LICENSES, company.PERSONS)
    batch_size = 10

    def enabled(self, settings: Settings) -> bool:
        """On when notes are received."""
        return settings["note_direction"] == "receive"

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """One by one: Pipedrive has no list of notes by id."""
        return read_one_by_one(items, ctx.left.get_note, lambda notes: records(ctx, notes))

    def page(self, ctx: Session, kind: str, cursor: str | None, since: datetime | None) -> Page:
        """Notes of organizations that are in; the others are passed over in silence."""
        page = gather(ctx.left.notes_page, cursor, sweeps.PAGES)
        found = {key: record for key, record in records(ctx, page.records).items() if record.values["organization"]}
        return Page([Item(key) for key in found], found, page.next_cursor, page.unreadable)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """A note needs a company that is in Planhat."""
        if record is None:
            return Skip(Reason.DELETED_AT_SOURCE)
        if not record.values["organization"]:
            return Skip(PlanhatReason.COMPANY_NOT_SYNCED)
        link = batch.links.get(item.external_id)
        active = link is not None and link.state == LinkState.ACTIVE
        return Sync("update" if active else "create_note", mapped=False, extra=record.values["content"])

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """One upsert for all of them."""
        return writing.upsert(ctx, "conversation", writes, prefix=PREFIX, state=_state)


def records(ctx: Session, notes: Sequence[Note]) -> dict[str, Record]:
    """With the organization each belongs to: its own, its deal's or its person's, if that is in."""
    by_deal = _organizations(ctx, deals.LINK_TYPES.values(), {row.deal_id for row in notes})
    by_person = _organizations(ctx, ("person",), {row.person_id for row in notes})

    possible = {row.org_id for row in notes} | {*by_deal.values(), *by_person.values()}
    inside = scope.organizations(ctx, possible)

    def company_of(note: Note) -> str | None:
        found = (note.org_id, by_deal.get(note.deal_id), by_person.get(note.person_id))
        return next((org_id for org_id in found if org_id in inside), None)

    return people.note_records(notes, company_of)


def _state(record: Record) -> NoteState:
    return NoteState(organization=record.values["organization"])


def _organizations(ctx: Session, link_types: Iterable[str], ids: set[str]) -> dict[str, str]:
    """Record id → the organization its link remembers."""
    wanted = [key for key in ids if key]
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type__in=link_types, source_id__in=wanted)
    pairs = rows.values_list("source_id", "notes") if wanted else ()
    found = {key: MemberState.read(notes).organization for key, notes in pairs}
    return {key: org_id for key, org_id in found.items() if org_id}
