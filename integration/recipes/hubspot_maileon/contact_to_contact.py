"""Flow HubSpot contact → Maileon contact. Stage 7 of the walk: who is subscribed, on which terms.

“Subscribe to Maileon Newsletter” decides: not set counts as Yes for contacts created since the installation, No is not
synced and later unsubscribes. What all recipes share of it is in `newsletter/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from integration.connectors.hubspot.client import HubSpotClient
from integration.connectors.hubspot.records import Contact
from integration.engine.api import (
    Batch,
    Decision,
    Item,
    MappingRow,
    Page,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    Write,
    personal_data,
)
from integration.errors import NotFound
from integration.models import Outcome, RecordLink, WebhookEvent
from integration.reasons import Reason
from integration.recipes.hubspot_maileon import contacts, overrides
from integration.recipes.hubspot_maileon.properties import LINK_TYPE, NO, STAGE, SUBSCRIBE, YES
from integration.recipes.hubspot_maileon.reasons import HubSpotReason
from integration.recipes.hubspot_maileon.session import Session
from integration.recipes.hubspot_maileon.settings import Settings
from integration.recipes.newsletter import consent, to_contacts
from integration.recipes.newsletter.consent import ContactState
from integration.recipes.newsletter.contacts import contact_key
from integration.recipes.newsletter.context import ContactContext
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.newsletter.subscription import ContactWriter, SubscriptionPolicy
from integration.recipes.newsletter.to_contacts import IMPLIED, ContactUpsertFlow, merged
from integration.recipes.shared.linked_records import linked

DELETION, MERGE, PRIVACY = "contact.deletion", "contact.merge", "contact.privacyDeletion"
# One save fires many events, and what a form sets may not be readable at once (hubspot sheet §8): wait a moment.
BURST_PAUSE = 3.0
# A merge fires a deletion of the loser too, in any order: its news should be here before the deletion is believed.
DELETION_PAUSE = 10.0
CLOCKS = timedelta(minutes=2)  # HubSpot's clock and ours
WRITTEN_BY_US = frozenset({SUBSCRIBE, STAGE})


# The seed's own table is lost: these are the natural counterparts. What a portal does not have is left alone.
CONTACT_MAPPING = (
    MappingRow("salutation", "SALUTATION"),
    MappingRow("firstname", "FIRSTNAME"),
    MappingRow("lastname", "LASTNAME"),
    MappingRow("jobtitle", "jobtitle"),
    MappingRow("company", "ORGANIZATION"),
    MappingRow("address", "ADDRESS"),
    MappingRow("zip", "ZIP"),
    MappingRow("city", "CITY"),
    MappingRow("state", "STATE"),
    MappingRow("country", "COUNTRY"),
    MappingRow("date_of_birth", "BIRTHDAY", "date"),
    MappingRow("gender", "GENDER", "gender"),
    MappingRow("hs_language", "LOCALE", "locale"),
)


class ContactToContact(ContactUpsertFlow[HubSpotClient, Settings]):
    """HubSpot contact → Maileon contact."""

    key = "contact_to_contact"
    label = _("HubSpot contact → Maileon contact")
    source_object = "contact"
    link_type = LINK_TYPE
    events = frozenset({"contact.creation", "contact.propertyChange", "contact.restore", DELETION, MERGE, PRIVACY})
    back = "consent_to_contact"
    tells_back = frozenset({consent.UNSUBSCRIBED})
    remembers_no = True
    mapping = CONTACT_MAPPING

    def enabled(self, settings: Settings) -> bool:
        """Always: it is what the recipe is for."""
        return True

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The contact the event is about; of a merge each that was merged, and the survivor."""
        payload = event.payload
        if event.vendor_event == MERGE:
            return _merge_routes(event)
        if event.vendor_event in (DELETION, PRIVACY):
            context = ContactContext(deleted=True, privacy=event.vendor_event == PRIVACY or None)
            return [Route(event.external_id, context.stored, DELETION_PAUSE)]
        name = payload.get("property") or ""
        if payload.get("own") and name in WRITTEN_BY_US:
            # Others of our own writes may be another integration's: they are read like any change.
            return Skip(Reason.ECHO)
        if name and name not in contacts.asked(ctx, self):
            return Skip(Reason.UNCHANGED)
        return [Route(event.external_id, delay=BURST_PAUSE)]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred contacts per call. Who seems deleted is looked at alone: a merged id leads to its survivor."""
        found = ctx.left.get_contacts([item.external_id for item in items], contacts.asked(ctx, self))
        records = contacts.to_records(ctx, found)
        for item in items:
            context = ContactContext.read(item.hint)
            gone = context.deleted or context.run == "reconcile"
            known = context.merged_into or context.privacy
            if item.external_id not in records and gone and not known:
                if survivor := _survivor(ctx, item.external_id):
                    values = {"merged_into": survivor.id}
                    records[item.external_id] = Record(item.external_id, values, email=survivor.email)
        return records

    def page(self, ctx: Session, kind: str, cursor: str | None, since: datetime | None) -> Page:
        """Fetch All lists all contacts, a poll those that changed; reconcile walks over the linked ones."""
        if kind == "reconcile":
            return self.linked_page(ctx, cursor)
        names = contacts.asked(ctx, self)
        if since is not None:
            changed = ctx.left.changed_ids_page(since, cursor)
            # Read afresh, since search lags behind.
            return Page([Item(key) for key in changed.records], None, changed.next_cursor)
        listed: list[Contact] = []
        unreadable: dict[str, str] = {}
        while True:  # ten pages of HubSpot fill one bulk call of Maileon
            page = ctx.left.contacts_page(cursor, names)
            listed += page.records
            unreadable |= page.unreadable
            cursor = page.next_cursor
            if cursor is None or len(listed) >= self.batch_size or not ctx.time_left():
                records = contacts.to_records(ctx, {contact.id: contact for contact in listed}.values())
                return Page([Item(key) for key in records], records, cursor, unreadable)

    def count(self, ctx: Session, kind: str) -> int | None:
        """Fetch All and reconcile know their number; a poll is short."""
        if kind == "reconcile":
            return linked(ctx, LINK_TYPE).count()
        found: int | None = ctx.left.count_contacts() if kind == "fetch_all" else None
        return found

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """A privacy deletion goes before everything; somebody merged goes on in the survivor."""
        if ContactContext.read(item.hint).privacy:
            return Sync("erase", mapped=False)
        if record is not None and (survivor := record.values.get("merged_into")):
            return merged(survivor, batch.links.get(item.external_id), survivor_email=record.email)
        return super().decide(ctx, batch, item, record)

    def proven_gone(self, ctx: Session, missing: Sequence[str]) -> set[str]:
        """HubSpot keeps deleted contacts for a while; one erased for good is found by nobody."""
        if not missing:
            return set()
        archived = {row.id for row in ctx.left.get_contacts(missing, contacts.BASIC, archived=True)}
        rest = [key for key in missing if key not in archived]
        if not rest or not ctx.left.count_contacts():
            return archived
        return archived | {key for key in rest if not _exists(ctx, key)}

    def wish(self, ctx: Session, item: Item, record: Record, link: RecordLink | None) -> str | Skip:
        """What the property says; not set is a Yes only where nobody could have said No before."""
        said = record.values.get(SUBSCRIBE)
        if said in (YES, NO):
            return to_contacts.YES if said == YES else to_contacts.NO
        if said:
            return Skip(NewsletterReason.NEWSLETTER_UNCLEAR)
        state = ContactState.of(link)
        if state.consent or state.removed_at_target:
            return IMPLIED
        if state.no_seen:
            return Skip(NewsletterReason.NEWSLETTER_NO, "It said No before, and an emptied or new property is no Yes.")
        again = ctx.resources.get("made_again_at")
        if again and _was_there(record, datetime.fromisoformat(again)):
            return Skip(NewsletterReason.NEWSLETTER_FIELD_NEW)
        installed = (ctx.integration.activated_at or ctx.integration.created_at) - CLOCKS
        if ContactContext.read(item.hint).run != "fetch_all" and _was_there(record, installed):
            return Skip(HubSpotReason.THERE_BEFORE)
        return IMPLIED

    def terms(self, ctx: Session, record: Record | None) -> SubscriptionPolicy:
        """The settings, and what the contact's own properties wish for within the limit."""
        return overrides.terms(ctx.settings, record.values if record is not None else {})

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """What all recipes do, and erasing."""
        return ContactWriter(ctx, self).write(writes, {"erase": lambda entry: self._erase(ctx, entry)})

    def _erase(self, ctx: Session, entry: Write) -> Result:
        """Erase the contact in Maileon and what we hold. The report stays in the log; nothing in it names anybody."""
        email = str(entry.link.written.get("email") or "") if entry.link else ""
        if email:
            ctx.right.delete_contact(email)
        ctx.right.delete_contact_by_external_id(contact_key(ctx, entry.item.external_id))
        call = ctx.last_call()
        report = personal_data.erase_record(ctx, self.link_type, entry.item.external_id, entry.item.job_id)
        entry.link = None
        return Result(Outcome.SYNCED, action="erase", link_state=None, detail=" ".join(report), call=call)


def _was_there(record: Record, moment: datetime) -> bool:
    """Whether the contact may be older than this moment: who does not say counts as older."""
    created: datetime | None = record.values.get("created_at")
    return created is None or created < moment


def _merge_routes(event: WebhookEvent) -> list[Route]:
    survivor, primary = str(event.payload.get("survivor") or ""), str(event.payload.get("primary") or "")
    losers = dict.fromkeys([primary, *map(str, event.payload.get("merged") or ())])
    context = ContactContext(merged_into=survivor, primary=primary).stored
    gone = [Route(key, context, BURST_PAUSE) for key in losers if key and key != survivor]
    return [*gone, Route(survivor, delay=BURST_PAUSE)] if survivor else gone


def _exists(ctx: Session, contact_id: str) -> bool:
    try:
        ctx.left.get_contact(contact_id, contacts.BASIC)
    except NotFound:
        return False
    return True


def _survivor(ctx: Session, contact_id: str) -> Contact | None:
    """The contact that one lives on in, if it was merged; None if it is gone."""
    try:
        found: Contact = ctx.left.get_contact(contact_id, contacts.BASIC)
    except NotFound:
        return None
    return found if found.id != contact_id and not found.archived else None
