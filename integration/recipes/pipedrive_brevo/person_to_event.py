"""Flow person → event: what happened to a person becomes an event of its contact (rows of the seed's event table).

Started by the flow person → contact once the contact is written; each happening is in the job's hint with its time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from integration.connectors.brevo.client import BrevoClient
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import (
    Batch,
    Decision,
    Flow,
    Item,
    Record,
    Result,
    Skip,
    Sync,
    Write,
    setting,
)
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo.sending import (
    ContactRecord,
    OutgoingEvent,
    arrived,
    person_links,
    send_arrived,
)
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.settings import Settings
from integration.recipes.pipedrive_brevo.state import HappenedContext

LINK_TYPE = "person_event"
HAPPENINGS = ("event_person_added", "event_person_updated", "event_person_merged")


class PersonToEvent(Flow[PipedriveClient, BrevoClient, Settings]):
    """Pipedrive person → Brevo event."""

    key = "person_to_event"
    label = _("Person → event")
    source_object = "person"
    target_object = "event"
    link_type = LINK_TYPE

    def enabled(self, settings: Settings) -> bool:
        """On while any of its events has a name."""
        return bool(settings["persons_enabled"] and any(setting(settings, name) for name in HAPPENINGS))

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """What we last wrote of the person is what the event says; no vendor is asked."""
        found = person_links(ctx, [item.external_id for item in items])
        return {
            item.external_id: ContactRecord(item.external_id, {"hint": item.hint}, contact=found.get(item.external_id))
            for item in items
        }

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Each happening has a name of the tenant's, or is not sent."""
        happened = HappenedContext.read(item.hint).times
        named = [name for name in HAPPENINGS if name in happened and setting(ctx.settings, name)]
        return Sync("send_event", mapped=False, extra={"events": named}) if named else Skip(Reason.UNCHANGED)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Those whose contact has arrived, in one go."""
        return send_arrived(
            ctx, LINK_TYPE, writes, lambda write: write.item.external_id, lambda write: _wishes(ctx, write)
        )


def _wishes(ctx: Session, write: Write) -> list[OutgoingEvent]:
    properties = {"person_id": write.item.external_id, "name": arrived(write).written.get("FULLNAME")}
    wishes = []
    for name in write.values["events"]:
        at = HappenedContext.read(write.item.hint).times[name]
        key = f"{name}:{write.item.external_id}:{at}"
        wishes.append(OutgoingEvent(str(setting(ctx.settings, name)), key, properties, datetime.fromisoformat(at)))
    return wishes
