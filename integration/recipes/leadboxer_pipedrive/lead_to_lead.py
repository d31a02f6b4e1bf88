"""Flow lead → lead: each LeadBoxer lead of the segment becomes one Pipedrive lead, created once and updated after.

Linked to an organization, a person or both, found or created. Nothing is unique in Pipedrive and `origin_id` is not
ours to use (pipedrive sheet §17), so a custom field of deals, which leads inherit, holds the LeadBoxer id: the marker
by which a lead is looked for when the answer of its creation was lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue, json_object
from integration.connectors.leadboxer.client import LeadBoxerClient
from integration.connectors.leadboxer.records import Lead
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import Deal
from integration.connectors.pipedrive.records import Lead as PipedriveLead
from integration.engine.api import (
    Batch,
    Comparison,
    Decision,
    EventContext,
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
from integration.errors import NotFound, RecordError
from integration.models import LinkState, Outcome
from integration.reasons import Reason
from integration.recipes.leadboxer_pipedrive import enrichment, finding, quiet, source
from integration.recipes.leadboxer_pipedrive.reasons import LeadBoxerReason
from integration.recipes.leadboxer_pipedrive.session import Session
from integration.recipes.leadboxer_pipedrive.settings import Settings
from integration.recipes.leadboxer_pipedrive.source import lead_of, to_record
from integration.recipes.leadboxer_pipedrive.state import LeadState, ListPlace
from integration.secrets import email_hash

KEY, LINK_TYPE, PART = "lead_to_lead", "lead", "leads"
PAGE_SIZE = 40  # see the client
LINKING = "link_lead"  # it was created when only its organization or only its person was known
CHANGES = ("update", LINKING)
TITLE_LENGTH = 255


class LeadToLead(Flow[LeadBoxerClient, PipedriveClient, Settings]):
    """LeadBoxer lead → Pipedrive lead; during a trial → deal in the test pipeline."""

    key = KEY
    label = _("Lead → lead")
    source_object = "lead"
    target_object = "lead"
    link_type = LINK_TYPE
    runs = frozenset({"poll", "fetch_all", "reconcile"})
    first_part = 10  # a person and an organization are looked for first
    batch_size = 10  # what is tried again is read one by one, and a limit may stop the batch after a few
    mapping = ()
    comparison = Comparison("lead", clears=False)
    own_targets = frozenset({"title", "person_id", "org_id"})

    def enabled(self, settings: Settings) -> bool:
        """On with "Create leads"."""
        return bool(settings["leads_enabled"])

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """One call per lead."""
        return read_one_by_one(items, lambda lead_id: to_record(source.read_lead(ctx, PART, lead_id)), source.by_id)

    def page(self, ctx: Session, kind: str, cursor: Mapping[str, str] | None, since: datetime | None) -> Page:
        """Leads of the segment: those seen since the last poll, or all of the days the settings say."""
        found = source.page(ctx, PART, kind, ListPlace.read(cursor or {}), since, PAGE_SIZE)
        records = {lead.id: to_record(lead) for lead in found.rows}
        following = None if found.place is None else found.place.stored
        return Page([Item(key) for key in records], records, following, found.unreadable)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """A lead with a score that is high enough and somebody to link it to; two profiles of one address are one."""
        if record is None:
            return Skip(Reason.DELETED_AT_SOURCE)
        lead, link = lead_of(record), batch.links.get(item.external_id)
        state = LeadState.of(link)
        tried = bool(state.trial)
        if link is not None and link.state == LinkState.ACTIVE and not tried:
            return Sync(LINKING if _known_since(ctx, lead, state) else "update")
        if state.closed and not EventContext.read(item.hint).resync:
            return Skip(LeadBoxerReason.LEAD_CLOSED)
        refused = _refused(ctx, batch, item, lead)
        if refused is not None:
            return refused
        if not quiet.on_trial(ctx):
            return Sync("create_lead", creating=True)
        if tried:
            return Skip(Reason.UNCHANGED)
        if quiet.trial_full(ctx, LINK_TYPE, lead.id):
            return Skip(LeadBoxerReason.TRIAL_FULL)
        return Sync("create_trial_deal", creating=True)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Look everybody up at once, then one call per lead. What is above the cap waits."""
        new = [write for write in writes if write.action != "update"]
        made, later = quiet.within_cap(ctx, KEY, new)
        finder = _looked_up(ctx, [lead_of(write.record) for write in made])
        now = [write for write in writes if id(write) not in later]
        done = write_each(ctx, now, lambda write: (_update if write.action in CHANGES else _make)(finder, write))
        return [{**later, **dict(zip(map(id, now), done, strict=True))}[id(write)] for write in writes]


def _refused(ctx: Session, batch: Batch, item: Item, lead: Lead) -> Skip | None:
    """Why no lead is made of this one; None where one may be."""
    skip = quiet.score_low(ctx, lead) or _nobody(ctx, lead)
    if skip is not None:
        return skip
    if lead.email and batch.owner(email_hash(lead.email), item.external_id) != item.external_id:
        return Skip(Reason.DUPLICATE_EMAIL)
    return None


def _nobody(ctx: Session, lead: Lead) -> Skip | None:
    """Whom the settings want the lead linked to must be known."""
    wish = ctx.settings["leads_link"]
    company = bool(finding.organization_keys(lead))
    if wish == "person" or (wish == "both" and not company):
        return None if lead.email else Skip(Reason.NO_EMAIL)
    return None if company or wish == "both" else Skip(LeadBoxerReason.NO_ORGANIZATION)


def _known_since(ctx: Session, lead: Lead, state: LeadState) -> bool:
    """Whether a lead that is to be linked to both has become known as one of them after it was created."""
    person = lead.email and not state.person
    company = finding.organization_keys(lead) and not state.organization
    return ctx.settings["leads_link"] == "both" and bool(person or company)


def _looked_up(ctx: Session, leads: Sequence[Lead]) -> finding.Finder:
    wish = ctx.settings["leads_link"]
    if not leads:
        return finding.Finder(ctx)
    return finding.look_up(ctx, leads, people=wish != "organization", organizations=wish != "person")


def _make(finder: finding.Finder, write: Write) -> Result:
    """Find or create whom it is about, look if an earlier try got through, announce, create."""
    ctx, lead, wish = finder.ctx, lead_of(write.record), finder.ctx.settings["leads_link"]
    trial = write.action == "create_trial_deal"
    tried_before = write.link is not None and write.link.state == LinkState.PENDING
    organization, made_organization = finder.organization(lead) if wish != "person" else ("", False)
    person, made_person = _person(finder, lead, organization) if lead.email and wish != "organization" else ("", False)
    target = _earlier(ctx, write, trial=trial) if tried_before else ""
    if not target:
        write.marker = lead.id[:80]
        links.record_intent(ctx.integration, LINK_TYPE, [write])
        body = _body(ctx, write, title_of(lead, wish), person, organization, trial=trial)
        target = (ctx.right.create_deal(body) if trial else ctx.right.create_lead(body)).id
    wishes = enrichment.wishes(ctx, lead, (organization, made_organization), (person, made_person))
    state = LeadState(trial=lead.id if trial else "", closed=False, organization=organization, person=person)
    return Result(Outcome.SYNCED, target_id=target, notes=state.stored, call=ctx.last_call(), follow_ups=wishes)


def _person(finder: finding.Finder, lead: Lead, organization: str) -> tuple[str, bool]:
    known = finder.find_person(lead)
    return (known.id, False) if known is not None else (finder.create_person(lead, organization).id, True)


def _body(
    ctx: Session, write: Write, title: str, person: str, organization: str, *, trial: bool
) -> dict[str, JSONValue]:
    values = enrichment.nested(ctx, "lead", {key: value for key, value in write.values.items() if value is not None})
    ours = {str(ctx.resources["leadboxer_id"]): write.item.external_id}
    linked = _whom(person, organization, trial=trial)
    return {
        **values,
        "title": title,
        **{key: value for key, value in linked.items() if value},
        **({"pipeline_id": str(ctx.settings["trial_pipeline"])} if trial else {}),
        "custom_fields": {**json_object(values.get("custom_fields")), **ours},
    }


def _whom(person: str, organization: str, *, trial: bool = False) -> dict[str, str]:
    return {"person_id": person, "org_id" if trial else "organization_id": organization}


def title_of(lead: Lead, wish: str) -> str:
    """What the lead is called: the organization, the person, or both, whatever it is linked to."""
    company, person = lead.organization or lead.domain, lead.name or lead.email
    names = {"organization": (company,), "person": (person,)}.get(wish, (company, person))
    return ", ".join(name for name in names if name)[:TITLE_LENGTH]


def _earlier(ctx: Session, write: Write, *, trial: bool) -> str:
    """The id of what an earlier try created, its answer lost; by the field that holds the LeadBoxer id."""
    assert write.link is not None
    announced = ctx.connection("right").their_time(write.link.updated_at)
    key, marker = str(ctx.resources["leadboxer_id"]), write.item.external_id

    def is_ours(row: PipedriveLead | Deal) -> bool:
        return str(row.custom_fields.get(key)) == marker

    if trial:
        return ctx.right.deals.created_earlier(announced, is_ours)
    return ctx.right.leads.created_earlier(announced, is_ours)


def _update(finder: finding.Finder, write: Write) -> Result:
    """What is mapped changed, or whom it is about became known. A lead that was closed in Pipedrive stays closed."""
    assert write.link is not None
    ctx, lead, lead_id = finder.ctx, lead_of(write.record), write.link.target_id
    state = LeadState.of(write.link)
    organization, person = (state.organization or "", False), (state.person or "", False)
    linked: dict[str, str] = {}
    if write.action == LINKING:
        organization = organization if organization[0] else finder.organization(lead)
        person = _person(finder, lead, organization[0]) if lead.email and not person[0] else person
        linked = {key: value for key, value in _whom(person[0], organization[0]).items() if value}
    values = enrichment.nested(ctx, "lead", _changed(write.values, write.link.written))
    if not _is_taken(ctx, lead_id, {**values, **linked}):
        return Result(
            Outcome.SKIPPED, reason=LeadBoxerReason.LEAD_CLOSED, link_state="removed", written={},
            notes=LeadState(closed=True).stored,
        )  # fmt: skip
    wishes = enrichment.wishes(ctx, lead, organization, person)
    after = LeadState(organization=organization[0], person=person[0])
    return Result(Outcome.SYNCED, target_id=lead_id, notes=after.stored, call=ctx.last_call(), follow_ups=wishes)


def _changed(values: Mapping[str, JSONValue], before: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    return {key: value for key, value in values.items() if before.get(key) != value}


def _is_taken(ctx: Session, lead_id: str, body: Mapping[str, JSONValue]) -> bool:
    """Change the lead. False where somebody closed it in Pipedrive."""
    try:
        ctx.right.update_lead(lead_id, body)
    except NotFound:
        return False
    except RecordError:
        if _is_closed(ctx, lead_id):
            return False
        raise
    return True


def _is_closed(ctx: Session, lead_id: str) -> bool:
    """Archived leads can be read, not changed (pipedrive sheet §9)."""
    try:
        return bool(ctx.right.get_lead(lead_id).is_archived)
    except NotFound:
        return True
