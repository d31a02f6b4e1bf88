"""People whose address changed, and addresses that nobody has any more.

A contact's permission is that of its address. So whoever comes to an address that is a contact already goes on with
that contact, and what they leave behind is deleted, not unsubscribed: nobody opted out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Generic

from integration.connectors.maileon.records import StoredContact
from integration.engine.api import Enqueue, Result, Write, consent_rules, identity_index, links
from integration.errors import NotFound
from integration.models import Outcome
from integration.recipes.newsletter import consent, standing
from integration.recipes.newsletter.consent import ContactState
from integration.recipes.newsletter.contacts import address_of, contact_of
from integration.recipes.newsletter.session import L, S
from integration.secrets import email_hash

if TYPE_CHECKING:
    from integration.recipes.newsletter.subscription import ContactWriter

# What a state of consent is worth at another address where the contact itself could not move. Never more than it was.
CARRIED = {consent.CONFIRMED: consent.PERMISSION_DOUBLE, consent.SUBSCRIBED: consent.PERMISSION_SINGLE}


class AddressMoves(Generic[L, S]):
    """The changes of address of one batch."""

    def __init__(self, writer: ContactWriter[L, S], writes: Sequence[Write]) -> None:
        self.writer, self.ctx, self.flow = writer, writer.ctx, writer.flow
        coming = [entry for entry in writes if entry.values.get("email")]
        self.arriving = {str(entry.values["email"]).lower(): entry.item.external_id for entry in coming}
        self.taken: set[str] = set()  # addresses whose contact somebody else of this batch went on with

    def change(self, entry: Write) -> Result:
        """The primary address changed: go on with the contact at the new one, ask anew, or move the old contact."""
        old = address_of(entry)
        by_mail = self.flow.terms(self.ctx, entry.record).by_mail
        if by_mail and (self.ctx.settings["on_email_change"] == "ask_again"):
            result = self.writer.asked([entry])[id(entry)]
        else:
            result = self._moved(entry, old, by_mail=by_mail)
        if result.link_state is None:
            return result
        self.taken.add(str(entry.values["email"]).lower())
        self._release(entry, old)
        return replace(result, follow_ups=(*result.follow_ups, *self.next_in_line(entry, old)))

    def let_go(self, entry: Write) -> Result:
        """The person has no address any more that could be written to: the old one gets no more mail either."""
        old = address_of(entry)
        self._release(entry, old)
        again = Enqueue(self.flow.key, entry.item.external_id)  # which says what stands in the way of the new one
        return Result(
            Outcome.SYNCED, link_state="removed", written={},
            notes=ContactState(consent=consent.NONE, no_seen=False).stored, call=self.ctx.last_call(),
            follow_ups=(self.writer.back(entry), again, *self.next_in_line(entry, old)),
        )  # fmt: skip

    def next_in_line(self, entry: Write, address: str) -> tuple[Enqueue, ...]:
        """The others who have this address: they were passed over as long as it was taken."""
        return tuple(Enqueue(self.flow.key, key) for key in self._living(entry, address))

    def _moved(self, entry: Write, old: str, *, by_mail: bool) -> Result:
        new = str(entry.values["email"])
        found = standing.look(self.ctx, new)
        if refused := self.writer.refused(entry, found, by_confirmation=False):
            return refused
        if (state := standing.state_of(found)) is not None:
            return self.writer.refreshed(entry, state, action=entry.action)
        if found is None and not self._is_taken(entry, old):
            return self._rename(entry, old)
        if consent.of(entry.link) == consent.PENDING and by_mail:
            return self.writer.asked([entry])[id(entry)]
        return self._carried_over(entry, found)

    def _rename(self, entry: Write, old: str) -> Result:
        """Change the contact's address. Where a reader changed it before us, it is known by our external id."""
        contact = contact_of(entry)
        try:
            self.ctx.right.update_contact(old, contact)
        except NotFound:
            if not self.ctx.right.find_contacts_by_external_id(contact.external_id):
                return self.writer.missing(entry)
            self.ctx.right.update_contact_by_external_id(contact.external_id, contact)
        consent_rules.asked_since_removal(self.ctx.integration.right, [contact.email])
        return self.writer.synced(entry, ContactState())

    def _carried_over(self, entry: Write, found: StoredContact | None) -> Result:
        """The old contact is somebody else's now, or there is one without a permission: give what the person had."""
        terms = self.flow.terms(self.ctx, entry.record)
        permission = CARRIED.get(consent.of(entry.link), terms.permission)
        self.ctx.right.create_contact(contact_of(entry), permission=permission)
        return self.writer.synced(entry, consent.given(permission))

    def _release(self, entry: Write, old: str) -> None:
        """Delete the contact at an address its person has left, unless somebody else goes on with it."""
        if old and old.lower() != str(entry.values.get("email", "")).lower() and not self._goes_on(entry, old):
            self.ctx.right.delete_contact(old)

    def _goes_on(self, entry: Write, old: str) -> bool:
        """Whether another person in step has this address now, by the source or by a link."""
        if self.arriving.get(old.lower(), entry.item.external_id) != entry.item.external_id:
            return True
        living = links.of_records(self.ctx.integration, self.flow.link_type, self._living(entry, old))
        return self._is_taken(entry, old) or any(map(consent.in_step, living.values()))

    def _is_taken(self, entry: Write, address: str) -> bool:
        """Whether the contact at this address is another person's by now."""
        rows = links.of_addresses(self.ctx.integration, self.flow.link_type, [email_hash(address)])
        others = rows.exclude(source_id=entry.item.external_id)
        return address.lower() in self.taken or any(map(consent.in_step, others))

    def _living(self, entry: Write, address: str) -> list[str]:
        source = self.ctx.integration.left
        found = identity_index.owners(source, self.flow.link_type, email_hash(address))
        return sorted(found.keys() - {entry.item.external_id})


def leaving_first(writes: Sequence[Write]) -> list[Write]:
    """Changes of address in an order in which whoever leaves an address goes before whoever comes to it.

    Those who change places in a circle come last.
    """
    waiting, ordered = list(writes), list[Write]()
    while waiting:
        left = {address_of(entry).lower(): entry for entry in waiting}
        free = [entry for entry in waiting if left.get(_new(entry), entry) is entry]
        ordered += free or waiting
        waiting = [entry for entry in waiting if entry not in free] if free else []
    return ordered


def _new(entry: Write) -> str:
    return str(entry.values.get("email", "")).lower()
