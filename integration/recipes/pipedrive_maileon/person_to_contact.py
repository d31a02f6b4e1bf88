"""Flow person → contact. Stage 7 of the walk: who becomes a contact in Maileon, with which consent.

The Newsletter field decides. New people are subscribed (by opt-in mail, or at once with the chosen permission), people
in step are updated in bulk, a Yes that turns into No unsubscribes. The writes themselves are in `contacts.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from integration.connectors.pipedrive.records import Person
from integration.engine.context import Context
from integration.engine.flow import Batch, Decision, Item, Page, Record, Result, Route, Skip, Sync, Write
from integration.errors import TenantActionError
from integration.models import LinkState, RecordLink, WebhookEvent
from integration.recipes import pipedrive_people as people
from integration.recipes.pipedrive_maileon import consent, contacts
from integration.secrets import email_hash

ADDRESS = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,255}\.[^@\s,;<>\".]{2,63}")
PAGE_SIZE = 500
# A token that lost its rights sees nobody: more than this many gone at once is asked about, not obeyed.
MASS_FLOOR, MASS_SHARE = 10, 0.05


class PersonToContact:
    """Pipedrive person → Maileon contact."""

    key = "person_to_contact"
    label = "Person → contact"
    side = "left"
    source_object = "person"
    target_object = "contact"
    link_type = consent.LINK_TYPE
    events = frozenset({"person.create", "person.change", "person.delete"})
    runs = frozenset({"fetch_all", "poll", "reconcile"})
    batch_size = 1000  # what Maileon takes in one bulk call
    urgent = False

    def enabled(self, settings: Mapping[str, Any]) -> bool:
        """On with "Enable Pipedrive contacts sync"."""
        return bool(settings.get("contacts_enabled"))

    def route(self, ctx: Context, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The person the event is about. Only a merge needs remembering; everything else is read afresh."""
        hint = {"deleted": True} if event.vendor_event == "person.delete" else {}
        if merged_into := event.payload.get("merged_into"):
            hint["merged_into"] = merged_into
        return [Route(event.external_id, hint)]

    def read(self, ctx: Context, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred people per call, with organization and owner names from the directories."""
        return self._records(ctx, ctx.left.get_persons([item.external_id for item in items]))

    def page(self, ctx: Context, kind: str, cursor: Any, since: datetime | None) -> Page:
        """Fetch All and poll list people; reconcile walks over the linked ones to find those that are gone."""
        if kind == "reconcile":
            return self._linked_page(ctx, cursor)
        persons: list[Person] = []
        while True:  # two pages of Pipedrive fill one bulk call of Maileon
            page = ctx.left.persons_page(cursor, since=since, limit=PAGE_SIZE)
            persons += page.records
            cursor = page.next_cursor
            if cursor is None or len(persons) + PAGE_SIZE > self.batch_size:
                break
        once = {person.id: person for person in persons}  # somebody edited between two pages is on both
        records = self._records(ctx, list(once.values()))
        return Page([Item(key) for key in records], records, cursor)

    def count(self, ctx: Context, kind: str) -> int | None:
        """Fetch All knows an upper bound, a reconcile the number; a poll is short."""
        if kind == "reconcile":
            return int(self._linked(ctx).count())
        return int(ctx.left.count_persons_at_most()) if kind == "fetch_all" else None

    def decide(self, ctx: Context, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Who becomes, stays or stops being a contact."""
        link = batch.links.get(item.external_id)
        if record is None:
            return _gone(ctx, item, link)
        wish = newsletter_wish(ctx, record.values.get("custom_fields") or {})
        if wish == "unclear":
            return Skip("newsletter_unclear")
        if wish != "yes":  # a No counts whatever became of the address
            return _not_wanted(ctx, wish, link)
        if not record.email:
            return Skip("no_email")
        if not ADDRESS.fullmatch(record.email):
            return Skip("invalid_email")
        return _wanted(ctx, batch, item, record, link)

    def write(self, ctx: Context, writes: Sequence[Write]) -> Sequence[Result]:
        """See `contacts.py`: one bulk call for updates, single calls where the vendor has no bulk."""
        return contacts.write(ctx, self, writes)

    def _records(self, ctx: Context, persons: Sequence[Person]) -> dict[str, Record]:
        require_newsletter_field(ctx, persons)
        return people.to_records(ctx, persons)

    def _linked(self, ctx: Context) -> Any:
        return RecordLink.objects.filter(integration=ctx.integration, link_type=self.link_type, state=LinkState.ACTIVE)

    def _linked_page(self, ctx: Context, cursor: Any) -> Page:
        rows = list(self._linked(ctx).filter(pk__gt=cursor or 0).order_by("pk")[:PAGE_SIZE])
        items = [Item(link.source_id) for link in rows]
        records = self.read(ctx, items)
        gone = len(items) - len(records)
        if gone > max(MASS_FLOOR, MASS_SHARE * len(items)):
            raise TenantActionError(
                f"{gone} of {len(items)} people are no longer visible in Pipedrive. Nobody was unsubscribed.",
                reason="mass_delete",
            )
        return Page(items, records, rows[-1].pk if len(rows) == PAGE_SIZE else None)


def newsletter_wish(ctx: Context, custom_fields: Mapping[str, Any]) -> str:
    """What the Newsletter field says: yes, no, unset, or unclear for an option that is none of ours."""
    value = custom_fields.get(str(ctx.resources.get("newsletter")))
    if value is None:
        return "unset"
    words = {str(ctx.resources.get(f"newsletter_{word}")): word for word in ("yes", "no")}
    return words.get(str(value), "unclear")


def require_newsletter_field(ctx: Context, persons: Sequence[Person]) -> None:
    """A deleted field reads like an empty one. Make sure it exists before an empty value means anything.

    Raises TenantActionError: the jobs are held until the connection check has created the field again.
    """
    key = str(ctx.resources.get("newsletter"))
    if all(key in person.custom_fields for person in persons) or ctx.memory.get("newsletter_seen"):
        return
    if key not in ctx.fields("left", "person", fresh=True):
        raise TenantActionError(
            "The person field “Newsletter” was deleted in Pipedrive. Nobody was unsubscribed because of it.",
            reason="newsletter_field_missing",
        )
    ctx.memory["newsletter_seen"] = True


def contact_key(ctx: Context, person_id: str) -> str:
    """Our external id in Maileon: Pipedrive company id and person id, as the seed names it."""
    return f"{ctx.integration.left.external_account_id}-{person_id}"


def _not_wanted(ctx: Context, wish: str, link: RecordLink | None) -> Decision:
    if wish == "unset" and consent.of(link) in consent.IN_STEP and not _seen_in_this_field(ctx, link):
        return Skip("newsletter_field_new")
    if link is not None and link.state != LinkState.REMOVED and consent.of(link) in consent.IN_STEP:
        return Sync("unsubscribe", mapped=False)
    if consent.of(link) == consent.UNSUBSCRIBED:
        return Skip("unsubscribed", notes={"no_seen": True})
    notes = {"no_seen": True} if link is not None else {}
    return Skip("newsletter_no" if wish == "no" else "newsletter_never_asked", notes=notes)


def _seen_in_this_field(ctx: Context, link: RecordLink | None) -> bool:
    """Whether this person's Yes was seen in the present field. If the field was made anew, empty says nothing."""
    return link is not None and link.notes.get("field") == ctx.resources.get("newsletter")


def _wanted(ctx: Context, batch: Batch, item: Item, record: Record, link: RecordLink | None) -> Decision:
    state, new_wish = consent.of(link), consent.is_new_wish(link)
    if state == consent.UNSUBSCRIBED and not (new_wish and ctx.settings["doi_enabled"]):
        return Skip("unsubscribed")
    if link is not None and link.notes.get("removed_at_target") and not new_wish:
        return Skip("removed_at_target")
    owner = batch.owner(email_hash(record.email), item.external_id)
    if owner != item.external_id:
        return Skip("duplicate_email", f"Person {owner} already has this address.")
    extra = {"email": record.email, "external_id": contact_key(ctx, item.external_id)}
    moved = link is not None and link.written.get("email", record.email).lower() != record.email.lower()
    in_step = link is not None and link.state != LinkState.REMOVED and state in consent.IN_STEP
    if in_step and moved and ctx.settings["on_email_change"] == "ask_again" and not _may_ask(ctx, item):
        return Skip("not_asked_existing")
    if in_step and link is not None and (moved or link.state == LinkState.ACTIVE):
        notes = {"field": ctx.resources["newsletter"]}
        return Sync("change_address" if moved else "update", extra=extra, notes=notes)
    return Sync("subscribe" if _may_ask(ctx, item) else "adopt", creating=True, extra=extra)


def _may_ask(ctx: Context, item: Item) -> bool:
    """Whether a new person may get an opt-in mail now. Never because of a resync; in Fetch All only if allowed."""
    if not ctx.settings["doi_enabled"]:
        return True
    if item.hint.get("resync") or item.hint.get("run") == "reconcile":
        return False
    return item.hint.get("run") != "fetch_all" or bool(item.hint.get("allow_doi"))


def _gone(ctx: Context, item: Item, link: RecordLink | None) -> Decision:
    if item.hint.get("merged_into"):
        return Sync("merge", mapped=False) if link is not None else Skip("merged")
    if link is None or link.state == LinkState.REMOVED or consent.of(link) not in consent.IN_STEP:
        return Skip("deleted_at_source")
    if not item.hint.get("deleted") and item.hint.get("run") != "reconcile":
        return Skip("not_visible")  # a token that lost its rights sees nobody: that is no deletion
    if ctx.settings["on_delete"] == "nothing":
        return Skip("deleted_at_source")
    return Sync("delete" if ctx.settings["on_delete"] == "delete" else "unsubscribe", mapped=False)
