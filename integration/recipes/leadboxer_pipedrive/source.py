"""The leads of a part's segment, as LeadBoxer lists them: criteria, pages newest first, and what the pickers offer.

There is no parameter for a segment and no time finer than a day (leadboxer sheet §3). So a segment's stored criteria
are sent along, and a poll stops where a lead is older than it has to look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from django.utils import timezone

from integration.connectors.leadboxer.client import seen_within
from integration.connectors.leadboxer.records import Dataset, Lead
from integration.engine.api import Record, setting
from integration.errors import TenantActionError
from integration.recipes.leadboxer_pipedrive import listing
from integration.recipes.leadboxer_pipedrive.reasons import LeadBoxerReason
from integration.recipes.leadboxer_pipedrive.session import Session
from integration.recipes.leadboxer_pipedrive.state import ListPlace

KIND_LENGTH = 60  # of a directory's name
TIME, SCORE, FIELD = "criteriaTimeFilter", "criteriaLeadscoreFilter", "criteriaFieldFilter"


class Segment(TypedDict):
    """A segment as the list of references keeps it."""

    name: str
    criteria: dict[str, str]


def page(ctx: Session, part: str, kind: str, place: ListPlace, since: datetime | None, limit: int) -> listing.Leads:
    """The next leads of a part's segment. `part` is leads or activities; a poll ends with those seen before `since`."""
    look_back = since if kind == "poll" and since is not None else None
    return listing.page(ctx, dataset_of(ctx, part), _criteria(ctx, part, look_back), place, look_back, limit)


@dataclass(frozen=True)
class LeadRecord(Record):
    """A record that brings the lead it comes from."""

    lead: Lead | None = None


def to_record(lead: Lead) -> LeadRecord:
    """A lead as the mapping reads it."""
    values = {"name": lead.name or lead.organization or lead.email, **lead.values}
    return LeadRecord(lead.id, values, lead.last_event, lead.email, lead)


def read_lead(ctx: Session, part: str, lead_id: str) -> Lead:
    """One lead: LeadBoxer has no list by ids. Raises NotFound."""
    lead: Lead = ctx.left.get_lead(dataset_of(ctx, part), lead_id)
    return lead


def by_id(records: Sequence[Record]) -> dict[str, Record]:
    """Records by their ids."""
    return {record.external_id: record for record in records}


def lead_of(record: Record | None) -> Lead:
    """The lead behind a record."""
    assert isinstance(record, LeadRecord)
    assert record.lead is not None
    return record.lead


def dataset_of(ctx: Session, part: str) -> str:
    """The dataset a part works on. Raises TenantActionError where none is chosen."""
    chosen = str(setting(ctx.settings, f"{part}_dataset") or "")
    if not chosen:
        raise TenantActionError("No dataset is chosen.", reason=LeadBoxerReason.SEGMENT_MISSING)
    return chosen


def segment_of(ctx: Session, part: str, *, fresh: bool = False) -> tuple[str, Mapping[str, str]]:
    """Name and criteria of a part's segment, read once an hour. Raises TenantActionError when it is gone."""
    dataset, chosen = dataset_of(ctx, part), str(setting(ctx.settings, f"{part}_segment") or "")

    def fetch() -> dict[str, Segment]:
        known = [row for row in ctx.left.list_datasets() if row.id == dataset]
        segments = [segment for row in known for segment in ctx.left.list_segments(row)]
        return {f"{dataset}:{row.id}": {"name": row.name, "criteria": dict(row.criteria)} for row in segments}

    entry = ctx.reference_list("left", f"segments:{dataset}"[:KIND_LENGTH], fetch, fresh=fresh).get(chosen)
    if entry is None:
        raise TenantActionError(
            "The chosen segment no longer exists in LeadBoxer.", reason=LeadBoxerReason.SEGMENT_MISSING
        )
    return entry["name"], entry["criteria"]


def dataset_choices(ctx: Session) -> list[tuple[str, str]]:
    """The datasets as a picker shows them, read afresh: somebody may just have made one."""
    datasets: list[Dataset] = ctx.left.list_datasets()
    return [(row.id, row.name) for row in datasets]


def segment_choices(ctx: Session) -> list[tuple[str, str]]:
    """The segments of all datasets as a picker shows them, each with its dataset."""
    return [
        (f"{dataset.id}:{row.id}", f"{dataset.name}: {row.name}")
        for dataset in ctx.left.list_datasets()
        for row in ctx.left.list_segments(dataset)
    ]


def field_choices(ctx: Session) -> list[tuple[str, str]]:
    """What a lead may carry, by label; the customer's own properties too."""
    found = ctx.fields("left", "lead").values()
    return sorted(((spec.key, spec.label) for spec in found), key=lambda pair: pair[1].lower())


def _criteria(ctx: Session, part: str, since: datetime | None) -> dict[str, str]:
    """The segment's criteria, those of the part, and a time where the segment sets none."""
    _, criteria = segment_of(ctx, part)
    wanted = dict(criteria)
    days = int(ctx.settings["lookback_days"]) if since is None else (timezone.now() - since).days + 1
    wanted.setdefault(TIME, seen_within(days))
    if part == "activities":
        wanted.setdefault(FIELD, "hasanyvalue|email")
    least = int(ctx.settings["min_score"])
    if least > 1:  # whether the minimum itself is included, two texts of the vendor tell differently: ask for one less
        known = wanted.get(SCORE, "")
        wanted[SCORE] = str(max(least - 1, int(known) if known.isdigit() else 0))
    return wanted
