"""Flow person → its notes: reads the notes that hang on one person, a call each, and lets them go as notes do.

Waits as jobs behind the companies, so that a company with many busy people never holds up others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_lazy as _

from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.planhat.client import PlanhatClient
from integration.engine.api import (
    Batch,
    Course,
    Decision,
    Flow,
    Item,
    Record,
    Result,
    Stage,
    Sync,
    Write,
)
from integration.models import Outcome
from integration.recipes.planhat_pipedrive import company, note_to_note
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.settings import Settings


class NotesOfPerson(Flow[PipedriveClient, PlanhatClient, Settings]):
    """Pipedrive person → Planhat Notes."""

    key = company.NOTES_OF_PERSON
    label = _("Person → Notes")
    source_object = "person"
    target_object = "conversation"
    link_type = "notes_of_person"
    batch_size = 10
    is_composite = True

    def enabled(self, settings: Settings) -> bool:
        """On when persons and notes are received."""
        return settings["note_direction"] == settings["person_direction"] == "receive"

    def stages(self, ctx: Session, items: Sequence[Item], found: Mapping[str, Record] | None) -> Course:
        """The notes, then the word that they were read."""
        notes = [row for item in items for row in company.notes_on(ctx, person_id=item.external_id)]
        rows = note_to_note.records(ctx, notes)
        yield Stage(company.NOTES, [Item(key) for key in rows], rows)
        yield Stage(self.key, items, self.read(ctx, items), own=True)

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """Nothing of the person itself is needed."""
        return {item.external_id: Record(item.external_id, {"name": ""}) for item in items}

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """The notes have had their say already."""
        return Sync("read_notes", mapped=False)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Nothing to send."""
        return [Result(Outcome.SYNCED, link_state=None) for _ in writes]
