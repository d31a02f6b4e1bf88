"""Flow consent → person: what became of the newsletter in Maileon is written back to the Pipedrive person.

Unsubscribed → Newsletter No, status Unsubscribed. Confirmed → status Confirmed. Asked → status Pending confirmation.
The opt-out always wins: it is believed at once, a confirmation only after Maileon itself shows the permission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from integration.engine import batch as engine_batch
from integration.engine.context import Context
from integration.engine.flow import Batch, Decision, Item, Page, Record, Result, Route, Skip, Sync, Write
from integration.errors import NotFound
from integration.models import RecordLink, WebhookEvent
from integration.recipes import pipedrive_people as people
from integration.recipes.pipedrive_maileon import consent
from integration.recipes.pipedrive_maileon.person_to_contact import newsletter_wish
from integration.secrets import email_hash

UNSUBSCRIPTION, CONFIRMATION = "unsubscription", "doi"


class ConsentToPerson:
    """Maileon's consent → Pipedrive person."""

    key = "consent_to_person"
    label = "Consent → person"
    side = "right"
    source_object = "contact"
    target_object = "person"
    link_type = consent.LINK_TYPE
    events = frozenset({UNSUBSCRIPTION, CONFIRMATION})
    runs = frozenset({"poll"})
    batch_size = 200
    urgent = True

    def enabled(self, settings: Mapping[str, Any]) -> bool:
        """On with the contact sync: consent never travels one way only."""
        return bool(settings.get("contacts_enabled"))

    def route(self, ctx: Context, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The person behind the contact's external id, and everybody else who shares the address: strictest wins."""
        hint = {event.vendor_event: event.received_at.isoformat()}
        ids = persons_behind(ctx, event.external_id, event.email_hash)
        if event.vendor_event == CONFIRMATION:
            ids = ids[:1]
        return [Route(person_id, hint) for person_id in ids] or Skip("not_linked")

    def read(self, ctx: Context, items: Sequence[Item]) -> Mapping[str, Record]:
        """Look at Maileon only for confirmations that came by webhook: their proof is the contact's permission."""
        links = {
            link.source_id: link
            for link in RecordLink.objects.filter(
                integration=ctx.integration,
                link_type=self.link_type,
                source_id__in=[item.external_id for item in items],
            )
        }
        blank = _blank_people(ctx, [item.external_id for item in items if item.hint.get("restore")])
        return {
            item.external_id: Record(
                item.external_id,
                {
                    "permission": _permission(ctx, item, links.get(item.external_id)),
                    "blank": item.external_id in blank,
                },
            )
            for item in items
        }

    def page(self, ctx: Context, kind: str, cursor: Any, since: datetime | None) -> Page:
        """Two reports one after the other: who unsubscribed, who confirmed. They find what a webhook missed."""
        report, index = cursor or (UNSUBSCRIPTION, 1)
        read = ctx.right.unsubscriptions_page if report == UNSUBSCRIPTION else ctx.right.subscribers_page
        rows, following = read(index, since=since)
        newest: dict[str, str] = {}  # reports have no documented order, and one person may be in them twice
        for row in rows:
            for person_id in self._people_of(ctx, report, row.external_id, row.email):
                newest[person_id] = max(newest.get(person_id, ""), row.timestamp)
        items = [Item(person_id, {"report": report, "reported_at": at}) for person_id, at in newest.items()]
        after: Any = [report, following] if following else ([CONFIRMATION, 1] if report == UNSUBSCRIPTION else None)
        return Page(items, self.read(ctx, items), after)

    def count(self, ctx: Context, kind: str) -> int | None:
        """Reports are short; nobody waits for their total."""
        return None

    def decide(self, ctx: Context, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Work out what Pipedrive should show, and skip when it already does."""
        link = batch.links.get(item.external_id)
        state = self._state(item, record, link)
        if isinstance(state, Skip):
            return state
        if item.hint.get("restore") and not _speaks_of_opt_out(item):
            blank = record is not None and record.values["blank"]
            return Sync(f"mark_{state}", mapped=False, extra=_restored(ctx, state, blank=bool(blank)))
        if link is not None and link.notes.get("reported") == state:
            return Skip("echo")
        return Sync(f"mark_{state}", mapped=False, extra=_fields(ctx, state))

    def write(self, ctx: Context, writes: Sequence[Write]) -> Sequence[Result]:
        """One call per person: Pipedrive has no bulk update."""
        return engine_batch.each(ctx, writes, lambda write: self._patch(ctx, write))

    def _people_of(self, ctx: Context, report: str, external_id: str, email: str) -> list[str]:
        """The people behind a reported contact. An opt-out of an address nobody knows here is searched for once."""
        digest = email_hash(email)
        found = persons_behind(ctx, external_id, digest)
        if report == CONFIRMATION:
            return found[:1]
        if found or not email or people.is_known_stranger(ctx.integration.left, digest):
            return found
        hits = [hit.id for hit in ctx.left.search_persons(email)]
        if not hits:
            people.remember_stranger(ctx.integration.left, digest)
        return hits

    def _patch(self, ctx: Context, write: Write) -> Result:
        state = write.action.removeprefix("mark_")
        try:
            ctx.left.update_person(write.item.external_id, {"custom_fields": write.values})
        except NotFound:
            return Result("skipped", reason="deleted_at_source", link_state=None, call=ctx.last_call())
        notes = consent.withdrawn(no_seen=True) if state == consent.UNSUBSCRIBED else {"consent": state}
        link_state = "removed" if state == consent.UNSUBSCRIBED else "active"
        return Result(
            "synced",
            target_id=write.link.target_id if write.link else "",
            link_state=link_state,
            notes={**notes, "reported": state, "field": ctx.resources["newsletter"], **_report_note(write.item)},
            written=write.link.written if write.link else {},
            call=ctx.last_call(),
        )

    def _state(self, item: Item, record: Record | None, link: RecordLink | None) -> str | Skip:
        """The state of consent after this item. Of an opt-out and a confirmation in one go, the opt-out wins."""
        if _speaks_of_opt_out(item):
            reason = _outdated(item, link)
            if not reason:
                return consent.UNSUBSCRIBED
            if CONFIRMATION not in item.hint:
                return Skip(reason)
        if CONFIRMATION in item.hint or item.hint.get("report") == CONFIRMATION:
            if consent.of(link) == consent.UNSUBSCRIBED:
                return Skip("unsubscribed")
            if consent.of(link) not in consent.IN_STEP:
                return Skip("not_linked")  # somebody who subscribed elsewhere: Pipedrive has not asked for them
            if record is None or record.values["permission"] not in consent.CONFIRMED_PERMISSIONS:
                return Skip("not_confirmed")
            return consent.CONFIRMED
        return consent.of(link) or Skip("not_linked")


def _speaks_of_opt_out(item: Item) -> bool:
    return UNSUBSCRIPTION in item.hint or item.hint.get("report") == UNSUBSCRIPTION


def _outdated(item: Item, link: RecordLink | None) -> str:
    """Why an opt-out does not count: it was dealt with, or the person was asked anew after it. Empty if it counts."""
    notes = link.notes if link is not None else {}
    if item.hint.get("report"):
        return "echo" if str(item.hint["reported_at"]) <= str(notes.get("report_seen", "")) else ""
    return "stale_event" if str(item.hint[UNSUBSCRIPTION]) < str(notes.get("asked_at", "")) else ""


def persons_behind(ctx: Context, external_id: str, digest: str) -> list[str]:
    """Ids of the people a contact stands for: by our external id, then by the address."""
    company, _, person_id = external_id.partition("-")
    found = [person_id] if person_id and company == ctx.integration.left.external_account_id else []
    if digest:
        found += people.people_with_address(ctx.integration.left, digest)
        links = RecordLink.objects.filter(integration=ctx.integration, link_type=consent.LINK_TYPE, email_hash=digest)
        found += links.values_list("source_id", flat=True)
    return list(dict.fromkeys(found))


def _permission(ctx: Context, item: Item, link: RecordLink | None) -> int:
    """The permission Maileon shows; the report of confirmed opt-ins is proof in itself."""
    if item.hint.get("report") == CONFIRMATION:
        return consent.PERMISSION_DOUBLE_PLUS
    if CONFIRMATION not in item.hint:
        return 0
    address = link.written.get("email") if link else None
    contact = ctx.right.find_contact(address) if address else None
    return contact.permission or 0 if contact else 0


def _fields(ctx: Context, state: str) -> dict[str, Any]:
    """The person's custom fields for a state of consent."""
    resources = ctx.resources
    status = {
        consent.PENDING: "status_pending",
        consent.CONFIRMED: "status_confirmed",
        consent.UNSUBSCRIBED: "status_unsubscribed",
    }.get(state)
    values: dict[str, Any] = {resources["status"]: resources[status] if status else None}
    if state == consent.UNSUBSCRIBED:
        values[resources["newsletter"]] = resources["newsletter_no"]
    return values


def _restored(ctx: Context, state: str, *, blank: bool) -> dict[str, Any]:
    """Fields that were made anew: the status always, Newsletter only where nobody has filled it in since."""
    resources = ctx.resources
    values = _fields(ctx, state)
    newsletter = "newsletter_no" if state == consent.UNSUBSCRIBED else "newsletter_yes"
    values.pop(resources["newsletter"], None)
    return {**values, resources["newsletter"]: resources[newsletter]} if blank else values


def _blank_people(ctx: Context, ids: Sequence[str]) -> set[str]:
    """Those whose (new) Newsletter field is still empty."""
    found = ctx.left.get_persons(ids) if ids else []
    return {person.id for person in found if newsletter_wish(ctx, person.custom_fields) == "unset"}


def _report_note(item: Item) -> dict[str, Any]:
    return {"report_seen": item.hint["reported_at"]} if item.hint.get("report") == UNSUBSCRIPTION else {}
