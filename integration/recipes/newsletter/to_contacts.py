"""Who becomes, stays or stops being a contact in Maileon: what the flows person → contact of all recipes share.

A recipe's flow adds how its source is read and routed, what a person's wish is, and on which terms they are subscribed.
Two rules stand above all: an opt-out always wins, and only the person's own new wish and click take it back.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from config.texts import StrOrPromise
from integration import addresses
from integration.connectors.maileon.client import MaileonClient
from integration.engine.api import (
    Batch,
    Comparison,
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
    consent_rules,
)
from integration.models import LinkState, RecordLink
from integration.reasons import Reason
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.consent import ContactState
from integration.recipes.newsletter.contacts import contact_key
from integration.recipes.newsletter.context import ContactContext
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.newsletter.session import L, S, Session
from integration.recipes.newsletter.subscription import ContactWriter, SubscriptionPolicy
from integration.recipes.shared.linked_records import linked_page
from integration.secrets import email_hash

PAGE_SIZE = 500
YES, NO, UNSET = "yes", "no", "unset"
IMPLIED = "implied"  # nobody decided, and that counts as a Yes; it never takes an opt-out back


class ContactUpsertFlow(Flow[L, MaileonClient, S]):
    """A source's people → Maileon contacts."""

    key: str
    label: StrOrPromise
    source_object: str
    link_type: str
    events: frozenset[str]
    back: str  # key of the flow that tells the source what became of consent
    tells_back: frozenset[str]  # the states of consent the source is told of
    target_object = "contact"
    runs = frozenset({"fetch_all", "poll", "reconcile"})
    batch_size = 1000  # what Maileon takes in one bulk call
    own_targets = frozenset({"email", "external_id"})
    comparison = Comparison(
        "contact", own_key="external_id", fields=frozenset({"email"}),
        passes_over={"adopt": NewsletterReason.NOT_ASKED_EXISTING},
    )  # fmt: skip
    mailing_actions = frozenset({"ask_by_mail"})
    destructive_actions = frozenset({"unsubscribe", "delete", "let_go"})
    parting_actions = frozenset({"merge", "hand_over", "erase"})
    owns_addresses = True
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

    @abstractmethod
    def proven_gone(self, ctx: Session[L, S], missing: Sequence[str]) -> set[str]:
        """Which of these records, missing from a list, were deleted. Each is asked for alone."""

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
            return self._gone(ctx, batch, item, link)
        wish = self.wish(ctx, item, record, link)
        if isinstance(wish, Skip):
            return wish
        if wish in (NO, UNSET):  # a No counts whatever became of the address
            return self._not_wanted(ctx, batch, wish, record, link)
        decision = self._wanted(ctx, batch, item, record, link, explicit=wish == YES)
        if isinstance(decision, Sync) and decision.action == "change_address" and batch.is_erased(record):
            return Sync("let_go", mapped=False)  # the new address is not taken in, and the old one is theirs no more
        if not isinstance(decision, Skip) or decision.reason == NewsletterReason.NOT_ASKED_EXISTING:
            return decision
        if consent.in_step(link) and _moved(link, record):
            return Sync("let_go", mapped=False)  # the new address cannot be used, and the old one is theirs no more
        return decision

    def write(self, ctx: Session[L, S], writes: Sequence[Write]) -> Sequence[Result]:
        """One bulk call for updates, single calls where the vendor has no bulk."""
        return ContactWriter(ctx, self).write(writes)

    def linked_page(self, ctx: Session[L, S], cursor: str | None) -> Page:
        """A page of the linked people, to find those who are gone. Many at once are asked about: see `brakes`."""
        page = linked_page(ctx, self.link_type, cursor)
        context = ContactContext(run="reconcile")
        records = self.read(ctx, [Item(link.source_id, context.stored) for link in page.links])
        gone = self.proven_gone(ctx, [link.source_id for link in page.links if link.source_id not in records])
        items = [Item(link.source_id, replace(context, deleted=link.source_id in gone).stored) for link in page.links]
        return Page(items, records, page.next_cursor)

    def _not_wanted(
        self, ctx: Session[L, S], batch: Batch, wish: str, record: Record, link: RecordLink | None
    ) -> Decision:
        in_step = consent.in_step(link)
        if wish == UNSET and in_step and not self.trusts_unset(ctx, link):
            return Skip(NewsletterReason.NEWSLETTER_FIELD_NEW)
        if link is not None and in_step and _moved(link, record):
            former = email_hash(str(link.written["email"]))
            if self._heir(ctx, batch, former, record.external_id) is not None:
                return Sync("let_go", mapped=False)  # the contact is another person's now, who has not said No
        if consent_rules.must_unsubscribe(subscribed=in_step, says_no=True, no_elsewhere=False):
            return Sync("unsubscribe", mapped=False)
        no_seen = ContactState(no_seen=True).stored
        if consent.of(link) == consent.UNSUBSCRIBED:
            return Skip(Reason.UNSUBSCRIBED, notes=no_seen)
        if wish == UNSET:
            return Skip(NewsletterReason.NEWSLETTER_NEVER_ASKED, notes=no_seen)
        others = self._sharers(batch, record)
        return Skip(NewsletterReason.NEWSLETTER_NO, notes=no_seen, remember=self.remembers_no, follow_ups=others)

    def _sharers(self, batch: Batch, record: Record) -> tuple[Enqueue, ...]:
        """Who owns the address of somebody who said No: it counts for them too."""
        owner = batch.owners.get(record.email_hash, record.external_id) if record.email else record.external_id
        return (Enqueue(self.key, owner),) if owner != record.external_id else ()

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
        if not record.email:
            return Skip(Reason.NO_EMAIL)
        if not addresses.is_valid(record.email):
            return Skip(Reason.INVALID_EMAIL)
        new_wish, terms = explicit and consent.is_new_wish(link), self.terms(ctx, record)
        naysayer = self._says_no(ctx, item, batch.others(record.email_hash, item.external_id))
        still_there = consent.in_step(link) and not _moved(link, record)
        if consent_rules.must_unsubscribe(subscribed=still_there, says_no=False, no_elsewhere=naysayer is not None):
            return Sync("unsubscribe", mapped=False)
        known = consent_rules.Evidence(
            opted_out=consent.of(link) == consent.UNSUBSCRIBED,
            asked_anew=new_wish,
            by_confirmation=terms.by_mail,
            no_elsewhere=naysayer is not None,
        )
        if refused := consent_rules.may_subscribe(known):
            return Skip(refused, f"{self._named(naysayer)} says No." if naysayer else "")
        if ContactState.of(link).removed_at_target and not new_wish:
            return Skip(Reason.REMOVED_AT_TARGET)
        owner = batch.owner(record.email_hash, item.external_id)
        if owner != item.external_id:
            return Skip(Reason.DUPLICATE_EMAIL, f"{self._named(owner)} already has this address.")
        return self._way_in(ctx, item, record, link, may_ask=_may_ask(item, terms))

    def _way_in(
        self, ctx: Session[L, S], item: Item, record: Record, link: RecordLink | None, *, may_ask: bool
    ) -> Decision:
        """How somebody who may be a contact becomes one, or stays one under their present address."""
        extra = {"email": record.email, "external_id": contact_key(ctx, item.external_id)}
        in_step, moved = consent.in_step(link), _moved(link, record)
        if in_step and moved and ctx.settings["on_email_change"] == "ask_again" and not may_ask:
            return Skip(NewsletterReason.NOT_ASKED_EXISTING)
        if in_step and link is not None and (moved or link.state == LinkState.ACTIVE):
            return Sync("change_address" if moved else "update", extra=extra, notes=self.remembers(ctx).stored)
        return Sync("subscribe" if may_ask else "adopt", creating=True, extra=extra)

    def _says_no(self, ctx: Session[L, S], item: Item, others: Sequence[Record]) -> str | None:
        """The id of a living record at the same address that says No: one No counts for all of them."""
        for other in others:
            if self.wish(ctx, Item(other.external_id), other, None) == NO:
                return other.external_id
        return None

    def _named(self, record_id: str) -> str:
        return f"{self.source_object.capitalize()} {record_id}"

    def _gone(self, ctx: Session[L, S], batch: Batch, item: Item, link: RecordLink | None) -> Decision:
        if merged_into := ContactContext.read(item.hint).merged_into:
            heir = self._heir(ctx, batch, link.email_hash, item.external_id, merged_into) if link is not None else None
            return merged(merged_into, link, **({"heir": heir.external_id} if heir is not None else {}))
        if link is None or not consent.in_step(link):
            return Skip(Reason.DELETED_AT_SOURCE)
        if not ContactContext.read(item.hint).deleted:
            return Skip(Reason.NOT_VISIBLE)  # a token that lost its rights sees nobody: that is no deletion
        heir = self._heir(ctx, batch, link.email_hash, item.external_id)
        if heir is not None:
            into = {"merged_into": heir.external_id, "survivor_email": heir.email}
            return Sync("hand_over", mapped=False, extra=into)
        if ctx.settings["on_delete"] == "nothing":
            return Skip(Reason.DELETED_AT_SOURCE)
        return Sync("delete" if ctx.settings["on_delete"] == "delete" else "unsubscribe", mapped=False)

    def _heir(self, ctx: Session[L, S], batch: Batch, digest: str, *but: str) -> Record | None:
        """Who goes on with the contact of a record that left its address: a living one there that wants it.

        Whoever opted out is no heir, whatever their record says now.
        """
        for other in batch.others(digest, but[0]):
            link = batch.links.get(other.external_id)
            if other.external_id in but or consent.of(link) == consent.UNSUBSCRIBED:
                continue
            if self.wish(ctx, Item(other.external_id), other, link) in (YES, IMPLIED):
                return other
        return None


def _moved(link: RecordLink | None, record: Record) -> bool:
    """Whether the address we wrote last is not the record's any more."""
    written = str(link.written.get("email") or "") if link is not None else ""
    return bool(written) and written.lower() != record.email.lower()


def merged(into: str, link: RecordLink | None, **more: str) -> Decision:
    """The record lives on in another one, which takes over what this one was to Maileon."""
    if link is None:
        return Skip(Reason.MERGED)
    return Sync("merge", mapped=False, extra={"merged_into": into, **more})


def _may_ask(item: Item, terms: SubscriptionPolicy) -> bool:
    """Whether a new person may get an opt-in mail now. Never because of a resync; in Fetch All only if allowed."""
    if not terms.by_mail:
        return True
    known = ContactContext.read(item.hint)
    if known.resync or known.run in ("reconcile", "repair"):
        return False
    return known.run != "fetch_all" or bool(known.allow_doi)
