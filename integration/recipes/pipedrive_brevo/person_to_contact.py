"""Flow person → contact. Stage 7 of the walk: who becomes a contact in Brevo, and what of a person it carries.

Everybody with an address travels; consent is Brevo's own and never touched from here. A deal that changes concerns its
person too, whose figures change with it. The writes themselves are in `contacts.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue, json_object
from integration import addresses
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Page as VendorPage
from integration.connectors.pipedrive.records import Person
from integration.engine.api import (
    Batch,
    Comparison,
    Decision,
    Flow,
    Item,
    MappingRow,
    Page,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    TwoWay,
    Write,
)
from integration.errors import NotFound, TenantActionError
from integration.models import LinkState, RecordLink, WebhookEvent
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo import address_change, contacts, figures, importing, leaving, owners
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.settings import Settings
from integration.recipes.pipedrive_brevo.state import PERSON_LINK, PersonContext, PersonState
from integration.recipes.shared.linked_records import linked, linked_page
from integration.recipes.shared.pipedrive_gone import sees_everything
from integration.recipes.shared.pipedrive_pages import gather
from integration.recipes.shared.pipedrive_reasons import PipedriveReason

PAGE_SIZE = 500
HIDDEN = "hidden people"  # in a slice's memory: people who are there, and whom we may not see
PEOPLE = frozenset({"person.create", "person.change", "person.delete"})
DEALS = frozenset({"deal.create", "deal.change", "deal.delete"})
SINGLES: Mapping[str, contacts.Single] = {
    "change_address": address_change.change_address, "leave_list": leaving.leave_list, "delete": leaving.delete,
    "merge": leaving.merge, "merge_persons": leaving.merge_persons, leaving.LET_GO: leaving.let_go,
    "block": contacts.block, "block_address": contacts.block_address,
}  # fmt: skip

FIGURE = {"target_type": "number"}
PERSON_MAPPING = (
    MappingRow("name", "FULLNAME"),
    MappingRow("first_name", "FIRSTNAME", direction="both"),
    MappingRow("last_name", "LASTNAME", direction="both"),
    MappingRow("phone", "SMS", "phone", direction="both"),
    MappingRow("org_id.name", "COMPANY"),
    MappingRow("won_deals_count", "WON_DEALS", "number", FIGURE),
    MappingRow("lost_deals_count", "LOST_DEALS", "number", FIGURE),
    MappingRow("open_deals_count", "OPEN_DEALS", "number", FIGURE),
    MappingRow("closed_deals_count", "CLOSED_DEALS", "number", FIGURE),
    MappingRow(figures.REVENUE, "LTV", "number", FIGURE),
)


class PersonToContact(Flow[PipedriveClient, BrevoClient, Settings]):
    """Pipedrive person → Brevo contact."""

    key = "person_to_contact"
    label = _("Person → contact")
    source_object = "person"
    target_object = "contact"
    link_type = PERSON_LINK
    events = PEOPLE | DEALS
    runs = frozenset({"fetch_all", "poll", "reconcile"})
    batch_size = 2500  # five pages of Pipedrive fill one import of Brevo
    mapping = PERSON_MAPPING
    extra_sources = figures.MORE_OF_A_PERSON
    own_targets = frozenset({"email"})
    comparison = Comparison("contact", fields=frozenset({"email"}))
    two_way = TwoWay("contact_to_person", lambda settings: str(settings["conflicts"]))
    destructive_actions = frozenset({"delete", "leave_list"})
    parting_actions = frozenset({"block", "block_address", "merge", leaving.LET_GO})

    def enabled(self, settings: Settings) -> bool:
        """On with "Sync persons"."""
        return bool(settings["persons_enabled"])

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The person the event is about; of a deal's event the people it belongs and belonged to."""
        if event.vendor_event in DEALS:
            return _people_of_deal(event.payload) or Skip(PipedriveReason.DEAL_WITHOUT_PERSON)
        deleted = True if event.vendor_event == "person.delete" else None
        merged_into = event.payload.get("merged_into") or None
        context = PersonContext(deleted=deleted, told=None if deleted else True, merged_into=merged_into)
        return [Route(event.external_id, context.stored)]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred people per call, with their figures, the names of organization and owner, and who owns an address.

        Whom a comparison misses in the answer is asked for alone.
        """
        ids = [item.external_id for item in items]
        people = ctx.left.get_persons(ids, include_fields=figures.COUNTS)
        compared = [item.external_id for item in items if PersonContext.read(item.hint).run == "reconcile"]
        people += self._asked_alone(ctx, set(compared) - {person.id for person in people})
        return owners.with_owners(ctx, figures.to_records(ctx, people))

    def page(self, ctx: Session, kind: str, cursor: str | None, since: datetime | None) -> Page:
        """Fetch All and poll list people; reconcile walks over the linked ones to find those that are gone."""
        if kind == "reconcile":
            gone = linked_page(ctx, PERSON_LINK, cursor)
            return Page([Item(link.source_id) for link in gone.links], None, gone.next_cursor)
        if kind == "poll" and not cursor:
            importing.wake_dead(ctx)

        def turn(at: str | None) -> VendorPage[Person]:
            counts = ",".join(figures.COUNTS)
            return ctx.left.persons_page(at, since=since, limit=PAGE_SIZE, include_fields=counts)

        listed = gather(turn, cursor, self.batch_size // PAGE_SIZE)
        records = owners.with_owners(ctx, figures.to_records(ctx, listed.records))
        return Page([Item(key) for key in records], records, listed.next_cursor, listed.unreadable)

    def count(self, ctx: Session, kind: str) -> int | None:
        """Fetch All knows an upper bound, a reconcile the number; a poll is short."""
        if kind == "reconcile":
            return linked(ctx, PERSON_LINK).count()
        return int(ctx.left.count_persons_at_most()) if kind == "fetch_all" else None

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Who becomes, stays or stops being a contact."""
        link = batch.links.get(item.external_id)
        if record is None:
            return _gone(ctx, item, link)
        if not record.email:
            return _without_address(link, Reason.NO_EMAIL)
        if not addresses.is_valid(record.email):
            return _without_address(link, Reason.INVALID_EMAIL)
        if PersonState.of(link).removed_at_target:
            return Skip(Reason.REMOVED_AT_TARGET)
        owner = str(record.values.get(owners.OWNER) or batch.owner(record.email_hash, item.external_id))
        if owner != item.external_id:
            return _shared(ctx, owner)
        if PersonContext.read(item.hint).block and link is not None and link.state == LinkState.ACTIVE:
            return Sync("block", mapped=False)
        if PersonContext.read(item.hint).block and batch.is_erased(record):
            return Sync("block_address", mapped=False)  # nobody is made a contact, but one that is there is not mailed
        return _upsert(record, link)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """See `contacts.py`: an import for many, single calls for few."""
        return contacts.write(ctx, writes, SINGLES)

    def _asked_alone(self, ctx: Session, ids: set[str]) -> list[Person]:
        """Those missing from a list who answer when they are asked alone: missing is no deletion."""
        found = []
        for key in sorted(ids):
            try:
                found.append(ctx.left.get_person(key, include_fields=figures.COUNTS))
            except NotFound:
                if not sees_everything(ctx):
                    ctx.cache.setdefault(HIDDEN, set()).add(key)
            except TenantActionError as exc:
                if exc.reason != Reason.PERMISSION_MISSING:
                    raise
                ctx.cache.setdefault(HIDDEN, set()).add(key)
        return found


def _people_of_deal(payload: Mapping[str, JSONValue]) -> list[Route]:
    values = (json_object(payload.get("record")), json_object(payload.get("previous")))
    ids = dict.fromkeys(str(part["person_id"]) for part in values if part.get("person_id"))
    return [Route(key) for key in ids]


def _upsert(record: Record, link: RecordLink | None) -> Sync:
    """Write a person who may be a contact: as a new one, at another address, or where they were."""
    extra = {"email": record.email}
    if link is None or link.state == LinkState.REMOVED or not _known_address(link):
        return Sync("create", creating=True, extra=extra)
    moved = _known_address(link) != record.email.lower()
    return Sync("change_address" if moved else "update", extra=extra)


def _known_address(link: RecordLink) -> str:
    """The address that Brevo has the contact under, or will have once the import is carried out."""
    return str(link.written.get("email") or (PersonState.of(link).sent or {}).get("email") or "").lower()


def _without_address(link: RecordLink | None, reason: Reason) -> Decision:
    """Nobody can be mailed; whoever else has the former address is next."""
    if link is None or link.state != LinkState.ACTIVE:
        return Skip(reason)
    return Sync(leaving.LET_GO, mapped=False, extra={leaving.REASON: reason.value})


def _shared(ctx: Session, owner: str) -> Decision:
    """Another person has this address. They are merged only where the tenant asked for it."""
    said = f"Person {owner} already has this address."
    if ctx.settings["merge_duplicates"]:
        return Sync("merge_persons", mapped=False, extra={"owner": owner})
    return Skip(Reason.DUPLICATE_EMAIL, said)


def _gone(ctx: Session, item: Item, link: RecordLink | None) -> Decision:
    known = PersonContext.read(item.hint)
    if known.merged_into:
        into = {"merged_into": str(known.merged_into)}
        return Sync("merge", mapped=False, extra=into) if link is not None else Skip(Reason.MERGED)
    if link is None or link.state == LinkState.REMOVED:
        return Skip(Reason.DELETED_AT_SOURCE)
    if not known.deleted and (known.run != "reconcile" or item.external_id in ctx.cache.get(HIDDEN, ())):
        return Skip(Reason.NOT_VISIBLE)  # a token that lost its rights sees nobody: that is no deletion
    if ctx.settings["on_delete"] == "keep":
        return Sync(leaving.LET_GO, mapped=False, extra={leaving.REASON: Reason.DELETED_AT_SOURCE.value})
    return Sync("delete" if ctx.settings["on_delete"] == "delete" else "leave_list", mapped=False)
