"""Who becomes, stays or stops being a contact in Maileon: what the flows person → contact of all recipes share.

A recipe's flow adds how its source is read and routed, what a person's wish is, and on which terms they are subscribed.
Two rules stand above all: an opt-out always wins, and only the person's own new wish and click take it back.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from integration import addresses
from integration.connectors.maileon.client import MaileonClient
from integration.engine.api import Batch, Decision, Flow, Item, Page, Record, Result, Skip, Sync, Write
from integration.models import LinkState, RecordLink
from integration.reasons import Reason
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.consent import ContactState
from integration.recipes.newsletter.context import ContactContext
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.newsletter.session import L, S, Session
from integration.recipes.newsletter.subscription import ContactWriter, SubscriptionPolicy

PAGE_SIZE = 500
YES, NO, UNSET = "yes", "no", "unset"
IMPLIED = "implied"  # nobody decided, and that counts as a Yes; it never takes an opt-out back


class ContactUpsertFlow(Flow[L, MaileonClient, S]):
    """A source's people → Maileon contacts."""

    key: str
    label: str
    source_object: str
    link_type: str
    events: frozenset[str]
    back: str  # key of the flow that tells the source what became of consent
    tells_back: frozenset[str]  # the states of consent the source is told of
    target_object = "contact"
    runs = frozenset({"fetch_all", "poll", "reconcile"})
    batch_size = 1000  # what Maileon takes in one bulk call
    own_targets = frozenset({"email", "external_id"})
    destructive_actions = frozenset({"unsubscribe", "delete"})
    remembers_no = False  # where not set counts as Yes, a No that was said must not be lost with the field

    # What a recipe's flow says

    @abstractmethod
    def terms(self, ctx: Session[L, S], record: Record | None) -> SubscriptionPolicy:
        """On which terms a new contact is subscribed."""

    @abstractmethod
    def wish(self, ctx: Session[L, S], item: Item, record: Record, link: RecordLink | None) -> str | Skip:
        """What the person wants: yes, no, unset or implied, or why that cannot be said."""

    @abstractmethod
    def read(self, ctx: Session[L, S], items: Sequence[Item]) -> Mapping[str, Record]:
        """The records as they are now."""

    def remembers(self, ctx: Session[L, S]) -> ContactState:
        """What the link of everybody in step remembers beside their consent."""
        return ContactState()

    def trusts_unset(self, ctx: Session[L, S], link: RecordLink | None) -> bool:
        """Whether an empty field is this person's doing, and not that of somebody who made the field anew."""
        return True

    # What all share

    def decide(self, ctx: Session[L, S], batch: Batch, item: Item, record: Record | None) -> Decision:
        """Who becomes, stays or stops being a contact."""
        link = batch.links.get(item.external_id)
        if record is None:
            return self._gone(ctx, item, link)
        wish = self.wish(ctx, item, record, link)
        if isinstance(wish, Skip):
            return wish
        if wish in (NO, UNSET):  # a No counts whatever became of the address
            return self._not_wanted(ctx, wish, link)
        if not record.email:
            return Skip(Reason.NO_EMAIL)
        if not addresses.is_valid(record.email):
            return Skip(Reason.INVALID_EMAIL)
        return self._wanted(ctx, batch, item, record, link, explicit=wish == YES)

    def write(self, ctx: Session[L, S], writes: Sequence[Write]) -> Sequence[Result]:
        """One bulk call for updates, single calls where the vendor has no bulk."""
        return ContactWriter(ctx, self).write(writes)

    def linked(self, ctx: Session[L, S]) -> Any:
        """The links of people in step."""
        return RecordLink.objects.filter(integration=ctx.integration, link_type=self.link_type, state=LinkState.ACTIVE)

    def linked_page(self, ctx: Session[L, S], cursor: Any) -> Page:
        """A page of the linked people, to find those who are gone. Many at once are asked about: see `brakes`."""
        rows = list(self.linked(ctx).filter(pk__gt=cursor or 0).order_by("pk")[:PAGE_SIZE])
        items = [Item(link.source_id, ContactContext(run="reconcile").stored) for link in rows]
        return Page(items, None, rows[-1].pk if len(rows) == PAGE_SIZE else None)

    def _not_wanted(self, ctx: Session[L, S], wish: str, link: RecordLink | None) -> Decision:
        if wish == UNSET and consent.of(link) in consent.IN_STEP and not self.trusts_unset(ctx, link):
            return Skip(NewsletterReason.NEWSLETTER_FIELD_NEW)
        if link is not None and link.state != LinkState.REMOVED and consent.of(link) in consent.IN_STEP:
            return Sync("unsubscribe", mapped=False)
        no_seen = ContactState(no_seen=True).stored
        if consent.of(link) == consent.UNSUBSCRIBED:
            return Skip(Reason.UNSUBSCRIBED, notes=no_seen)
        if wish == NO:
            return Skip(NewsletterReason.NEWSLETTER_NO, notes=no_seen, remember=self.remembers_no)
        return Skip(NewsletterReason.NEWSLETTER_NEVER_ASKED, notes=no_seen)

    def _wanted(
        self,
        ctx: Session[L, S],
        batch: Batch,
        item: Item,
        record: Record,
        link: RecordLink | None,
        *,
        explicit: bool,
    ) -> Decision:
        state, new_wish = consent.of(link), explicit and consent.is_new_wish(link)
        terms = self.terms(ctx, record)
        if state == consent.UNSUBSCRIBED and not (new_wish and terms.by_mail):
            return Skip(Reason.UNSUBSCRIBED)
        if ContactState.of(link).removed_at_target and not new_wish:
            return Skip(Reason.REMOVED_AT_TARGET)
        owner = batch.owner(record.email_hash, item.external_id)
        if owner != item.external_id:
            return Skip(Reason.DUPLICATE_EMAIL, f"{self.source_object.capitalize()} {owner} already has this address.")
        extra = {"email": record.email, "external_id": contact_key(ctx, item.external_id)}
        moved = link is not None and link.written.get("email", record.email).lower() != record.email.lower()
        in_step = link is not None and link.state != LinkState.REMOVED and state in consent.IN_STEP
        may_ask = _may_ask(item, terms)
        if in_step and moved and ctx.settings["on_email_change"] == "ask_again" and not may_ask:
            return Skip(NewsletterReason.NOT_ASKED_EXISTING)
        if in_step and link is not None and (moved or link.state == LinkState.ACTIVE):
            return Sync("change_address" if moved else "update", extra=extra, notes=self.remembers(ctx).stored)
        return Sync("subscribe" if may_ask else "adopt", creating=True, extra=extra)

    def _gone(self, ctx: Session[L, S], item: Item, link: RecordLink | None) -> Decision:
        if merged_into := ContactContext.read(item.hint).merged_into:
            return merged(merged_into, link)
        if link is None or link.state == LinkState.REMOVED or consent.of(link) not in consent.IN_STEP:
            return Skip(Reason.DELETED_AT_SOURCE)
        known = ContactContext.read(item.hint)
        if not known.deleted and known.run != "reconcile":
            return Skip(Reason.NOT_VISIBLE)  # a token that lost its rights sees nobody: that is no deletion
        if ctx.settings["on_delete"] == "nothing":
            return Skip(Reason.DELETED_AT_SOURCE)
        return Sync("delete" if ctx.settings["on_delete"] == "delete" else "unsubscribe", mapped=False)


def merged(into: Any, link: RecordLink | None, **more: str) -> Decision:
    """The record lives on in another one, which takes over what this one was to Maileon."""
    if link is None:
        return Skip(Reason.MERGED)
    return Sync("merge", mapped=False, extra={"merged_into": str(into), **more})


def contact_key(ctx: Session, source_id: str) -> str:
    """Our external id in Maileon: the account's id and the record's id, as the product documents name it."""
    return f"{ctx.integration.left.external_account_id}-{source_id}"


def _may_ask(item: Item, terms: SubscriptionPolicy) -> bool:
    """Whether a new person may get an opt-in mail now. Never because of a resync; in Fetch All only if allowed."""
    if not terms.by_mail:
        return True
    known = ContactContext.read(item.hint)
    if known.resync or known.run == "reconcile":
        return False
    return known.run != "fetch_all" or bool(known.allow_doi)
