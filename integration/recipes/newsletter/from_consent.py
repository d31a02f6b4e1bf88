"""What became of the newsletter in Maileon, on its way back to the source: what these flows of all recipes share.

The opt-out always wins: it is believed at once, a confirmation only after Maileon itself shows the permission. A
recipe's flow adds what the source shows of a state of consent, and how that is written.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from config.json_value import JSONValue
from config.texts import StrOrPromise
from integration import retry
from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.records import Page as MaileonPage
from integration.connectors.maileon.records import Subscriber, Unsubscription
from integration.engine.api import (
    Batch,
    Decision,
    Enqueue,
    Flow,
    Item,
    Page,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    Write,
    consent_rules,
    identity_index,
    links,
)
from integration.models import LinkState, Outcome, RecordLink, WebhookEvent
from integration.reasons import NoReason, Reason, ReasonCode
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.consent import ContactState
from integration.recipes.newsletter.context import ConsentContext
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.newsletter.session import L, S, Session
from integration.recipes.shared import dead_jobs
from integration.secrets import email_hash

UNSUBSCRIPTION, CONFIRMATION = "unsubscription", "doi"
FACTS = ("msg_id", "method")  # what an event says beyond who and when


@dataclass(frozen=True)
class People:
    """Ids of the people behind an address: those whose own it is, and those who have it beside their own."""

    own: list[str]
    beside: list[str]


class ConsentWritebackFlow(Flow[L, MaileonClient, S]):
    """Maileon's consent → the source's people."""

    key: str
    label: StrOrPromise
    target_object: str
    link_type: str
    forward: str  # key of the flow that brings these people to Maileon
    side = "right"
    source_object = "contact"
    events = frozenset({UNSUBSCRIPTION, CONFIRMATION})
    runs = frozenset({"poll"})
    parting_actions = frozenset(f"mark_{state}" for state in (*consent.IN_STEP, consent.UNSUBSCRIBED))
    urgent = True

    # What a recipe's flow says

    @abstractmethod
    def values(self, ctx: Session[L, S], state: str) -> dict[str, JSONValue]:
        """The fields at the source that show this state of consent."""

    @abstractmethod
    def restored(self, ctx: Session[L, S], state: str, *, blank: bool) -> dict[str, JSONValue]:
        """The same for fields that were made anew; `blank`: nobody has filled them in since."""

    @abstractmethod
    def blank_people(self, ctx: Session[L, S], ids: Sequence[str]) -> set[str]:
        """Those whose (new) newsletter field is still empty."""

    @abstractmethod
    def search(self, ctx: Session[L, S], email: str) -> list[str]:
        """Ids of the people at the source who have this address."""

    # What all share

    def enabled(self, settings: S) -> bool:
        """On with the contacts: consent never travels one way only. A recipe that can switch them off says so."""
        return True

    def route(self, ctx: Session[L, S], event: WebhookEvent) -> Sequence[Route] | Skip:
        """The person behind the contact's external id, and everybody else who shares the address: strictest wins."""
        facts = {name: str(event.payload[name]) for name in FACTS if event.payload.get(name)}
        at = event.received_at.isoformat()
        people = self.people_behind(ctx, event.external_id, event.email_hash)
        if event.vendor_event == CONFIRMATION:
            context = ConsentContext(doi=at, doi_facts=facts)
            return [Route(person_id, context.stored) for person_id in people.own[:1]] or Skip(Reason.NOT_LINKED)
        if _is_own_doing(ctx, event.email_hash, event.external_id, facts.get("method", "")):
            return Skip(Reason.ECHO)
        consent_rules.withdraw_own_removal(ctx.integration.right, event.email_hash)
        context = ConsentContext(unsubscription=at, unsubscription_facts=facts)
        beside = replace(context, beside=True)
        routes = [Route(person_id, context.stored) for person_id in people.own]
        routes += [Route(person_id, beside.stored) for person_id in people.beside]
        return routes or Skip(Reason.NOT_LINKED)

    def read(self, ctx: Session[L, S], items: Sequence[Item]) -> Mapping[str, Record]:
        """Look at Maileon only for confirmations that came by webhook: their proof is the contact's permission."""
        linked = {
            link.source_id: link
            for link in RecordLink.objects.filter(
                integration=ctx.integration,
                link_type=self.link_type,
                source_id__in=[item.external_id for item in items],
            )
        }
        restoring = [item.external_id for item in items if ConsentContext.read(item.hint).restore]
        blank = self.blank_people(ctx, restoring) if restoring else set()
        return {
            item.external_id: Record(
                item.external_id,
                {
                    "permission": _permission(ctx, item, linked.get(item.external_id)),
                    "blank": item.external_id in blank,
                },
            )
            for item in items
        }

    def page(self, ctx: Session[L, S], kind: str, cursor: Sequence[str | int] | None, since: datetime | None) -> Page:
        """Two reports one after the other: who unsubscribed, who confirmed. They find what a webhook missed."""
        if cursor is None and kind == "poll":
            self._retry_dead_opt_outs(ctx)
        report, index = (str(cursor[0]), int(cursor[1])) if cursor else (UNSUBSCRIPTION, 1)
        reported: MaileonPage[Unsubscription] | MaileonPage[Subscriber]
        if report == UNSUBSCRIPTION:
            reported = ctx.right.unsubscriptions_page(index, since=since)
        else:
            reported = ctx.right.subscribers_page(index, since=since)
        rows: Sequence[Unsubscription | Subscriber] = reported.records
        newest: dict[str, ConsentContext] = {}
        # Reports have no documented order, and one person may be in them twice.
        for row in sorted(rows, key=lambda row: row.timestamp):
            known, people = _reported(report, row), self._people_of(ctx, row)
            newest |= dict.fromkeys(people.own, known)
            newest |= dict.fromkeys(people.beside, replace(known, beside=True))
        items = [Item(person_id, known.stored) for person_id, known in newest.items()]
        after: list[str | int] | None = [CONFIRMATION, 1] if report == UNSUBSCRIPTION else None
        if reported.next_cursor is not None:
            after = [report, reported.next_cursor]
        return Page(items, self.read(ctx, items), after)

    def decide(self, ctx: Session[L, S], batch: Batch, item: Item, record: Record | None) -> Decision:
        """Work out what the source should show, and skip when it already does."""
        link = batch.links.get(item.external_id)
        state = self._state(item, record, link)
        if isinstance(state, Skip):
            return state
        if ConsentContext.read(item.hint).restore and not _speaks_of_opt_out(item):
            blank = record is not None and bool(record.values["blank"])
            return Sync(f"mark_{state}", mapped=False, extra=self.restored(ctx, state, blank=blank))
        if link is not None and ContactState.of(link).reported == state:
            return Skip(Reason.ECHO)
        return Sync(f"mark_{state}", mapped=False, extra=self.values(ctx, state))

    def _retry_dead_opt_outs(self, ctx: Session[L, S]) -> None:
        """An opt-out that the source refused, or never took, is not given up: it is tried again with each poll."""
        jobs = dead_jobs.dead_jobs(ctx, self.key)
        dead_jobs.retry(ctx, [job for job in jobs if _speaks_of_opt_out(Item(job.external_id, job.hint))])

    def people_behind(self, ctx: Session[L, S], external_id: str, digest: str) -> People:
        """The people a contact stands for: by our external id, by the address they have or that we wrote last.

        Where nobody has the address as their own, it belongs to those who have it beside theirs, after a merge say.
        """
        account, _, person_id = external_id.partition("-")
        left = ctx.integration.left
        own = [person_id] if person_id and account == left.external_account_id else []
        beside: list[str] = []
        if digest:
            own += sorted(identity_index.owners(left, self.link_type, digest))
            own += self._linked_with(ctx, digest)
            beside = [key for key in identity_index.holders(left, self.link_type, digest) if key not in own]
        return People(list(dict.fromkeys(own)), beside)

    def gone(self, ctx: Session[L, S], write: Write) -> Result:
        """How a write ends whose person is no longer there.

        An opt-out belongs to whoever has the address now: a merge may have overtaken it. As long as nobody has heard of
        what became of the person, it waits for that.
        """
        heirs = self._heirs(ctx, write)
        still_ours = write.link is not None and write.link.state == LinkState.ACTIVE
        is_early = still_ours and not heirs and not retry.PERSON_GONE.used_up(write.item.attempts)
        if is_early and _speaks_of_opt_out(write.item):
            return Result(
                Outcome.RETRYING,
                reason=Reason.PERSON_QUEUED,
                retry_after=retry.next_delay(retry.PERSON_GONE),
                link_state=None,
                call=ctx.last_call(),
            )
        return Result(
            Outcome.SKIPPED, reason=Reason.DELETED_AT_SOURCE, link_state=None, call=ctx.last_call(), follow_ups=heirs
        )

    def _heirs(self, ctx: Session[L, S], write: Write) -> tuple[Enqueue, ...]:
        """The same opt-out for those who have the address of somebody who is gone, each of them once."""
        digest = _digest_of(write)
        if not digest or not _speaks_of_opt_out(write.item):
            return ()
        people, said = self.people_behind(ctx, "", digest), ConsentContext.read(write.item.hint)
        gone = [*(said.passed or ()), write.item.external_id]
        known = replace(said, passed=gone)
        beside = replace(known, beside=True)
        wishes = [Enqueue(self.key, person_id, known.stored) for person_id in people.own]
        wishes += [Enqueue(self.key, person_id, beside.stored) for person_id in people.beside]
        return tuple(wish for wish in wishes if wish.external_id not in gone)

    def _linked_with(self, ctx: Session[L, S], digest: str) -> list[str]:
        """Those who were linked with this address, but for who has been seen with other ones since."""
        rows = links.of_addresses(ctx.integration, self.link_type, [digest])
        linked = list(rows.values_list("source_id", flat=True))
        seen = identity_index.addresses_of(ctx.integration.left, self.link_type, linked)
        return [key for key in linked if digest in seen.get(key, {digest})]

    def _people_of(self, ctx: Session[L, S], row: Unsubscription | Subscriber) -> People:
        """The people behind a reported contact. An opt-out of an address nobody knows here is searched for once."""
        digest = email_hash(row.email)
        found = self.people_behind(ctx, row.external_id, digest)
        if isinstance(row, Subscriber):
            return People(found.own[:1], [])
        if _is_own_doing(ctx, digest, row.external_id, row.source):
            return People([], [])
        consent_rules.withdraw_own_removal(ctx.integration.right, digest)
        if found.own or found.beside or not row.email or identity_index.is_known_stranger(ctx.integration.left, digest):
            return found
        hits = self.search(ctx, row.email)
        if not hits:
            identity_index.remember_stranger(ctx.integration.left, digest)
        return People(hits, [])

    def _state(self, item: Item, record: Record | None, link: RecordLink | None) -> str | Skip:
        """The state of consent after this item. Of an opt-out and a confirmation in one go, the opt-out wins."""
        if _speaks_of_opt_out(item):
            reason = _outdated(item, link)
            if not reason:
                return consent.UNSUBSCRIBED
            if ConsentContext.read(item.hint).doi is None:
                return Skip(reason)
        if _speaks_of_confirmation(item):
            if consent.of(link) == consent.UNSUBSCRIBED:
                return Skip(Reason.UNSUBSCRIBED)
            if consent.of(link) not in consent.IN_STEP:
                return Skip(Reason.NOT_LINKED)  # somebody who subscribed elsewhere: the source has not asked for them
            if record is None or record.values["permission"] not in consent.CONFIRMED_PERMISSIONS:
                return Skip(NewsletterReason.NOT_CONFIRMED)
            return consent.CONFIRMED
        if not consent.of(link) and not ContactState.of(link).reported:
            return Skip(Reason.NOT_LINKED)
        return consent.of(link)


def written_back(forward: str, entry: Write, state: str) -> Result:
    """How a record ends that shows this state of consent now.

    Who opted out at an address beside their own is still in step with their own one: the way there makes them leave it.
    """
    link, target = entry.link, entry.link.target_id if entry.link else ""
    written = link.written if link else {}
    if ConsentContext.read(entry.item.hint).beside and consent.of(link) in consent.IN_STEP:
        return Result(
            Outcome.SYNCED, target_id=target, written=written, notes=ContactState(reported=state).stored,
            follow_ups=(Enqueue(forward, entry.item.external_id),),
        )  # fmt: skip
    link_state = "removed" if state in (consent.UNSUBSCRIBED, consent.NONE) else "active"
    notes = _state_after(entry.item, state).stored
    return Result(Outcome.SYNCED, target_id=target, link_state=link_state, written=written, notes=notes)


def _state_after(item: Item, state: str) -> ContactState:
    """What the link remembers once the source shows this state."""
    known = ConsentContext.read(item.hint)
    after = consent.withdrawn(no_seen=True) if state == consent.UNSUBSCRIBED else ContactState(consent=state)
    seen = known.reported_at if known.report == UNSUBSCRIPTION else None
    return replace(after, reported=state, report_seen=seen)


def _reported(report: str, row: Unsubscription | Subscriber) -> ConsentContext:
    if not isinstance(row, Unsubscription):
        return ConsentContext(report=report, reported_at=row.timestamp, doi_facts={})
    facts = {"msg_id": row.mailing_id, "method": row.source}
    said = {name: value for name, value in facts.items() if value}
    return ConsentContext(report=report, reported_at=row.timestamp, unsubscription_facts=said)


def _is_own_doing(ctx: Session, digest: str, key: str, method: str) -> bool:
    """Whether an opt-out is only the echo of a contact that we took away although its person said nothing."""
    return consent_rules.is_own_doing(ctx.integration.right, digest=digest, key=key, method=method)


def _digest_of(write: Write) -> str:
    """The keyed hash of the address that an item speaks of: its link's, or that of the event it came by."""
    if write.link is not None and write.link.email_hash:
        return write.link.email_hash
    events = WebhookEvent.objects.filter(pk=write.item.event_id or 0)
    return events.values_list("email_hash", flat=True).first() or ""


def _speaks_of_opt_out(item: Item) -> bool:
    known = ConsentContext.read(item.hint)
    return known.unsubscription is not None or known.report == UNSUBSCRIPTION


def _speaks_of_confirmation(item: Item) -> bool:
    known = ConsentContext.read(item.hint)
    return known.doi is not None or known.report == CONFIRMATION


def _outdated(item: Item, link: RecordLink | None) -> ReasonCode | NoReason:
    """Why an opt-out does not count: it was dealt with, or the person was asked anew after it. Empty if it counts."""
    known, state = ConsentContext.read(item.hint), ContactState.of(link)
    if known.report:
        return Reason.ECHO if (known.reported_at or "") <= (state.report_seen or "") else ""
    return Reason.STALE_EVENT if (known.unsubscription or "") < (state.asked_at or "") else ""


def _permission(ctx: Session, item: Item, link: RecordLink | None) -> int:
    """The permission Maileon shows; the report of confirmed opt-ins is proof in itself."""
    known = ConsentContext.read(item.hint)
    if known.report == CONFIRMATION:
        return consent.PERMISSION_DOUBLE_PLUS
    if known.doi is None:
        return 0
    address = link.written.get("email") if link else None
    contact = ctx.right.find_contact(address) if address else None
    return contact.permission or 0 if contact else 0
