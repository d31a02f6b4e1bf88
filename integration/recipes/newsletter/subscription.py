"""The writes of a person → contact flow. Updates go in one bulk call; what Maileon cannot do in bulk goes one by one.

Rules of the vendor that decide the shape (maileon sheet §2.2, §4, §10): bulk never starts an opt-in process and never
gets a permission for existing contacts; a second opt-in mail must not go out when the answer to the first was lost.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from integration import retry
from integration.connectors.maileon.fields import STANDARD_FIELDS
from integration.connectors.maileon.records import UNKNOWN_FIELD_CODE, Contact, StoredContact
from integration.engine.api import Enqueue, EventContext, Result, Write, limits, links, write_each
from integration.models import LinkState, Outcome
from integration.reasons import Reason
from integration.recipes.newsletter import consent, merges
from integration.recipes.newsletter.consent import ContactState
from integration.recipes.newsletter.directory import known_contacts
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.newsletter.session import Session

if TYPE_CHECKING:
    from integration.recipes.newsletter.to_contacts import ContactUpsertFlow

STANDARD = frozenset(spec.key for spec in STANDARD_FIELDS)
MARK = "lockstep:"  # begins the `src` of every opt-in process we start; the vendor keeps it readable
MARK_FIELD = "CUSTOM_SOURCE"
Results = dict[int, Result]
Single = Callable[[Write], Result]


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


class ContactWriter:
    """Carries out the writes of one batch."""

    def __init__(self, ctx: Session, flow: ContactUpsertFlow[Any, Any]) -> None:
        self.ctx = ctx
        self.flow = flow

    def write(self, writes: Sequence[Write], more: Mapping[str, Single] | None = None) -> list[Result]:
        """Carry out the writes by kind of action; one result per write, in order. `more` adds actions."""
        groups: dict[str, list[Write]] = defaultdict(list)
        for entry in writes:
            groups[entry.action].append(entry)
        singles: dict[str, Single] = {
            "unsubscribe": self.unsubscribe, "delete": self.delete, "change_address": self.change_address,
            "merge": lambda entry: merges.merge(self.ctx, self.flow, entry), **(more or {}),
        }  # fmt: skip
        together = {"update": self.update, "subscribe": self.subscribe, "adopt": self.adopt}
        results: Results = {}
        for action, group in groups.items():
            results |= together[action](group) if action in together else self._one_by_one(group, singles[action])
        return [results[id(entry)] for entry in writes]

    def update(self, writes: Sequence[Write], result: Single | None = None) -> Results:
        """Update people in step: one bulk call that never creates and never touches a permission.

        Who came back after an opt-out still has the vendor's marker. With update_only, `reimport_unsubscribed` brings
        nobody back: it only keeps the marker from hiding people who are there.
        """
        made = result or (lambda entry: self._synced(entry, ContactState()))
        report = self.ctx.right.synchronize_contacts(
            [contact_of(entry) for entry in writes], update_only=True, reimport_unsubscribed=True
        )
        results = self._invalid(writes, report.invalid)
        valid = [entry for entry in writes if id(entry) not in results]
        if report.existing >= len(valid):
            results.update({id(entry): made(entry) for entry in valid})
        elif len(valid) == 1:
            results[id(valid[0])] = self._missing(valid[0])
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
        results = self._asked(by_mail) if by_mail else {}
        for permission, group in at_once.items():
            results |= self._give(group, permission)
        return results

    def _asked(self, writes: Sequence[Write]) -> Results:
        """By opt-in mail, as many as the tenant may start today. A run for which a person allowed them is exempt."""
        limited = [entry for entry in writes if not EventContext.read(entry.item.hint).allow_doi]
        beyond = limited[limits.mails_left(self.ctx) :] if limited else []
        held: Results = {id(entry): limits.mail_held(self.ctx) for entry in beyond}
        results = self._one_by_one(self._announced([entry for entry in writes if id(entry) not in held]), self.ask)
        limits.note_mails(self.ctx, sum(results[id(e)].action == "ask_by_mail" for e in limited if id(e) in results))
        return {**held, **results}

    def _give(self, writes: Sequence[Write], permission: int) -> Results:
        report = self.ctx.right.synchronize_contacts([contact_of(entry) for entry in writes], permission=permission)
        results = self._invalid(writes, report.invalid)
        valid = [entry for entry in writes if id(entry) not in results]
        if not report.existing and not report.unsubscribed:
            notes = consent.given(permission)
            return {**results, **{id(entry): self._synced(entry, notes) for entry in valid}}
        return {**results, **self._sorted_out(valid, permission, some_unsubscribed=bool(report.unsubscribed))}

    def adopt(self, writes: Sequence[Write]) -> Results:
        """People we may not ask by mail now: link those who are contacts with a permission, pass over the rest."""
        known = known_contacts(self.ctx, writes)
        results: Results = {}
        there: list[Write] = []
        for entry in writes:
            contact = known.get(entry.values["email"].lower())
            if contact is not None and (contact.permission or 0) > consent.PERMISSION_NONE:
                there.append(entry)
            else:
                results[id(entry)] = Result(
                    Outcome.SKIPPED, reason=NewsletterReason.NOT_ASKED_EXISTING, link_state=None
                )
        if there:
            results.update(self.update(there, lambda entry: self._synced(entry, _given_by(known, entry))))
        return results

    def unsubscribe(self, entry: Write) -> Result:
        """The person no longer wants the newsletter, or is gone. An unknown contact is as good as unsubscribed."""
        label = self.ctx.connection("left").connector.label
        self.ctx.right.unsubscribe(_address(entry), reason=f"other|Newsletter switched off in {label}")
        target = entry.link.target_id if entry.link else ""
        back = () if entry.record is None else (self._back(entry),)
        return Result(
            Outcome.SYNCED, target_id=target, link_state="removed", written={},
            notes=consent.withdrawn(no_seen=True).stored, call=self.ctx.last_call(), follow_ups=back,
        )  # fmt: skip

    def delete(self, entry: Write) -> Result:
        """The person was deleted and the setting asks to delete the contact too."""
        self.ctx.right.delete_contact(_address(entry))
        return Result(
            Outcome.SYNCED, link_state="removed", notes=consent.withdrawn(no_seen=True).stored, written={},
            call=self.ctx.last_call(),
        )  # fmt: skip

    def change_address(self, entry: Write) -> Result:
        """The primary address changed: keep the permission, or drop the old address and ask the new one by mail."""
        old = _address(entry)
        by_mail = self.flow.terms(self.ctx, entry.record).by_mail
        if self.ctx.settings["on_email_change"] == "ask_again" and by_mail:
            result = self._asked([entry])[id(entry)]
            if result.outcome == Outcome.SYNCED:
                self.ctx.right.delete_contact(old)
            return result
        self.ctx.right.update_contact(old, contact_of(entry))
        return self._synced(entry, ContactState())

    def ask(self, entry: Write) -> Result:
        """Start the opt-in process once. What is there already, or was asked already, is never asked again."""
        address, ctx = entry.values["email"], self.ctx
        found = ctx.right.find_contact(address, standard_fields=[MARK_FIELD])
        opted_out = consent.of(entry.link) == consent.UNSUBSCRIBED
        if found is not None and opted_out and not retry.TARGET_SETTLING.used_up(entry.item.attempts):
            # Unsubscribing is asynchronous: what is still readable may be the permission just withdrawn (sheet §3).
            return Result(
                Outcome.RETRYING, reason=NewsletterReason.TARGET_SETTLING, link_state=None, call=ctx.last_call()
            )
        if found is not None and (found.permission or 0) > consent.PERMISSION_NONE:
            return self._refreshed(entry, consent.given(found.permission or 0))
        if found is not None and _asked_by_us(found):
            return self._refreshed(entry, consent.asked())
        if not consent.is_new_wish(entry.link) and ctx.right.has_unsubscription_marker(address):
            return self._opted_out(entry)
        terms = self.flow.terms(ctx, entry.record)
        ctx.right.create_contact(
            contact_of(entry),
            permission=consent.PERMISSION_NONE,
            doi=True,
            doiplus=terms.plus,
            doimailing=terms.mailing,
            src=entry.marker,
        )
        return self._synced(entry, consent.asked(report_seen=self._last_opt_out(entry)), action="ask_by_mail")

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

    def _refreshed(self, entry: Write, notes: ContactState) -> Result:
        """Write the data without any permission or mail."""
        return self.update([entry], lambda write: self._synced(write, notes, action="adopt"))[id(entry)]

    def _sorted_out(self, writes: Sequence[Write], permission: int, *, some_unsubscribed: bool) -> Results:
        """A bulk subscription met contacts that were there before, or addresses that opted out: look at each."""
        known, right = known_contacts(self.ctx, writes), self.ctx.right
        results: Results = {}
        for entry in writes:
            address = entry.values["email"]
            contact = known.get(address.lower())
            if contact is None:
                opted_out = some_unsubscribed and right.has_unsubscription_marker(address)
                given = consent.given(permission)
                results[id(entry)] = self._opted_out(entry) if opted_out else self._synced(entry, given)
            elif (contact.permission or 0) > consent.PERMISSION_NONE or permission == consent.PERMISSION_NONE:
                results[id(entry)] = self._synced(entry, _given_by(known, entry))
            elif right.has_unsubscription_marker(address):
                results[id(entry)] = self._opted_out(entry)
            else:  # there without a permission, for example from a deal: the source now asks for one
                right.create_contact(contact_of(entry), permission=permission)
                results[id(entry)] = self._synced(entry, consent.given(permission))
        return results

    def _missing(self, entry: Write) -> Result:
        """The contact is gone at Maileon: by unsubscribing (the marker says so) or because somebody deleted it."""
        right = self.ctx.right
        if right.find_contact(entry.values["email"]) is not None:
            right.update_contact(entry.values["email"], contact_of(entry))
            return self._synced(entry, ContactState())
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
            notes=consent.withdrawn(no_seen=False).stored, call=self.ctx.last_call(), follow_ups=(self._back(entry),),
        )  # fmt: skip

    def _back(self, entry: Write) -> Enqueue:
        return Enqueue(self.flow.back, entry.item.external_id)

    def _synced(self, entry: Write, notes: ContactState, action: str = "") -> Result:
        """In step now. A new state of consent travels back where the source is told of it."""
        was = consent.of(entry.link)
        state = was if notes.consent is None else notes.consent
        back = (self._back(entry),) if state != was and state in self.flow.tells_back else ()
        limited = self.flow.terms(self.ctx, entry.record).limited if entry.action == "subscribe" else ""
        return Result(
            Outcome.SYNCED, target_id=entry.values["external_id"],
            notes={**notes.stored, **self.flow.remembers(self.ctx).stored}, action=action,
            reason=NewsletterReason.OVERRIDE_LIMITED if limited else "", detail=limited,
            call=self.ctx.last_call(), follow_ups=back,
        )  # fmt: skip

    def _invalid(self, writes: Sequence[Write], invalid: Sequence[Any]) -> Results:
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


def contact_of(entry: Write) -> Contact:
    """The contact to write: standard fields, custom fields, our external id."""
    values = {key: value for key, value in entry.values.items() if key not in ("email", "external_id")}
    return Contact(
        email=entry.values["email"],
        external_id=entry.values["external_id"],
        standard_fields={key: value for key, value in values.items() if key in STANDARD},
        custom_fields={key: value for key, value in values.items() if key not in STANDARD},
    )


def _asked_by_us(contact: StoredContact) -> bool:
    return str(contact.standard_fields.get(MARK_FIELD) or "").startswith(MARK)


def _given_by(known: dict[str, StoredContact], entry: Write) -> ContactState:
    return consent.given(known[entry.values["email"].lower()].permission or consent.PERMISSION_NONE)


def _address(entry: Write) -> str:
    """The address Maileon knows: the one we last wrote."""
    written = entry.link.written.get("email") if entry.link else None
    return str(written or (entry.record.email if entry.record else ""))
