"""LeadBoxer's leads and visits as object APIs. Nothing is ever written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from integration.connectors.leadboxer.client import PAGE_SIZE, LeadBoxerClient, seen_within
from integration.connectors.leadboxer.records import Lead
from integration.connectors.objects import (
    Access,
    Changes,
    Limits,
    ObjectApi,
    ObjectPage,
    ObjectRecord,
    Problem,
    get_each,
    page_of,
)

LeadBoxer = Access[LeadBoxerClient]
EVER = 3650  # days; a list wants to be told how far back it goes


@dataclass(frozen=True)
class Visit:
    """A session of a lead."""

    id: str
    lead_id: str
    last_event: datetime | None = None


def common_lead(access: LeadBoxer, lead: Lead) -> ObjectRecord:
    """A lead by key; what is unknown is absent at LeadBoxer."""
    values = {spec.key: lead.values.get(spec.key) for spec in access.fields}
    return ObjectRecord(lead.id, {**lead.values, **values}, lead.last_event, (lead.email,) if lead.email else ())


def read_leads(access: LeadBoxer, cursor: str | None, since: datetime | None) -> ObjectPage[Lead]:
    """The one seen last first. Time filters know days only, so the list is left where a lead is older than `since`."""
    days = EVER if since is None else (datetime.now(UTC) - since).days + 1
    page = access.client.leads_page(access.place, {"criteriaTimeFilter": seen_within(days)}, cursor, PAGE_SIZE)
    if since is None:
        return page_of(page.leads, page.next_token, page.unreadable)
    fresh = [lead for lead in page.leads if lead.last_event >= since]
    return page_of(fresh, page.next_token if len(fresh) == len(page.leads) else None, page.unreadable)


def get_leads(access: LeadBoxer, ids: Sequence[str]) -> Mapping[str, Lead | Problem]:
    return get_each(ids, lambda key: access.client.get_lead(access.place, key))


def datasets(client: LeadBoxerClient) -> Mapping[str, str]:
    """The tracked sites."""
    return {row.id: row.name for row in client.list_datasets()}


def common_visit(access: LeadBoxer, visit: Visit) -> ObjectRecord:
    at = visit.last_event
    values = {"lastEvent": at.isoformat() if at else None}
    return ObjectRecord(visit.id, values, at, references={"lead": (visit.lead_id,)})


def read_visits(access: LeadBoxer, cursor: str | None, since: datetime | None) -> ObjectPage[Visit]:
    """All visits of one lead: the place is its dataset, a slash, and its id."""
    dataset, _, lead_id = access.place.partition("/")
    found = [Visit(row.id, lead_id, row.last_event) for row in access.client.get_sessions(dataset, lead_id)]
    fresh = [row for row in found if since is None or row.last_event is None or row.last_event >= since]
    return page_of(fresh, None, {})


LEAD = ObjectApi[LeadBoxerClient, Lead](
    "lead", "Lead", common_lead,
    list=read_leads, get=get_leads, places=datasets, changes=Changes(polled_by="lastEvent"),
    limits=Limits(PAGE_SIZE, windows=("leads", "lead")),
)  # fmt: skip
VISIT = ObjectApi[LeadBoxerClient, Visit](
    "visit", "Visit", common_visit,
    list=read_visits, within="lead", changes=Changes(polled_by="lastEvent"), limits=Limits(windows=("sessions",)),
)  # fmt: skip
OBJECTS: Mapping[str, ObjectApi[LeadBoxerClient, Lead] | ObjectApi[LeadBoxerClient, Visit]] = {
    "lead": LEAD, "visit": VISIT,
}  # fmt: skip
