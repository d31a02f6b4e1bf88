"""Flow deal → contact: a deal's stage decides which list its person is on, and each move is an event for automations.

The list of a place (a stage, won, lost) is the tenant's. A person with several deals stays on a list as long as one of
them belongs there. A list somebody left alone is never joined again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from integration.connectors.brevo.client import BrevoClient
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Deal
from integration.engine.api import (
    Batch,
    Decision,
    EventContext,
    Flow,
    Item,
    Page,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    Write,
    links,
    setting,
    write_each,
)
from integration.errors import NotFound
from integration.models import LinkState, Outcome, RecordLink, WebhookEvent
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo import lists
from integration.recipes.pipedrive_brevo.places import stages
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.sending import (
    ContactRecord,
    OutgoingEvent,
    arrived,
    contact_first,
    contact_of,
    person_links,
    send_all,
)
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.settings import Settings, stage_list
from integration.recipes.shared.pipedrive_deals import deleted_deals
from integration.recipes.shared.pipedrive_reasons import PipedriveReason

LINK_TYPE = "deal"
PAGE_SIZE = 500
EVENTS_OF = {
    "deal_created": ("event_deal_added",), "deal_updated": ("event_deal_updated",),
    "deal_moved": ("event_deal_updated", "event_stage_changed"),
}  # fmt: skip


class DealToContact(Flow[PipedriveClient, BrevoClient, Settings]):
    """Pipedrive deal → the lists and events of a Brevo contact."""

    key = "deal_to_contact"
    label = _("Deal → list and event")
    source_object = "deal"
    target_object = "contact"
    link_type = LINK_TYPE
    events = frozenset({"deal.create", "deal.change", "deal.delete"})
    runs = frozenset({"poll", "fetch_all", "reconcile"})

    def enabled(self, settings: Settings) -> bool:
        """On with "Sync deals"."""
        return bool(settings["deals_enabled"])

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The deal the event is about."""
        deleted = True if event.vendor_event == "deal.delete" else None
        return [Route(event.external_id, EventContext(deleted=deleted).stored)]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred deals per call."""
        return _records(ctx, ctx.left.get_deals([item.external_id for item in items]))

    def page(self, ctx: Session, kind: str, cursor: str | None, since: datetime | None) -> Page:
        """Deals changed since the last poll, or all of them; reconcile finds those that are gone."""
        if kind == "reconcile":
            return deleted_deals(ctx, self.link_type, cursor)
        page = ctx.left.deals_page(cursor, since=since, limit=PAGE_SIZE)
        records = _records(ctx, page.records)
        return Page([Item(key) for key in records], records, page.next_cursor, page.unreadable)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """What this deal's change means, by what was written before and not by the order of events."""
        link = batch.links.get(item.external_id)
        if record is None:
            known = link is not None and link.state == LinkState.ACTIVE
            return (
                Sync("deal_gone", mapped=False)
                if known and EventContext.read(item.hint).deleted
                else Skip(Reason.DELETED_AT_SOURCE)
            )
        content = record.values["content"]
        if not content["person_id"]:
            return Skip(PipedriveReason.DEAL_WITHOUT_PERSON)
        if link is not None and link.state == LinkState.ACTIVE and link.written == content:
            return Skip(Reason.UNCHANGED)
        return Sync(_action(ctx, item, record, link), mapped=False, extra=content)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Move the contacts, one call each, then send the events of those that moved, together."""
        moved = dict(zip(map(id, writes), write_each(ctx, writes, lambda write: _move(ctx, write)), strict=True))
        telling = [
            write for write in writes if write.action in EVENTS_OF and moved[id(write)].outcome == Outcome.SYNCED
        ]
        sent = send_all(ctx, LINK_TYPE, telling, lambda write: _wishes(ctx, write)) if telling else {}
        return [sent.get(id(write), moved[id(write)]) for write in writes]


def _records(ctx: Session, deals: Sequence[Deal]) -> dict[str, Record]:
    contacts = person_links(ctx, [deal.person_id for deal in deals if deal.person_id])
    return {deal.id: _record(ctx, deal, contacts.get(deal.person_id)) for deal in deals if not deal.is_deleted}


def _record(ctx: Session, deal: Deal, contact: RecordLink | None) -> Record:
    place = deal.status if deal.status in ("won", "lost") else deal.stage_id
    content = {
        "deal_id": deal.id, "title": deal.title, "value": deal.value, "currency": deal.currency,
        "status": deal.status, "stage_id": deal.stage_id, "place": place, "person_id": deal.person_id,
        "list": stage_list(ctx.settings, place),
    }  # fmt: skip
    values = {"content": content, "add_time": deal.add_time, "name": deal.title}
    email = str(contact.written.get("email") or "") if contact else ""
    return ContactRecord(deal.id, values, version=deal.update_time, email=email, contact=contact)


def _action(ctx: Session, item: Item, record: Record, link: RecordLink | None) -> str:
    """created, updated or moved; a deal from before, met by a run, only takes its place."""
    if link is not None and link.written:
        return "deal_moved" if link.written.get("place") != record.values["content"]["place"] else "deal_updated"
    since = ctx.connection("left").their_time(ctx.integration.activated_at or ctx.integration.created_at)
    added = record.values["add_time"]
    before = EventContext.read(item.hint).run == "fetch_all"
    fresh = added is not None and added >= since.replace(microsecond=0) and not before
    return "deal_created" if fresh else "place_deal"


def _move(ctx: Session, write: Write) -> Result:
    """Put the contact on the deal's list and take it off the former one."""
    if write.action == "deal_gone":
        return _gone(ctx, write)
    person_id = str(write.values["person_id"])
    early = contact_first(ctx, person_id, contact_of(write.record))
    if early is not None:
        return early
    join, leave = _joins(write), _leaves(ctx, write)
    try:
        put = [number for number in join if _still_there(ctx, write, number)]  # another deal has put them there
        held_back = lists.move(ctx, arrived(write), join, leave, put=put) if join or leave else []
    except NotFound:
        return Result(Outcome.SKIPPED, reason=PipedriveReason.CONTACT_MISSING, link_state=None, call=ctx.last_call())
    return Result(
        Outcome.SYNCED, target_id=person_id, reason=BrevoReason.LEFT_LIST if held_back else "", call=ctx.last_call()
    )


def _former_list(write: Write) -> int | None:
    number: int | None = write.link.written.get("list") if write.link else None
    return number


def _joins(write: Write) -> list[int]:
    wanted = write.values["list"]
    return [wanted] if wanted and wanted != _former_list(write) else []


def _leaves(ctx: Session, write: Write) -> list[int]:
    """The former list, unless another deal keeps the contact on it."""
    before = _former_list(write)
    if not before or before == write.values["list"] or _still_there(ctx, write, before):
        return []
    return [before]


def _gone(ctx: Session, write: Write) -> Result:
    """A deleted deal lets its list go."""
    link = write.link
    assert link is not None
    contact = person_links(ctx, [str(link.written.get("person_id"))]).get(str(link.written.get("person_id")))
    before = link.written.get("list")
    if contact is not None and before and not _still_there(ctx, write, before):
        lists.move(ctx, contact, [], [before])
    return Result(Outcome.SYNCED, link_state="removed", written={}, call=ctx.last_call())


def _still_there(ctx: Session, write: Write, number: int) -> bool:
    """Whether another deal of the same contact belongs on this list."""
    digest = write.record.email_hash if write.record else (write.link.email_hash if write.link else "")
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type=LINK_TYPE, email_hash=digest)
    others = rows.filter(state=LinkState.ACTIVE).exclude(source_id=write.item.external_id)
    return any(link.written.get("list") == number for link in others)


def _wishes(ctx: Session, write: Write) -> list[OutgoingEvent]:
    """The events of one change, with what automations ask for; the moved one says where it came from."""
    content = write.values
    stage_names = stages(ctx, str(content.get("stage_id") or ""))
    before = write.link.written if write.link else {}
    properties = {
        "deal_id": content["deal_id"], "title": content["title"], "value": content["value"],
        "currency": content["currency"], "status": content["status"], "person_id": content["person_id"],
        "stage_id": content["stage_id"], "stage": stage_names.get(content["stage_id"], ""),
    }  # fmt: skip
    moved = {
        "previous_stage_id": before.get("stage_id"), "previous_stage": stage_names.get(str(before.get("stage_id")), ""),
        "previous_place": before.get("place"), "new_stage_id": content["stage_id"],
        "new_stage": stage_names.get(content["stage_id"], ""), "new_place": content["place"],
    }  # fmt: skip
    digest = links.content_hash(content)[:16]
    return [
        OutgoingEvent(
            str(setting(ctx.settings, event)), f"{event}:{content['deal_id']}:{digest}",
            {**properties, **(moved if event == "event_stage_changed" else {})},
        )
        for event in EVENTS_OF[write.action]
    ]  # fmt: skip
