"""Flow deal → contact event: `pipedrive_deal_added`, `_updated`, `_deleted` with the seed's eleven fields.

A transaction cannot be repeated without being doubled, so each carries a marker as its `transaction_id`: it is
committed in the link before the call, and looked up before any second try.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from integration import retry
from integration.addresses import normalise
from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.reasons import MaileonReason
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Deal, Person, record_values
from integration.engine.api import (
    Batch,
    Decision,
    EventContext,
    Flow,
    Item,
    Page,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    Write,
    conversions,
    limits,
    links,
)
from integration.models import JobState, LinkState, Outcome, RecordLink, SyncJob, WebhookEvent
from integration.reasons import Reason, stored_reason
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.pipedrive_maileon.event_types import ensure_type, send
from integration.recipes.pipedrive_maileon.own_fields import LINK_TYPE, newsletter_wish
from integration.recipes.pipedrive_maileon.session import Session
from integration.recipes.pipedrive_maileon.settings import Settings
from integration.recipes.shared import pipedrive_people as people
from integration.recipes.shared.pipedrive_deals import deleted_deals
from integration.recipes.shared.pipedrive_reasons import PipedriveReason

PAGE_SIZE = 500
FRESH = timedelta(minutes=10)  # an event of a deal changed within this time has not been sent by anybody before
Values = Mapping[str, JSONValue]  # of a record, by the names Pipedrive gives them
# Values a later event is compared by; the moment itself is not a change.
IGNORED_IN_COMPARISON = frozenset({"timestamp"})


@dataclass(frozen=True, kw_only=True)
class DealContext(EventContext):
    """What only the events knew of a deal."""

    last: Mapping[str, JSONValue] | None = None  # of a deleted deal: its last values


class DealToEvent(Flow[PipedriveClient, MaileonClient, Settings]):
    """Pipedrive deal → Maileon contact event."""

    key = "deal_to_event"
    label = _("Deal → contact event")
    source_object = "deal"
    target_object = "event"
    link_type = "deal"
    events = frozenset({"deal.create", "deal.change", "deal.delete"})
    runs = frozenset({"poll", "reconcile"})
    batch_size = 500

    def enabled(self, settings: Settings) -> bool:
        """On with "Enable Pipedrive deals sync"."""
        return bool(settings["deals_enabled"])

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The deal the event is about. A deleted deal's last values are only in its event: remember them."""
        if event.vendor_event != "deal.delete":
            return [Route(event.external_id)]
        merged_into = event.payload.get("merged_into") or None
        last = None if merged_into else event.payload.get("previous") or {}
        return [Route(event.external_id, DealContext(deleted=True, merged_into=merged_into, last=last).stored)]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred deals per call, and the people they belong to."""
        return self._records(ctx, ctx.left.get_deals([item.external_id for item in items]))

    def page(self, ctx: Session, kind: str, cursor: str | None, since: datetime | None) -> Page:
        """Deals changed since the last poll, for what a webhook missed; reconcile finds those that are gone."""
        if kind == "reconcile":
            return deleted_deals(ctx, self.link_type, cursor)
        page = ctx.left.deals_page(cursor, since=since, limit=PAGE_SIZE)
        records = self._records(ctx, page.records)
        return Page([Item(key) for key in records], records, page.next_cursor, page.unreadable)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Which of the three events this is, derived from what was sent before and not from the order of arrival."""
        link = batch.links.get(item.external_id)
        if record is None:
            return self._gone(ctx, item, link)
        content = record.values["content"]
        if not record.values["person_id"]:
            return Skip(PipedriveReason.DEAL_WITHOUT_PERSON)
        if not record.email:
            return Skip(Reason.NO_EMAIL)
        if link is not None and link.state == LinkState.ACTIVE:
            if comparable(link.written) == comparable(content):
                return Skip(Reason.UNCHANGED)
            return Sync("deal_updated", mapped=False, extra=content)
        if link is not None and link.state == LinkState.PENDING and link.marker:
            return Sync(_kind_of(link.marker), mapped=False, extra=content)
        added = record.values["add_time"] and _is_new(ctx, record.values["add_time"])
        return Sync("deal_added" if added else "deal_updated", mapped=False, extra=content)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Look up what a lost answer may have left, announce the rest, send it in one call."""
        early = {id(write): result for write in writes if (result := person_first(ctx, write)) is not None}
        ready = [write for write in writes if id(write) not in early]
        return [{**early, **self._send(ctx, ready)}[id(write)] for write in writes]

    def _send(self, ctx: Session, writes: Sequence[Write]) -> dict[int, Result]:
        for action in {write.action for write in writes}:
            ensure_type(ctx, f"pipedrive_{action}")
        found = [write for write in writes if _already_sent(ctx, write)]
        fresh = [write for write in writes if write not in found]
        links.record_intent(ctx.integration, self.link_type, fresh)
        ctx.keep_lease(now=True)
        results = {id(write): _sent(ctx, write, detail="found") for write in found}
        results.update(send(ctx, fresh, _sent))
        return results

    def _gone(self, ctx: Session, item: Item, link: RecordLink | None) -> Decision:
        known = DealContext.read(item.hint)
        if known.merged_into:
            return Skip(Reason.MERGED)
        if link is not None and link.state == LinkState.REMOVED:
            return Skip(Reason.UNCHANGED)
        if not known.deleted:
            return Skip(Reason.NOT_VISIBLE)
        last = dict(link.written) if link is not None and link.written else {}
        if not last and known.last:
            last = self._last_known(ctx, known.last)
        if not last.get("email"):
            return Skip(Reason.DELETED_AT_SOURCE)
        return Sync(
            "deal_deleted", mapped=False, extra={**last, "status": "deleted", "timestamp": stamp(datetime.now(UTC))}
        )

    def _last_known(self, ctx: Session, values: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
        """A deal that was never sent, from its delete event. Its person is known by its link or not at all."""
        person = RecordLink.objects.filter(
            integration=ctx.integration, link_type=LINK_TYPE, source_id=str(values.get("person_id") or "")
        ).first()
        if person is None or not person.written.get("email"):
            return {}
        return {**event_content(values, {}, {}, {}), "email": person.written["email"]}

    def _records(self, ctx: Session, deals: Sequence[Deal]) -> dict[str, Record]:
        persons = {row.id: row for row in ctx.left.get_persons({deal.person_id for deal in deals if deal.person_id})}
        waiting = people_on_their_way(ctx, list(persons.values()))
        organizations = people.organization_names(ctx, {deal.org_id for deal in deals if deal.org_id})
        owners = people.users(ctx, {deal.owner_id for deal in deals if deal.owner_id})
        records = {}
        for deal in deals:
            if deal.is_deleted:
                continue
            person = persons.get(deal.person_id)
            email = normalise(person.primary_email) if person else ""
            values = record_values(deal)
            content = event_content(
                values,
                {"name": person.name} if person else {},
                {"name": organizations.get(deal.org_id)},
                owners.get(deal.owner_id, {}),
            )
            records[deal.id] = Record(
                deal.id,
                {
                    "content": {**content, "email": email},
                    "person_id": deal.person_id,
                    "person_waits": waiting.get(deal.person_id, ""),
                    "person_said_no": _said_no(ctx, person),
                    "add_time": deal.add_time,
                    "name": deal.title,
                },
                version=deal.update_time,
                email=email,
            )
        return records


def _said_no(ctx: Session, person: Person | None) -> bool:
    return person is not None and newsletter_wish(ctx, person.custom_fields) == "no"


def people_on_their_way(ctx: Session, persons: Sequence[Person]) -> dict[str, str]:
    """People about to be contacts: "queued" with a job of their own, "announced" by a Yes without a link."""
    wanted = {person.id for person in persons if newsletter_wish(ctx, person.custom_fields) == "yes"}
    mine = {"integration": ctx.integration}
    linked = RecordLink.objects.filter(**mine, link_type=LINK_TYPE, source_id__in=wanted)
    settled = set(linked.exclude(state=LinkState.PENDING).values_list("source_id", flat=True))
    jobs = SyncJob.objects.filter(**mine, flow="person_to_contact", external_id__in=wanted - settled)
    states = {key: (state, reason) for key, state, reason in jobs.values_list("external_id", "state", "reason")}
    return {person_id: way for person_id in wanted - settled if (way := _way(*states.get(person_id, ("", ""))))}


def _way(state: str, reason: str) -> str:
    """How a person with this job is on the way: queued, announced (no job yet), held:<why>, or not at all."""
    if state == JobState.HELD:
        return f"held:{reason}"
    if state in (JobState.WAITING, JobState.RUNNING):
        return "queued"
    return "" if state else "announced"


def person_first(ctx: Session, write: Write) -> Result | None:
    """Let the person arrive before its deal: an event of a missing contact would be lost."""
    waits = write.record.values["person_waits"] if write.record and ctx.settings["contacts_enabled"] else ""
    reason = stored_reason(waits.removeprefix("held:"), MaileonReason, NewsletterReason) if "held:" in waits else None
    if reason in limits.REASONS.values():
        reason = Reason.PERSON_HELD  # who decides is asked about people: deals that wait for them are not counted
    if reason is not None:
        return Result(Outcome.HELD, reason=reason, link_state=None)
    if waits == "queued":
        return Result(Outcome.RETRYING, reason=Reason.PERSON_QUEUED, retry_after=_queued_pause(write), link_state=None)
    if waits == "announced" and not retry.PERSON_ANNOUNCED.used_up(write.item.attempts):
        pause = retry.next_delay(retry.PERSON_ANNOUNCED)
        return Result(Outcome.RETRYING, reason=NewsletterReason.PERSON_ANNOUNCED, retry_after=pause, link_state=None)
    return None


def _queued_pause(write: Write) -> float:
    """Look again by the deal's age: soon for a new deal, rarely behind a long import."""
    version = write.record.version if write.record else None
    age = (datetime.now(UTC) - version).total_seconds() if version else 0.0
    return retry.next_delay(retry.PERSON_QUEUED, age=age)


def event_content(deal: Values, person: Values, organization: Values, owner: Values) -> dict[str, JSONValue]:
    """The seed's eleven fields. `value` is a whole number as the seed has it; `value_decimal` keeps the cents."""
    value = deal.get("value")
    amount = float(value) if isinstance(value, int | float | str) and value != "" else None
    return {
        "deal_id": int(str(deal["id"])),
        "title": deal.get("title"),
        "value": int(conversions.rounded(amount)) if amount is not None else None,
        "value_decimal": amount,
        "currency": deal.get("currency"),
        "status": deal.get("status"),
        "person_name": person.get("name"),
        "org_name": organization.get("name"),
        "owner_name": owner.get("name"),
        "cc_email": deal.get("smart_bcc_email") or deal.get("cc_email"),
        "expected_close_date": deal.get("expected_close_date"),
        "timestamp": stamp(_moment(deal.get("update_time") or deal.get("add_time"))),
    }


def stamp(moment: datetime) -> str:
    """A time as Maileon's type `timestamp` wants it, in UTC (maileon sheet §5.1)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def comparable(content: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """What makes two versions of a deal different."""
    return {key: value for key, value in content.items() if key not in IGNORED_IN_COMPARISON}


def marker(write: Write) -> str:
    """The transaction id of one event: the same for the same event of the same version of the deal."""
    content = {
        key: value for key, value in write.values.items() if key != "timestamp" or write.action != "deal_deleted"
    }
    return f"{write.action}-{write.item.external_id}-{links.content_hash(content)[:16]}"


def _kind_of(marked: str) -> str:
    return marked.split("-", 1)[0]


def _is_new(ctx: Session, added: datetime) -> bool:
    since = ctx.connection("left").their_time(ctx.integration.activated_at or ctx.integration.created_at)
    return added >= since.replace(microsecond=0)


def _moment(value: JSONValue | datetime) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(str(value).replace("Z", "+00:00")) if value else datetime.now(UTC)


def _already_sent(ctx: Session, write: Write) -> bool:
    """Give the write its marker, and say whether Maileon already has that very event from a try whose answer was lost.

    If it has an older version of the deal instead, this one goes out as an update.
    """
    write.marker = marker(write)
    if write.link is None:
        return _sent_before_a_restore(ctx, write)
    if write.link.state != LinkState.PENDING or not write.link.marker:
        return False
    announced = write.link.marker
    if ctx.right.get_transaction(f"pipedrive_{_kind_of(announced)}", announced) is None:
        return False
    if announced == write.marker:
        return True
    if write.action == "deal_added":
        write.action = "deal_updated"
        write.marker = marker(write)
        ensure_type(ctx, f"pipedrive_{write.action}")
    return False


def _sent_before_a_restore(ctx: Session, write: Write) -> bool:
    """A deal without link whose last change is old may have been sent before the database was restored: ask."""
    version = write.record.version if write.record else None
    if version is None or version > datetime.now(UTC) - FRESH:
        return False
    for action in ("deal_added", "deal_updated"):
        candidate = marker(replace(write, action=action))
        if ctx.right.get_transaction(f"pipedrive_{action}", candidate) is not None:
            write.action, write.marker = action, candidate
            return True
    return False


def _sent(ctx: Session, write: Write, detail: str = "") -> Result:
    return Result(
        Outcome.SYNCED,
        target_id=write.marker,
        detail=detail,
        link_state="removed" if write.action == "deal_deleted" else "active",
        call=ctx.last_call(),
    )
