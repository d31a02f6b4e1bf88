"""The writes of a person → contact flow. Updates go in one bulk call; what Maileon cannot do in bulk goes one by one.

Rules of the vendor that decide the shape (maileon sheet §2.2, §4, §10): bulk never starts an opt-in process and never
gets a permission for existing contacts; a second opt-in mail must not go out when the answer to the first was lost.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from integration.connectors.maileon.records import UNKNOWN_FIELD_CODE, InvalidContact, StoredContact, SyncReport
from integration.dry_run import is_dry
from integration.engine.api import Enqueue, EventContext, Result, Write, consent_rules, limits, links, write_each
from integration.models import LinkState, Outcome
from integration.reasons import Reason
from integration.recipes.newsletter import consent, merges, removal, standing
from integration.recipes.newsletter.consent import ContactState
from integration.recipes.newsletter.contact_lookup import known_contacts, leaving
from integration.recipes.newsletter.contacts import address_of, contact_key, contact_of
from integration.recipes.newsletter.moves import AddressMoves, leaving_first
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.newsletter.session import L, S, Session
from integration.recipes.newsletter.standing import MARK, Standing

if TYPE_CHECKING:
    from integration.recipes.newsletter.to_contacts import ContactUpsertFlow

Results = dict[int, Result]
Single = Callable[[Write], Result]
# Who leaves an address goes before who comes to it.
ORDER = ("erase", "unsubscribe", "delete", "let_go", "merge", "hand_over", "change_address")


@dataclass(frozen=True)
class SubscriptionPolicy:
    """How a new contact is subscribed: asked by mail, or given a permission at once.

    `limited` says what was wished for beyond what the tenant allows; empty if nothing was.
    """

    by_mail: bool
    plus: bool = False  # the click gives double opt-in plus instead of double opt-in
    mailing: str = ""
    permission: int = consent.PERMISSION_NONE
    limited: str = ""


class ContactWriter(Generic[L, S]):
    """Carries out the writes of one batch."""

    def __init__(self, ctx: Session[L, S], flow: ContactUpsertFlow[L, S]) -> None:
        self.ctx = ctx
        self.flow = flow

    def write(self, writes: Sequence[Write], more: Mapping[str, Single] | None = None) -> list[Result]:
        """Carry out the writes by kind of action; one result per write, in order. `more` adds actions."""
        groups: dict[str, list[Write]] = defaultdict(list)
        for entry in writes:
            groups[entry.action].append(entry)
        moves = AddressMoves(self, writes)
        singles: dict[str, Single] = {
            "unsubscribe": self.unsubscribe, "delete": self.delete, "let_go": moves.let_go,
            "merge": self.merge, "hand_over": self.merge, "change_address": moves.change, **(more or {}),
        }  # fmt: skip
        together = {"update": self.update, "subscribe": self.subscribe, "adopt": self.adopt}
        results: Results = {}
        for action in (*ORDER, *together):
            group = groups.pop(action, [])
            if action in together:
                results |= together[action](group) if group else {}
            else:
                results |= self._one_by_one(leaving_first(group), singles[action]) if group else {}
        return [results[id(entry)] for entry in writes]

    def merge(self, entry: Write) -> Result:
        """The record lives on in another one, or another one has its address: the contact goes on with that one."""
        return merges.merge(self.ctx, self.flow, entry)

    def update(self, writes: Sequence[Write], result: Single | None = None) -> Results:
        """Update people in step: one bulk call that never creates and never touches a permission.

        Who came back after an opt-out still has the vendor's marker. With update_only, `reimport_unsubscribed` brings
        nobody back: it only keeps the marker from hiding people who are there.
        """
        made = result or (lambda entry: self.synced(entry, ContactState()))
        report = self._sent(writes, update_only=True, reimport_unsubscribed=True)
        results = self._invalid(writes, report.invalid)
        valid = [entry for entry in writes if id(entry) not in results]
        if report.existing >= len(valid):
            results.update({id(entry): made(entry) for entry in valid})
        elif len(valid) == 1:
            results[id(valid[0])] = self.missing(valid[0])
        else:  # somebody is no longer there: halve, the call may be repeated without harm
            middle = len(valid) // 2
            results.update({**self.update(valid[:middle], result), **self.update(valid[middle:], result)})
        return results

    def subscribe(self, writes: Sequence[Write]) -> Results:
        """New people: by opt-in mail where that is on, else at once, together with all who get the same permission."""
        by_mail: list[Write] = []
        at_once: dict[int, list[Write]] = defaultdict(list)
        for entry in writes:
            terms = self.flow.terms(self.ctx, entry.record)
            (by_mail if terms.by_mail else at_once[terms.permission]).append(entry)
        results = self.asked(by_mail) if by_mail else {}
        for permission, group in at_once.items():
            results |= self._give(group, permission)
        return results

    def asked(self, writes: Sequence[Write]) -> Results:
        """By opt-in mail, as many as the tenant may start today. A run for which a person allowed them is exempt."""
        limited = [entry for entry in writes if not EventContext.read(entry.item.hint).allow_doi]
        beyond = limited[limits.mails_left(self.ctx) :] if limited else []
        held: Results = {id(entry): limits.mail_held(self.ctx) for entry in beyond}
        results = self._one_by_one(self._announced([entry for entry in writes if id(entry) not in held]), self.ask)
        limits.note_mails(self.ctx, sum(results[id(e)].action == "ask_by_mail" for e in limited if id(e) in results))
        return {**held, **results}

    def _give(self, writes: Sequence[Write], permission: int) -> Results:
        report = self._sent(writes, permission=permission)
        results = self._invalid(writes, report.invalid)
        valid = [entry for entry in writes if id(entry) not in results]
        if not report.existing and not report.unsubscribed:
            notes = consent.given(permission)
            return {**results, **{id(entry): self.synced(entry, notes) for entry in valid}}
        return {**results, **self._sorted_out(valid, permission, some_unsubscribed=bool(report.unsubscribed))}

    def _sent(
        self,
        writes: Sequence[Write],
        *,
        permission: int | None = None,
        update_only: bool = False,
        reimport_unsubscribed: bool = False,
    ) -> SyncReport:
        """What Maileon says to these people in one call; in a dry run what it would say by all that can be read."""
        if is_dry():
            known = known_contacts(self.ctx, writes)
            strangers = [entry.values["email"] for entry in writes if entry.values["email"].lower() not in known]
            marked = [] if update_only else [*filter(self.ctx.right.has_unsubscription_marker, strangers)]
            return SyncReport(existing=len(writes) - len(strangers), unsubscribed=len(marked))
        return self.ctx.right.synchronize_contacts(
            [contact_of(entry) for entry in writes], permission=permission, update_only=update_only,
            reimport_unsubscribed=reimport_unsubscribed,
        )  # fmt: skip

    def adopt(self, writes: Sequence[Write]) -> Results:
        """People we may not ask by mail now: link those who are contacts with a permission, pass over the rest."""
        known = known_contacts(self.ctx, writes)
        subscribed = [entry for entry in writes if _permission_of(known, entry) > consent.PERMISSION_NONE]
        on_their_way_out = leaving(self.ctx, [entry.values["email"] for entry in subscribed])
        results: Results = {}
        there: list[Write] = []
        for entry in writes:
            if entry not in subscribed:
                passed_over = Result(Outcome.SKIPPED, reason=NewsletterReason.NOT_ASKED_EXISTING, link_state=None)
                results[id(entry)] = passed_over
            elif entry.values["email"].lower() in on_their_way_out and not standing.is_settled(entry):
                results[id(entry)] = self._settling()
            else:
                there.append(entry)
        if there:
            consent_rules.asked_since_removal(self.ctx.integration.right, [entry.values["email"] for entry in there])
            results.update(self.update(there, lambda entry: self.synced(entry, _given_by(known, entry))))
        return results

    def unsubscribe(self, entry: Write) -> Result:
        """The person no longer wants the newsletter, or is gone. An unknown contact is as good as unsubscribed."""
        said_so = entry.record is not None
        remove = removal.unsubscribe if said_so else removal.take_off
        why = f"Newsletter switched off in {self.ctx.connection('left').connector.label}"
        remove(self.ctx, address_of(entry), contact_key(self.ctx, entry.item.external_id), why=why)
        target = entry.link.target_id if entry.link else ""
        back = (self.back(entry),) if said_so else ()
        return Result(
            Outcome.SYNCED, target_id=target, link_state="removed", written={},
            notes=consent.withdrawn(no_seen=True).stored, call=self.ctx.last_call(), follow_ups=back,
        )  # fmt: skip

    def delete(self, entry: Write) -> Result:
        """The person was deleted and the setting asks to delete the contact too."""
        if not self.ctx.right.delete_contact(address_of(entry)):
            self.ctx.right.delete_contact_by_external_id(contact_key(self.ctx, entry.item.external_id))
        return Result(
            Outcome.SYNCED, link_state="removed", notes=consent.withdrawn(no_seen=True).stored, written={},
            call=self.ctx.last_call(),
        )  # fmt: skip

    def ask(self, entry: Write) -> Result:
        """Start the opt-in process once. What is there already, or was asked already, is never asked again."""
        address, ctx = entry.values["email"], self.ctx
        found = standing.look(ctx, address)
        if refused := self.refused(entry, found, by_confirmation=True):
            return refused
        if (state := standing.state_of(found)) is not None:
            return self.refreshed(entry, state)
        terms = self.flow.terms(ctx, entry.record)
        ctx.right.create_contact(
            contact_of(entry),
            permission=consent.PERMISSION_NONE,
            doi=True,
            doiplus=terms.plus,
            doimailing=terms.mailing,
            src=entry.marker,
        )
        consent_rules.asked_since_removal(ctx.integration.right, [address])
        return self.synced(entry, consent.asked(report_seen=self._last_opt_out(entry)), action="ask_by_mail")

    def refused(self, entry: Write, found: StoredContact | None, *, by_confirmation: bool) -> Result | None:
        """The result of a write whose address may not be subscribed now, as far as Maileon knows; None when it may."""
        how = standing.standing(self.ctx, entry, found, by_confirmation=by_confirmation)
        if how is Standing.SETTLING:
            return self._settling()
        return self._opted_out(entry) if how is Standing.OPTED_OUT else None

    def _settling(self) -> Result:
        call = self.ctx.last_call()
        return Result(Outcome.RETRYING, reason=NewsletterReason.TARGET_SETTLING, link_state=None, call=call)

    def _last_opt_out(self, entry: Write) -> str:
        """When the person last opted out, as the report has it: the poll must not take that opt-out for a new one."""
        if consent.of(entry.link) != consent.UNSUBSCRIBED:
            return ""
        rows = self.ctx.right.iter_unsubscriptions(external_ids=[entry.values["external_id"]])
        return max((str(row.timestamp) for row in rows), default="")

    def _announced(self, writes: Sequence[Write]) -> list[Write]:
        """Give each write its marker and commit it before anything is sent."""
        for entry in writes:
            pending = entry.link is not None and entry.link.state == LinkState.PENDING
            entry.marker = entry.link.marker if pending and entry.link else f"{MARK}{uuid.uuid4().hex}"
        links.record_intent(self.ctx.integration, self.flow.link_type, writes)
        return list(writes)

    def refreshed(self, entry: Write, notes: ContactState, action: str = "adopt") -> Result:
        """Write the data without any permission or mail."""
        consent_rules.asked_since_removal(self.ctx.integration.right, [entry.values["email"]])
        return self.update([entry], lambda write: self.synced(write, notes, action=action))[id(entry)]

    def _sorted_out(self, writes: Sequence[Write], permission: int, *, some_unsubscribed: bool) -> Results:
        """A bulk subscription met contacts that were there before, or addresses that opted out: look at each."""
        known = known_contacts(self.ctx, writes)
        results: Results = {}
        there = [entry for entry in writes if _permission_of(known, entry) > consent.PERMISSION_NONE]
        on_their_way_out = leaving(self.ctx, [entry.values["email"] for entry in there])
        alone: list[Write] = []
        for entry in writes:
            if entry.values["email"].lower() in on_their_way_out and not standing.is_settled(entry):
                results[id(entry)] = self._settling()
            elif entry in there:
                results[id(entry)] = self.synced(entry, _given_by(known, entry))
            elif entry.values["email"].lower() not in known and not some_unsubscribed:
                results[id(entry)] = self.synced(entry, consent.given(permission))
            else:
                alone.append(entry)

        def look(entry: Write) -> Result:
            return self._given_alone(entry, known.get(entry.values["email"].lower()), permission)

        return {**results, **self._one_by_one(alone, look)}

    def _given_alone(self, entry: Write, contact: StoredContact | None, permission: int) -> Result:
        """Somebody there without a permission, for example from a deal, or whom a marker may have kept out."""
        if refused := self.refused(entry, contact, by_confirmation=False):
            return refused
        if contact is not None or standing.is_marked_by_us(self.ctx, entry):
            self.ctx.right.create_contact(contact_of(entry), permission=permission)
            consent_rules.asked_since_removal(self.ctx.integration.right, [entry.values["email"]])
        return self.synced(entry, consent.given(permission))

    def missing(self, entry: Write) -> Result:
        """The contact is gone at Maileon: by unsubscribing (the marker says so) or because somebody deleted it."""
        right = self.ctx.right
        if right.find_contact(entry.values["email"]) is not None:
            right.update_contact(entry.values["email"], contact_of(entry))
            return self.synced(entry, ContactState())
        if right.has_unsubscription_marker(entry.values["email"]):
            return self._opted_out(entry)
        return Result(
            Outcome.SKIPPED, reason=Reason.REMOVED_AT_TARGET, link_state="removed", written={},
            notes=ContactState(removed_at_target=True, consent=consent.NONE, no_seen=False).stored,
            call=self.ctx.last_call(),
        )  # fmt: skip

    def _opted_out(self, entry: Write) -> Result:
        """Maileon knows an opt-out that the source does not show yet: remember it and let it travel back."""
        return Result(
            Outcome.SKIPPED, reason=Reason.UNSUBSCRIBED, link_state="removed", written={},
            notes=consent.withdrawn(no_seen=False).stored, call=self.ctx.last_call(), follow_ups=(self.back(entry),),
        )  # fmt: skip

    def back(self, entry: Write) -> Enqueue:
        return Enqueue(self.flow.back, entry.item.external_id)

    def synced(self, entry: Write, notes: ContactState, action: str = "") -> Result:
        """In step now. A new state of consent travels back where the source is told of it."""
        was = consent.of(entry.link)
        state = was if notes.consent is None else notes.consent
        back = (self.back(entry),) if state != was and state in self.flow.tells_back else ()
        limited = self.flow.terms(self.ctx, entry.record).limited if entry.action == "subscribe" else ""
        return Result(
            Outcome.SYNCED, target_id=entry.values["external_id"],
            notes={**notes.stored, **self.flow.remembers(self.ctx).stored}, action=action,
            reason=NewsletterReason.OVERRIDE_LIMITED if limited else "", detail=limited,
            call=self.ctx.last_call(), follow_ups=back,
        )  # fmt: skip

    def _invalid(self, writes: Sequence[Write], invalid: Sequence[InvalidContact]) -> Results:
        """Contacts the bulk call refused, each with the vendor's reason."""
        by_email = {row.email.lower(): row for row in invalid if row.email}
        by_id = {row.external_id: row for row in invalid if row.external_id}
        results: Results = {}
        for entry in writes:
            row = by_email.get(entry.values["email"].lower()) or by_id.get(entry.values["external_id"])
            if row is not None:
                reason = Reason.FIELD_UNKNOWN if row.code == UNKNOWN_FIELD_CODE else Reason.RECORD_REFUSED
                results[id(entry)] = Result(
                    Outcome.FAILED, reason=reason, detail=f"Maileon: {row.words}.", link_state=None,
                    call=self.ctx.last_call(),
                )  # fmt: skip
        return results

    def _one_by_one(self, writes: Sequence[Write], call: Single) -> Results:
        results = write_each(self.ctx, writes, call)
        return {id(entry): result for entry, result in zip(writes, results, strict=True)}


def _permission_of(known: Mapping[str, StoredContact], entry: Write) -> int:
    return standing.permission_of(known.get(entry.values["email"].lower()))


def _given_by(known: Mapping[str, StoredContact], entry: Write) -> ContactState:
    return consent.given(_permission_of(known, entry))
