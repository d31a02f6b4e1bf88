"""Flow consent → HubSpot contact: what became of the newsletter in Maileon is shown on the contact.

Unsubscribed → “Subscribe to Maileon Newsletter” is No; both → lifecycle stage by its rule, and an entry on the
timeline. Which state counts is decided in `newsletter/from_consent.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from integration.connectors.hubspot import timeline
from integration.connectors.hubspot.client import HubSpotClient
from integration.engine.api import Batch, Decision, Item, Record, Result, Skip, Sync, Write, links, write_each
from integration.models import Outcome
from integration.reasons import Reason
from integration.recipes.hubspot_maileon import stages
from integration.recipes.hubspot_maileon.properties import LINK_TYPE, NO, SUBSCRIBE
from integration.recipes.hubspot_maileon.session import Session
from integration.recipes.hubspot_maileon.settings import Settings
from integration.recipes.hubspot_maileon.stages import Plan
from integration.recipes.hubspot_maileon.state import ENTRY, HubSpotState
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.context import ConsentContext
from integration.recipes.newsletter.from_consent import (
    CONFIRMATION,
    UNSUBSCRIPTION,
    ConsentWritebackFlow,
    written_back,
)

TITLES = {
    consent.CONFIRMED: ("maileon_confirmed", "Confirmed the opt-in mail of Maileon"),
    consent.UNSUBSCRIBED: ("maileon_unsubscribed", "Unsubscribed from the Maileon newsletter"),
}
EVENTS = {consent.CONFIRMED: CONFIRMATION, consent.UNSUBSCRIBED: UNSUBSCRIPTION}
REPAIR = "repair_stage"


class ConsentToContact(ConsentWritebackFlow[HubSpotClient, Settings]):
    """Maileon's consent → HubSpot contact."""

    key = "consent_to_contact"
    label = _("Consent → HubSpot contact")
    target_object = "contact"
    link_type = LINK_TYPE
    forward = "contact_to_contact"
    batch_size = 100  # of HubSpot's batch calls

    def values(self, ctx: Session, state: str) -> dict[str, JSONValue]:
        """An opt-out is shown by the property; a confirmation on the timeline only."""
        return {SUBSCRIBE: NO} if state == consent.UNSUBSCRIBED else {}

    def restored(self, ctx: Session, state: str, *, blank: bool) -> dict[str, JSONValue]:
        """A property that was made anew: the opt-out comes back where nobody has said anything since."""
        return self.values(ctx, state) if blank else {}

    def blank_people(self, ctx: Session, ids: Sequence[str]) -> set[str]:
        """Those whose (new) property is still empty."""
        return {row.id for row in ctx.left.get_contacts(ids, [SUBSCRIBE]) if not row.properties.get(SUBSCRIBE)}

    def search(self, ctx: Session, email: str) -> list[str]:
        """The contact whose address this is, their own one or one beside it."""
        found = ctx.left.find_contacts([email], ("email", "hs_additional_emails"))
        return [contact.id for contact in found if email.lower() in map(str.lower, contact.emails)]

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """As everywhere; and what there is nothing to show of is skipped, but for a stage that has to be repaired."""
        decision = super().decide(ctx, batch, item, record)
        link = batch.links.get(item.external_id)
        if isinstance(decision, Sync) and decision.action.removeprefix("mark_") in TITLES:
            return decision
        if HubSpotState.of(link).stage_move:
            return Sync(REPAIR, mapped=False)
        return decision if isinstance(decision, Skip) else Skip(Reason.ECHO)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Properties and stages in batches, then the timeline one by one."""
        plans = {id(entry): _plan(ctx, entry) for entry in writes}
        stages.carry_out(ctx, list(plans.values()))
        return write_each(ctx, writes, lambda entry: _told(ctx, plans[id(entry)]))


def _plan(ctx: Session, entry: Write) -> Plan:
    """Stage and timeline belong to a change of consent; values that are only written again do not repeat them."""
    state = _state(entry)
    rule = stages.rule_for(ctx.settings, state) if _is_news(entry) else None
    return Plan(entry, dict(entry.values), rule, contact_id=entry.item.external_id)


def _told(ctx: Session, plan: Plan) -> Result:
    entry = plan.entry
    if plan.gone:
        gone = HubSpotState(contact_gone=True).stored
        return Result(
            Outcome.SKIPPED, reason=Reason.DELETED_AT_SOURCE, link_state=None, notes=gone, call=ctx.last_call()
        )
    if entry.action == REPAIR:
        notes = HubSpotState(stage_repaired_at=timezone.now().isoformat()).stored
        return Result(
            Outcome.SYNCED, reason=plan.reason, detail=plan.said, link_state=None, notes=notes, call=ctx.last_call()
        )
    state = _state(entry)
    if _is_news(entry):
        _add_to_timeline(ctx, entry, plan.contact_id, state)
    return replace(
        written_back(ConsentToContact.forward, entry, state), reason=plan.reason, detail=plan.said, call=ctx.last_call()
    )


def _add_to_timeline(ctx: Session, entry: Write, contact_id: str, state: str) -> None:
    """Announce the entry in the link, then send it: a second try recognises the first."""
    announced = HubSpotState.of(entry.link).timeline_entry or {}
    again = announced.get("state") == state
    key = announced["key"] if again else uuid.uuid4().hex[:20]
    if not again:
        announcement = HubSpotState(timeline_entry={"state": state, "key": key})
        links.save_state_before_call(ctx.integration, LINK_TYPE, [(entry, announcement.stored)])
    kind, title = TITLES[state]
    known = ConsentContext.read(entry.item.hint)
    opted_out = EVENTS[state] == UNSUBSCRIPTION
    at = known.unsubscription if opted_out else known.doi
    said = known.unsubscription_facts if opted_out else known.doi_facts
    facts = {str(name): str(value) for name, value in (said or {}).items()}
    told = timeline.Entry(kind, key, _moment(at), title, facts)
    timeline.of(ctx.left).add(contact_id, told, again=again)
    assert entry.link is not None
    entry.link.notes.pop(ENTRY, None)


def _moment(received_at: str | None) -> datetime:
    """When we heard of it: the vendor's own times have no zone."""
    return datetime.fromisoformat(received_at) if received_at else timezone.now()


def _state(entry: Write) -> str:
    return entry.action.removeprefix("mark_")


def _is_news(entry: Write) -> bool:
    return entry.link is None or HubSpotState.of(entry.link).reported != _state(entry)
