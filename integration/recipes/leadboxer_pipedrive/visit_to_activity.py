"""Flow visit → activity: each visit of a lead known by e-mail is one activity, linked to person, organization, deal.

A record is a visit, named `lead/session`. A visit is over ten minutes after its last event (leadboxer sheet §2), so one
still going on is left to the next run, which looks back that much further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.connectors.leadboxer.client import LeadBoxerClient
from integration.connectors.leadboxer.records import Event, Lead
from integration.connectors.leadboxer.records import Session as WebSession
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Person
from integration.engine.api import (
    Batch,
    Decision,
    Flow,
    Item,
    Page,
    Record,
    Result,
    Skip,
    Sync,
    Write,
    links,
    read_one_by_one,
    write_each,
)
from integration.errors import ContractError, NotFound, RateLimited, RecordError, TransientError
from integration.models import LinkState, Outcome, RecordLink
from integration.reasons import Reason
from integration.recipes.leadboxer_pipedrive import enrichment, finding, quiet, source, visits
from integration.recipes.leadboxer_pipedrive.reasons import LeadBoxerReason
from integration.recipes.leadboxer_pipedrive.session import Session
from integration.recipes.leadboxer_pipedrive.settings import Settings
from integration.recipes.leadboxer_pipedrive.source import LeadRecord, lead_of
from integration.recipes.leadboxer_pipedrive.state import ListPlace, VisitPlace, VisitState

KEY, LINK_TYPE, PART = "visit_to_activity", "visit", "activities"
MOST_ODD = 3  # visits of a page that may be odd
PAGE_SIZE = 20  # leads: each has its visits read, and each new visit its events
IDLE = timedelta(minutes=10)
LATE = timedelta(minutes=5)  # until an event can be read, and a little more


class VisitToActivity(Flow[LeadBoxerClient, PipedriveClient, Settings]):
    """LeadBoxer session → Pipedrive activity, once."""

    key = KEY
    label = _("Visit → activity")
    source_object = "lead"
    target_object = "activity"
    link_type = LINK_TYPE
    runs = frozenset({"poll", "fetch_all"})
    first_part = 10  # a person and an organization are looked for first
    batch_size = 10  # what is tried again is read one by one, and a limit may stop the batch after a few

    def enabled(self, settings: Settings) -> bool:
        """On with "Log activities"."""
        return bool(settings["activities_enabled"])

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """Two calls per visit: its lead, each once, and its events."""
        leads: dict[str, Lead] = {}

        def read_visit(visit: str) -> LeadRecord | None:
            lead_id, _, session_id = visit.partition("/")
            if lead_id not in leads:
                leads[lead_id] = source.read_lead(ctx, PART, lead_id)
            return _record(ctx, leads[lead_id], session_id)

        return read_one_by_one(items, read_visit, source.by_id)

    def page(self, ctx: Session, kind: str, cursor: Mapping[str, str] | None, since: datetime | None) -> Page:
        """The visits of the segment's leads that are over and not logged yet.

        Each lead costs a call and each visit another, of ten a minute. What was read when the limit is met is a page.
        """
        place, start = VisitPlace.read(cursor or {}), _start(ctx, kind, since)
        if place.leads:
            return _visits_of(ctx, {}, place, start)
        found = source.page(ctx, PART, kind, ListPlace.read(place.page or {}), start, PAGE_SIZE)
        known = {lead.id: lead for lead in found.rows if lead.email}
        place = VisitPlace(page=found.place.stored if found.place else None, leads=list(known))
        page = _visits_of(ctx, known, place, start)
        unreadable = {f"{lead_id}/": problem for lead_id, problem in found.unreadable.items()}
        return replace(page, unreadable={**unreadable, **page.unreadable})

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """Each visit once."""
        link = batch.links.get(item.external_id)
        if link is not None and link.state == LinkState.ACTIVE:
            return Skip(Reason.UNCHANGED)
        if record is None:
            return Skip(Reason.DELETED_AT_SOURCE)
        lead = lead_of(record)
        if not lead.email:
            return Skip(Reason.NO_EMAIL)
        if skip := quiet.score_low(ctx, lead):
            return skip
        if quiet.on_trial(ctx) and quiet.trial_full(ctx, LINK_TYPE, lead.id):
            return Skip(LeadBoxerReason.TRIAL_FULL)
        return Sync("log_activity", mapped=False, creating=True, extra=record.values["content"])

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Look everybody up at once, then one call per visit. What is above the cap waits."""
        made, later = quiet.within_cap(ctx, KEY, writes)
        if not made:
            return [later[id(write)] for write in writes]
        finder = finding.look_up(ctx, [lead_of(write.record) for write in made])
        done = write_each(ctx, made, lambda write: _log(finder, write))
        return [{**later, **dict(zip(map(id, made), done, strict=True))}[id(write)] for write in writes]


def _start(ctx: Session, kind: str, since: datetime | None) -> datetime:
    """From when visits count."""
    if kind == "poll" and since is not None:
        return since - IDLE - LATE
    return timezone.now() - timedelta(days=int(ctx.settings["lookback_days"]))


def _visits_of(ctx: Session, known: dict[str, Lead], place: VisitPlace, start: datetime) -> Page:
    """The next visits of these leads, as many as the limit allows. Those `known` need not be read again."""
    begun, records = place, {}
    unreadable: dict[str, str] = {}
    try:
        while place.leads:
            place, record = _next_visit(ctx, known, place, start, unreadable)
            if record is not None and record.version and start <= record.version <= timezone.now() - IDLE:
                records[record.external_id] = record
    except RateLimited:
        if place == begun:
            raise
    following = place.stored if place.leads or place.page else None
    return Page([Item(key) for key in records], records, following, unreadable)


def _next_visit(
    ctx: Session, known: dict[str, Lead], place: VisitPlace, start: datetime, unreadable: dict[str, str]
) -> tuple[VisitPlace, LeadRecord | None]:
    """One step: ask for the visits of the first lead, or read the first of them. Returns where to go on.

    What is wrong with a visit nobody can read is noted, by the visit's id; the others go on.
    """
    lead_id, *others = place.leads or ()
    session_id, *further = place.visits or ("",)
    done = replace(place, leads=others, visits=None)
    after = replace(place, visits=further) if further else done
    try:
        if lead_id not in known:
            known[lead_id] = source.read_lead(ctx, PART, lead_id)
        lead = known[lead_id]
        if place.visits is None:
            sessions = _new_sessions(ctx, lead, start)
            return (replace(place, visits=[row.id for row in sessions]) if sessions else done), None
        return after, _record(ctx, lead, session_id)
    except NotFound:
        return done, None
    except (RecordError, ContractError) as exc:
        if len(unreadable) >= MOST_ODD:
            raise  # it is not the visits: the vendor's answers are others than we know
        unreadable[f"{lead_id}/{session_id}"] = f"{exc.public} {exc.detail}".strip()
        return after, None


def _new_sessions(ctx: Session, lead: Lead, start: datetime) -> list[WebSession]:
    """The lead's visits since `start` that have no activity yet; one without a time is judged by its events."""
    found = {row.id: row for row in ctx.left.get_sessions(source.dataset_of(ctx, PART), lead.id)}
    if newest := str(lead.values.get("last_session_id") or ""):
        found.setdefault(newest, WebSession(newest, lead.last_event))  # the lead itself names it
    over = timezone.now() - IDLE
    sessions = [row for row in found.values() if row.last_event is None or start <= row.last_event <= over]
    keys = [f"{lead.id}/{row.id}" for row in sessions]
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type=LINK_TYPE, source_id__in=keys)
    logged = set(rows.filter(state=LinkState.ACTIVE).values_list("source_id", flat=True))
    return [row for row in sessions if f"{lead.id}/{row.id}" not in logged]


def _record(ctx: Session, lead: Lead, session_id: str) -> LeadRecord | None:
    """A visit with what its activity will say, its version the last event; None when it has no events any more."""
    try:
        events: list[Event] = ctx.left.get_events(source.dataset_of(ctx, PART), session_id)
    except NotFound:
        return None
    if not events:
        return None
    content = visits.content(session_id, events, ctx.settings)
    values = {"name": f"{lead.name or lead.email}: {content['subject']}", "content": content}
    return LeadRecord(f"{lead.id}/{session_id}", values, events[-1].at, lead.email, lead)


def _log(finder: finding.Finder, write: Write) -> Result:
    """Find or create whom it concerns, look if an earlier try got through, announce, create."""
    ctx, lead = finder.ctx, lead_of(write.record)
    tried_before = write.link is not None and write.link.state == LinkState.PENDING
    session = write.item.external_id.partition("/")[2]
    person, made_person, organization, made_organization = _whom(finder, lead)
    target = _earlier(ctx, write, person, visits.mark_of(session)) if tried_before else ""
    if not target:
        deal = _deal(ctx, lead, person, organization)
        write.marker = session[:80]
        links.record_intent(ctx.integration, LINK_TYPE, [write])
        target = ctx.right.create_activity(
            {
                **write.values,
                "participants": [{"person_id": int(person.id), "primary": True}],
                **({"org_id": organization} if organization else {}),
                **({"deal_id": deal} if deal else {}),
            }
        ).id
    state = VisitState(trial=lead.id if quiet.on_trial(ctx) else None)
    wishes = enrichment.wishes(ctx, lead, (organization, made_organization), (person.id, made_person))
    return Result(Outcome.SYNCED, target_id=target, notes=state.stored, call=ctx.last_call(), follow_ups=wishes)


def _whom(finder: finding.Finder, lead: Lead) -> tuple[Person, bool, str, bool]:
    """The lead's person and organization, and whether each had to be created.

    The organization is the one the person is linked to; without one, the lead's is found or created, and linked.
    """
    person = finder.find_person(lead)
    if person is not None and person.org_id:
        return person, False, person.org_id, False
    organization, made = finder.organization(lead)
    if person is None:
        return finder.create_person(lead, organization), True, organization, made
    if organization:
        linked = finder.ctx.right.update_person(person.id, {"org_id": organization})
        person = finder.people[lead.email] = replace(linked, extra=person.extra)
    return person, False, organization, made


def _deal(ctx: Session, lead: Lead, person: Person, organization: str) -> str:
    """The person's open deal, the one changed last; without one a new one, where the tenant wants that."""
    deals: dict[str, str] = ctx.cache.setdefault("open_deals", {})
    if person.id not in deals:
        deals[person.id] = "" if person.extra.get(finding.DEALS) == 0 else _open_deal(ctx, person.id)
    if not deals[person.id] and ctx.settings["create_deals"]:
        deals[person.id] = _new_deal(ctx, lead, person.id, organization)
    return deals[person.id]


def _open_deal(ctx: Session, person_id: str) -> str:
    page = ctx.right.deals_page(
        None, None, 1, person_id=person_id, status="open", sort_by="update_time", sort_direction="desc"
    )
    found = page.complete()
    return found[0].id if found else ""


def _new_deal(ctx: Session, lead: Lead, person_id: str, organization: str) -> str:
    """Needs no marker: the look for an open deal of this person, which comes first, would find it."""
    pipeline = ctx.settings["trial_pipeline" if quiet.on_trial(ctx) else "pipeline"]
    values = {"title": lead.organization or lead.name or lead.email, "person_id": person_id,
              "pipeline_id": str(pipeline)}  # fmt: skip
    try:
        made = ctx.right.create_deal({**values, **({"org_id": organization} if organization else {})})
    except TransientError:
        ctx.cache.pop("open_deals", None)
        raise
    return str(made.id)


def _earlier(ctx: Session, write: Write, person: Person, mark: str) -> str:
    """The activity an earlier try created, its answer lost: by its mark, among the person's since it was announced."""
    assert write.link is not None
    announced = ctx.connection("right").their_time(write.link.updated_at)
    return ctx.right.activities.created_earlier(announced, lambda activity: mark in activity.note, person_id=person.id)
