"""Flow activity → event: a call, an e-mail or a meeting with a person becomes an event of its contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from integration.connectors.brevo.client import BrevoClient
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Activity
from integration.engine.api import (
    Batch,
    Decision,
    Flow,
    Item,
    Page,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    Write,
)
from integration.models import LinkState, WebhookEvent
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.sending import ContactRecord, OutgoingEvent, person_links, send_arrived
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.settings import Settings

LINK_TYPE = "activity"
PAGE_SIZE = 500


class ActivityToEvent(Flow[PipedriveClient, BrevoClient, Settings]):
    """Pipedrive activity → Brevo event, once."""

    key = "activity_to_event"
    label = _("Activity → event")
    source_object = "activity"
    target_object = "event"
    link_type = LINK_TYPE
    events = frozenset({"activity.create"})
    runs = frozenset({"poll"})

    def enabled(self, settings: Settings) -> bool:
        """On with "Sync activities" and a name for its event."""
        return bool(settings["activities_enabled"] and settings["event_activity_added"])

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The activity the event is about."""
        return [Route(event.external_id)]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred activities per call."""
        return _records(ctx, ctx.left.get_activities([item.external_id for item in items]))

    def page(self, ctx: Session, kind: str, cursor: str | None, since: datetime | None) -> Page:
        """Activities changed since the last poll, for what a webhook missed."""
        page = ctx.left.activities_page(cursor, since=since, limit=PAGE_SIZE)
        records = _records(ctx, page.records)
        return Page([Item(key) for key in records], records, page.next_cursor, page.unreadable)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Each activity once; those from before the installation stay where they are."""
        link = batch.links.get(item.external_id)
        if record is None:
            return Skip(Reason.DELETED_AT_SOURCE)
        if link is not None and link.state == LinkState.ACTIVE:
            return Skip(Reason.UNCHANGED)
        if not record.values["person_id"]:
            return Skip(BrevoReason.ACTIVITY_WITHOUT_PERSON)
        since = ctx.connection("left").their_time(ctx.integration.activated_at or ctx.integration.created_at)
        if record.values["add_time"] is None or record.values["add_time"] < since.replace(microsecond=0):
            return Skip(Reason.UNCHANGED)
        return Sync("log_activity", mapped=False, extra=record.values["content"])

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Those whose contact has arrived, in one go."""
        return send_arrived(
            ctx, LINK_TYPE, writes, lambda write: str(write.values["person_id"]), lambda write: _wishes(ctx, write)
        )


def _records(ctx: Session, activities: Sequence[Activity]) -> dict[str, Record]:
    contacts = person_links(ctx, [row.person_id for row in activities if row.person_id])
    found: dict[str, Record] = {}
    for row in activities:
        content = {
            "activity_id": row.id, "type": row.type, "subject": row.subject, "done": row.done, "due_date": row.due_date,
            "person_id": row.person_id, "deal_id": row.deal_id or None,
        }  # fmt: skip
        values = {"content": content, "person_id": row.person_id, "add_time": row.add_time, "name": row.subject}
        if not row.is_deleted:
            contact = contacts.get(row.person_id)
            found[row.id] = ContactRecord(row.id, values, version=row.update_time, contact=contact)
    return found


def _wishes(ctx: Session, write: Write) -> list[OutgoingEvent]:
    at = write.record.values["add_time"] if write.record else None
    key = f"activity:{write.item.external_id}"
    return [OutgoingEvent(str(ctx.settings["event_activity_added"]), key, dict(write.values), at)]
