"""Flow consent → person: what became of the newsletter in Maileon is written back to the Pipedrive person.

Unsubscribed → Newsletter No, status Unsubscribed. Confirmed → status Confirmed. Asked → status Pending confirmation.
Which state counts is decided in `newsletter/from_consent.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import Result, Write, write_each
from integration.errors import NotFound
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.consent import ContactState
from integration.recipes.newsletter.from_consent import ConsentWritebackFlow, written_back
from integration.recipes.pipedrive_maileon.own_fields import LINK_TYPE, newsletter_wish, place_of_yes, write_own_fields
from integration.recipes.pipedrive_maileon.session import Session
from integration.recipes.pipedrive_maileon.settings import Settings


class ConsentToPerson(ConsentWritebackFlow[PipedriveClient, Settings]):
    """Maileon's consent → Pipedrive person."""

    key = "consent_to_person"
    label = _("Consent → person")
    target_object = "person"
    link_type = LINK_TYPE
    forward = "person_to_contact"

    def enabled(self, settings: Settings) -> bool:
        """On with the contacts: consent never travels one way only."""
        return settings["contacts_enabled"]

    def values(self, ctx: Session, state: str) -> dict[str, JSONValue]:
        """The person's custom fields for a state of consent."""
        resources = ctx.resources
        status = {
            consent.PENDING: "status_pending",
            consent.CONFIRMED: "status_confirmed",
            consent.UNSUBSCRIBED: "status_unsubscribed",
        }.get(state)
        values: dict[str, JSONValue] = {resources["status"]: resources[status] if status else None}
        if state == consent.UNSUBSCRIBED:
            values[resources["newsletter"]] = resources["newsletter_no"]
        return values

    def restored(self, ctx: Session, state: str, *, blank: bool) -> dict[str, JSONValue]:
        """Fields that were made anew: the status always, Newsletter only where nobody has filled it in since."""
        resources = ctx.resources
        values = self.values(ctx, state)
        newsletter = "newsletter_no" if state == consent.UNSUBSCRIBED else "newsletter_yes"
        values.pop(resources["newsletter"], None)
        return {**values, resources["newsletter"]: resources[newsletter]} if blank else values

    def blank_people(self, ctx: Session, ids: Sequence[str]) -> set[str]:
        """Those whose (new) Newsletter field is still empty."""
        found = ctx.left.get_persons(ids)
        return {person.id for person in found if newsletter_wish(ctx, person.custom_fields) == "unset"}

    def search(self, ctx: Session, email: str) -> list[str]:
        """People by exact address."""
        return [hit.id for hit in ctx.left.search_persons(email)]

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """One call per person: Pipedrive has no bulk update."""
        return write_each(ctx, writes, lambda write: self._patch(ctx, write))

    def _patch(self, ctx: Session, write: Write) -> Result:
        state = write.action.removeprefix("mark_")
        try:
            write_own_fields(ctx, write.item.external_id, write.values)
        except NotFound:
            return self.gone(ctx, write)
        result = written_back(self.forward, write, state)
        notes = {**result.notes, **ContactState(field=place_of_yes(ctx)).stored}
        return replace(result, notes=notes, call=ctx.last_call())
