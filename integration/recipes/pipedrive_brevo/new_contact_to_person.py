"""Flow new contact → person: who appears in Brevo becomes a person in Pipedrive, where the tenant wants that.

Brevo tells of no new contact (brevo sheet §7), so they are found by polling. Nothing is unique in Pipedrive: who
has the address already is linked, and a person is created only after a search found nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from integration import addresses
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.brevo.records import StoredContact, record_values
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Person
from integration.engine.api import (
    Batch,
    Decision,
    Enqueue,
    Flow,
    Item,
    Page,
    Record,
    Result,
    Skip,
    Sync,
    Write,
    catalogue,
    identity_index,
    links,
    mapping_rows,
    transforms,
    write_each,
)
from integration.models import LinkState, Outcome, RecordLink
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo import importing, owners
from integration.recipes.pipedrive_brevo.contact_lookup import people_behind
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.settings import Settings
from integration.recipes.pipedrive_brevo.state import PERSON_LINK, PersonState
from integration.recipes.shared.pipedrive_fields import nested
from integration.secrets import email_hash

FORWARD = "person_to_contact"
NAMELESS = ("first_name", "last_name", "name")


class NewContactToPerson(Flow[PipedriveClient, BrevoClient, Settings]):
    """New Brevo contact → Pipedrive person."""

    key = "new_contact_to_person"
    label = _("New contact → person")
    side = "right"
    source_object = "contact"
    target_object = "person"
    link_type = "contact"
    runs = frozenset({"poll", "fetch_all"})
    batch_size = 100

    def enabled(self, settings: Settings) -> bool:
        """On with "Create persons for new contacts"."""
        return bool(settings["persons_enabled"] and settings["create_persons"])

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """The contacts by their ids, twenty per call."""
        return self._records(ctx, ctx.right.get_contacts([item.external_id for item in items]))

    def page(self, ctx: Session, kind: str, cursor: int | None, since: datetime | None) -> Page:
        """Contacts changed since the last poll, or all; those behind a person are left out."""
        page = ctx.right.contacts_page(cursor or 0, modified_since=since)
        known = {contact.id for contact in people_behind(ctx, page.records).values()}
        made_late = importing.given_up(ctx, [email_hash(contact.email) for contact in page.records])
        unknown = [contact for contact in page.records if contact.id not in known]
        new = [contact for contact in unknown if email_hash(contact.email) not in made_late]
        records = self._records(ctx, new)
        return Page([Item(key) for key in records], records, page.next_cursor, page.unreadable)

    def count(self, ctx: Session, kind: str) -> int | None:
        """How many contacts the account has; a poll is short."""
        return int(ctx.right.count_contacts()) if kind == "fetch_all" else None

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Who has an address, did not opt out and is nobody's contact yet."""
        link = batch.links.get(item.external_id)
        if record is None:
            return Skip(Reason.RECORD_NOT_FOUND)
        if link is not None and link.state == LinkState.ACTIVE:
            return Skip(Reason.UNCHANGED)
        if not addresses.is_valid(record.email):
            return Skip(Reason.NO_EMAIL)
        if record.values["blocklisted"]:
            return Skip(Reason.UNSUBSCRIBED)
        return Sync("create_person", mapped=False, creating=True)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Look, announce, create: a lost answer is found by its address at the next try."""
        return write_each(ctx, writes, lambda write: _create(ctx, write))

    def _records(self, ctx: Session, contacts: Sequence[StoredContact]) -> dict[str, Record]:
        return {
            contact.id: Record(contact.id, record_values(contact), version=contact.modified, email=contact.email)
            for contact in contacts
        }


def _create(ctx: Session, write: Write) -> Result:
    assert write.record is not None
    person_id = _living(ctx, write.record.email)
    action = "link_person" if person_id else "create_person"
    if not person_id:
        write.marker = f"person-{write.item.external_id}"
        links.record_intent(ctx.integration, "contact", [write])
        person_id = ctx.left.create_person(_values(ctx, write.record)).id
    _link(ctx, write, person_id)
    again = Enqueue(FORWARD, person_id)
    return Result(
        Outcome.SYNCED, target_id=person_id, written={}, action=action, call=ctx.last_call(), follow_ups=(again,)
    )


def _living(ctx: Session, email: str) -> str:
    """Who has this address now; empty for nobody. What the index and the search say may be gone since."""
    digest = email_hash(email)
    known = sorted(identity_index.owners(ctx.integration.left, "person", digest))
    for ids in (known, [hit.id for hit in ctx.left.search_persons(email)]):
        living = owners.read_afresh(ctx, ids)
        having = [key for key in ids if key in living and _has(living[key], digest)]
        if having:
            return having[0]
    return ""


def _has(person: Person, digest: str) -> bool:
    return any(email_hash(point.value) == digest for point in person.emails)


def _values(ctx: Session, record: Record) -> dict[str, JSONValue]:
    """The person as the mapping reads it backwards; without any name the address stands in."""
    flow = ctx.recipe.flow(FORWARD)
    fields = catalogue(ctx, flow)
    rows = transforms.backward(mapping_rows(ctx, flow))
    mapped = transforms.apply(
        rows, record.values, source_fields=fields.targets, target_fields=fields.sources, creating=True
    )
    values = {key: value for key, value in mapped.values.items() if value is not None}
    name = values.get("name") or " ".join(str(values[key]) for key in NAMELESS[:2] if values.get(key))
    return nested({**values, "name": name or record.email, "email": record.email})


def _names(ctx: Session, record: Record) -> dict[str, JSONValue]:
    """First and last name as Brevo has them: Pipedrive, which divides the name itself, may do it in another way."""
    flow = ctx.recipe.flow(FORWARD)
    rows = [row for row in mapping_rows(ctx, flow) if row.direction == "both" and row.source in NAMELESS[:2]]
    return {row.target: record.values.get(row.target) for row in rows}


def _link(ctx: Session, write: Write, person_id: str) -> None:
    """The link the two-way flows share, unless the person has one."""
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type=PERSON_LINK, source_id=person_id)
    if write.record is not None and not rows.exclude(state=LinkState.REMOVED).exists():
        made = RecordLink(
            integration=ctx.integration, link_type=PERSON_LINK, source_id=person_id, target_id=write.item.external_id,
            email_hash=write.record.email_hash, written={"email": write.record.email, **_names(ctx, write.record)},
            notes=PersonState(left_lists=write.record.values["left_list_ids"], joined=[]).stored,
        )  # fmt: skip
        links.save_links([made])
