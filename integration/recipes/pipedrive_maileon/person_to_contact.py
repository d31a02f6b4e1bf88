"""Flow person → contact. Stage 7 of the walk: who becomes a contact in Maileon, with which consent.

The Newsletter field decides. New people are subscribed (by opt-in mail, or at once with the chosen permission), people
in step are updated in bulk, a Yes that turns into No unsubscribes. What all recipes share of it is in `newsletter/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from integration.connectors.base import FieldSpec
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Page as VendorPage
from integration.connectors.pipedrive.records import Person
from integration.engine.api import Item, MappingRow, Page, Record, Route, Skip
from integration.models import RecordLink, WebhookEvent
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.consent import ContactState
from integration.recipes.newsletter.context import ContactContext
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.newsletter.subscription import SubscriptionPolicy
from integration.recipes.newsletter.to_contacts import PAGE_SIZE, ContactUpsertFlow
from integration.recipes.pipedrive_maileon.own_fields import (
    LINK_TYPE,
    newsletter_wish,
    place_of_yes,
    require_newsletter,
)
from integration.recipes.pipedrive_maileon.session import Session
from integration.recipes.pipedrive_maileon.settings import Settings
from integration.recipes.shared import pipedrive_people as people
from integration.recipes.shared.linked_records import linked
from integration.recipes.shared.pipedrive_gone import proven_gone
from integration.recipes.shared.pipedrive_pages import gather

PERSON_MAPPING = (
    MappingRow("first_name", "FIRSTNAME"),
    MappingRow("last_name", "LASTNAME"),
    MappingRow("name", "FULLNAME"),
    MappingRow("org_id.name", "ORGANIZATION"),
    MappingRow("", "createdByPipedrive", "constant", {"value": True, "target_type": "boolean"}, required=True),
    MappingRow("company_id", "pipedriveId", required=True),
    MappingRow("owner_id.name", "owner_name"),
    MappingRow("owner_id.email", "owner_email"),
)
# What `people.to_records` adds to Pipedrive's own fields.
MORE_OF_A_PERSON = (
    FieldSpec("org_id.name", "Organization: name", "text"),
    FieldSpec("owner_id.name", "Owner: name", "text"),
    FieldSpec("owner_id.email", "Owner: e-mail", "email"),
    FieldSpec("company_id", "Pipedrive company id", "text"),
)


class PersonToContact(ContactUpsertFlow[PipedriveClient, Settings]):
    """Pipedrive person → Maileon contact."""

    key = "person_to_contact"
    label = _("Person → contact")
    source_object = "person"
    link_type = LINK_TYPE
    events = frozenset({"person.create", "person.change", "person.delete"})
    back = "consent_to_person"
    tells_back = frozenset({consent.PENDING, consent.CONFIRMED, consent.UNSUBSCRIBED})
    mapping = PERSON_MAPPING
    extra_sources = MORE_OF_A_PERSON

    def enabled(self, settings: Settings) -> bool:
        """On with "Enable Pipedrive contacts sync"."""
        return bool(settings["contacts_enabled"])

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The person the event is about. Only a merge needs remembering; everything else is read afresh."""
        deleted = event.vendor_event == "person.delete" or None
        context = ContactContext(deleted=deleted, merged_into=event.payload.get("merged_into") or None)
        return [Route(event.external_id, context.stored)]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred people per call, with organization and owner names from the lists."""
        return self._records(ctx, ctx.left.get_persons([item.external_id for item in items]))

    def page(self, ctx: Session, kind: str, cursor: str | None, since: datetime | None) -> Page:
        """Fetch All and poll list people; reconcile walks over the linked ones to find those that are gone."""
        if kind == "reconcile":
            return self.linked_page(ctx, cursor)

        def turn(at: str | None) -> VendorPage[Person]:
            return ctx.left.persons_page(at, since=since, limit=PAGE_SIZE)

        listed = gather(turn, cursor, self.batch_size // PAGE_SIZE)  # as many as fill one bulk call of Maileon
        records = self._records(ctx, listed.records)
        return Page([Item(key) for key in records], records, listed.next_cursor, listed.unreadable)

    def count(self, ctx: Session, kind: str) -> int | None:
        """Fetch All knows an upper bound, a reconcile the number; a poll is short."""
        if kind == "reconcile":
            return linked(ctx, LINK_TYPE).count()
        return int(ctx.left.count_persons_at_most()) if kind == "fetch_all" else None

    def proven_gone(self, ctx: Session, missing: Sequence[str]) -> set[str]:
        """Pipedrive says so itself when it is asked for one person."""
        return proven_gone(ctx, ctx.left.get_person, missing)

    def wish(self, ctx: Session, item: Item, record: Record, link: RecordLink | None) -> str | Skip:
        """What the Newsletter field says."""
        found = newsletter_wish(ctx, record.values.get("custom_fields") or {})
        return Skip(NewsletterReason.NEWSLETTER_UNCLEAR) if found == "unclear" else found

    def terms(self, ctx: Session, record: Record | None) -> SubscriptionPolicy:
        """The same for everybody. The click always gives Double Opt-in Plus, as the seed has it."""
        settings = ctx.settings
        return SubscriptionPolicy(settings["doi_enabled"], True, settings["doi_key"], int(settings["permission"]))

    def remembers(self, ctx: Session) -> ContactState:
        """In which field, and by which option, this person's Yes was seen."""
        return ContactState(field=place_of_yes(ctx))

    def trusts_unset(self, ctx: Session, link: RecordLink | None) -> bool:
        """Whether this person's Yes was seen in the present field. If that was made anew, empty says nothing."""
        return link is not None and ContactState.of(link).field == place_of_yes(ctx)

    def _records(self, ctx: Session, persons: Sequence[Person]) -> dict[str, Record]:
        require_newsletter(ctx, persons)
        return people.to_records(ctx, persons)
