"""Flow lead → list: the person of a lead joins the list “Nurture”."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from integration.connectors.brevo.client import BrevoClient
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Lead
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
    read_one_by_one,
    write_each,
)
from integration.errors import NotFound
from integration.models import LinkState, Outcome, WebhookEvent
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo import lists
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.sending import ContactRecord, arrived, contact_first, contact_of, person_links
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.settings import Settings
from integration.recipes.pipedrive_brevo.state import PersonState
from integration.recipes.shared.pipedrive_reasons import PipedriveReason

LINK_TYPE = "lead"


class LeadToList(Flow[PipedriveClient, BrevoClient, Settings]):
    """Pipedrive lead → Brevo list."""

    key = "lead_to_list"
    label = _("Lead → list")
    source_object = "lead"
    target_object = "contact"
    link_type = LINK_TYPE
    events = frozenset({"lead.create", "lead.change"})
    runs = frozenset({"poll", "fetch_all"})
    batch_size = 100

    def enabled(self, settings: Settings) -> bool:
        """On with "Sync leads" and a list for them."""
        return bool(settings["leads_enabled"] and settings["list_nurture"])

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The lead the event is about."""
        return [Route(event.external_id)]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """One call per lead: Pipedrive has no list by ids for them."""
        return read_one_by_one(items, ctx.left.get_lead, lambda leads: _records(ctx, leads))

    def page(self, ctx: Session, kind: str, cursor: str | None, since: datetime | None) -> Page:
        """Leads changed since the last poll, or all that are not archived."""
        page = ctx.left.leads_page(cursor, since)
        records = _records(ctx, page.records)
        return Page([Item(key) for key in records], records, page.next_cursor, page.unreadable)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """A lead's person joins once; a list it left alone is never joined again."""
        link = batch.links.get(item.external_id)
        if record is None:
            return Skip(Reason.DELETED_AT_SOURCE)
        content = record.values["content"]
        if not content["person_id"]:
            return Skip(BrevoReason.LEAD_WITHOUT_PERSON)
        if link is not None and link.state == LinkState.ACTIVE and link.written == content:
            return Skip(Reason.UNCHANGED)
        if content["list"] in (PersonState.of(contact_of(record)).left_lists or ()):
            return Skip(BrevoReason.LEFT_LIST)
        return Sync("join_list", mapped=False, extra=content)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """One call per lead's person."""
        return write_each(ctx, writes, lambda write: _join(ctx, write))


def _records(ctx: Session, leads: Sequence[Lead]) -> dict[str, Record]:
    contacts = person_links(ctx, [lead.person_id for lead in leads if lead.person_id])
    return {
        lead.id: ContactRecord(
            lead.id,
            {"content": {"person_id": lead.person_id, "list": int(ctx.settings["list_nurture"])}, "name": lead.title},
            version=lead.update_time,
            contact=contacts.get(lead.person_id),
        )
        for lead in leads
        if not lead.is_archived
    }  # fmt: skip


def _join(ctx: Session, write: Write) -> Result:
    early = contact_first(ctx, str(write.values["person_id"]), contact_of(write.record))
    if early is not None:
        return early
    try:
        held_back = lists.move(ctx, arrived(write), [write.values["list"]], [])
    except NotFound:
        return Result(Outcome.SKIPPED, reason=PipedriveReason.CONTACT_MISSING, link_state=None, call=ctx.last_call())
    if held_back:
        return Result(Outcome.SKIPPED, reason=BrevoReason.LEFT_LIST, link_state=None, call=ctx.last_call())
    return Result(Outcome.SYNCED, target_id=str(write.values["person_id"]), call=ctx.last_call())
