"""Send events to Brevo once each. There is no key at the vendor, so each event carries a marker of ours.

The marker is committed in the link before the call and looked for at Brevo before any second try.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from config.json_value import JSONValue
from integration import retry
from integration.connectors.brevo.records import Event
from integration.engine.api import Record, Result, Write, links
from integration.models import JobState, LinkState, Outcome, RecordLink, SyncJob, membership
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import PERSON_LINK, in_import
from integration.recipes.shared.pipedrive_reasons import PipedriveReason

FEW = 5  # up to here the call with ten per second, above it batches from the hundred per hour
KEY = "lockstep_id"  # the property that holds the marker


@dataclass(frozen=True)
class OutgoingEvent:
    """One event to send for a write; `name` is the tenant's, empty for none. `key` stays the same over all tries."""

    name: str
    key: str
    properties: Mapping[str, JSONValue]
    at: datetime | None = None


@dataclass(frozen=True)
class ContactRecord(Record):
    """A record that brings the link of the contact it is about."""

    contact: RecordLink | None = None


def contact_of(record: Record | None) -> RecordLink | None:
    """The link of the contact that a record is about. None while there is no contact."""
    return record.contact if isinstance(record, ContactRecord) else None


def arrived(write: Write) -> RecordLink:
    """The link of the contact that a write is about, which `contact_first` saw in Brevo."""
    contact = contact_of(write.record)
    assert contact is not None
    return contact


def person_links(ctx: Session, ids: Sequence[str]) -> dict[str, RecordLink]:
    """Person id → its link to a contact, for those who have one or are being imported."""
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type=PERSON_LINK)
    found = membership.among(rows.exclude(state=LinkState.REMOVED), "source_id", ids)
    return {link.source_id: link for link in found if link.state == LinkState.ACTIVE or in_import(link)}


def contact_first(ctx: Session, person_id: str, link: RecordLink | None) -> Result | None:
    """Let the contact arrive first: an event of somebody unknown would be dropped without a word."""
    if link is not None and not in_import(link):
        return None
    jobs = SyncJob.objects.filter(integration=ctx.integration, flow="person_to_contact", external_id=person_id)
    waits = link is not None or jobs.filter(state__in=(JobState.WAITING, JobState.RUNNING)).exists()
    if waits:
        pause = retry.next_delay(retry.CONTACT_QUEUED)
        return Result(Outcome.RETRYING, reason=Reason.PERSON_QUEUED, retry_after=pause, link_state=None)
    return Result(Outcome.SKIPPED, reason=PipedriveReason.CONTACT_MISSING, link_state=None)


def send_arrived(
    ctx: Session,
    link_type: str,
    writes: Sequence[Write],
    person_of: Callable[[Write], str],
    wishes: Callable[[Write], Sequence[OutgoingEvent]],
) -> list[Result]:
    """Send the events of those whose contact is in Brevo, in one go; one result per write, in order."""
    results: dict[int, Result] = {}
    ready: list[Write] = []
    for write in writes:
        early = contact_first(ctx, person_of(write), contact_of(write.record))
        if early is None:
            ready.append(write)
        else:
            results[id(write)] = early
    if ready:
        results |= send_all(ctx, link_type, ready, wishes)
    return [results[id(write)] for write in writes]


def send_all(
    ctx: Session, link_type: str, writes: Sequence[Write], wishes: Callable[[Write], Sequence[OutgoingEvent]]
) -> dict[int, Result]:
    """Send the events of these writes, whose contacts have arrived. One result per write, by its `id`."""
    missing = {id(write): _not_sent_yet(ctx, write, list(wishes(write)), arrived(write)) for write in writes}
    for write in writes:
        write.marker = links.content_hash({"keys": [wish.key for wish in wishes(write)]})
    links.record_intent(ctx.integration, link_type, [write for write in writes if missing[id(write)]])
    pairs = [(write, wish) for write in writes for wish in missing[id(write)]]
    ctx.keep_lease(now=True)
    said = _send(ctx, [_event(wish, arrived(write)) for write, wish in pairs])
    refused: dict[int, list[str]] = {}
    for (write, _), words in zip(pairs, said, strict=True):
        refused.setdefault(id(write), []).extend([words] if words else [])
    return {id(write): _result(ctx, write, refused.get(id(write), [])) for write in writes}


def _not_sent_yet(ctx: Session, write: Write, wishes: list[OutgoingEvent], link: RecordLink) -> list[OutgoingEvent]:
    """Of a try whose answer was lost, those events that did not arrive."""
    wanted = [wish for wish in wishes if wish.name]
    if write.link is None or write.link.state != LinkState.PENDING:
        return wanted
    return [wish for wish in wanted if not ctx.right.has_event(wish.name, KEY, wish.key, link.target_id)]


def _event(wish: OutgoingEvent, link: RecordLink) -> Event:
    properties = {**wish.properties, KEY: wish.key}
    return Event(wish.name, properties, link.target_id, str(link.written.get("email") or ""), wish.at)


def _send(ctx: Session, events: Sequence[Event]) -> list[str]:
    if len(events) > FEW:
        return list(ctx.right.send_events(events))
    for event in events:
        ctx.right.send_event(event)
    return [""] * len(events)


def _result(ctx: Session, write: Write, refused: Sequence[str]) -> Result:
    if refused:
        return Result(
            Outcome.FAILED, reason=Reason.RECORD_REFUSED, detail="; ".join(refused), link_state="removed", written={}
        )
    return Result(Outcome.SYNCED, target_id=write.marker, call=ctx.last_call())
