"""What links, jobs and runs of this recipe remember, as types: a misspelled key fails the type check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.json_value import JSONValue
from integration.engine.api import EventContext, FlowState, Stored


@dataclass(frozen=True, kw_only=True)
class TrialState(FlowState):
    """What the links of leads and of visits remember of the trial."""

    trial: str | None = None  # the id of the lead that took part in it; empty: none did


@dataclass(frozen=True, kw_only=True)
class VisitState(TrialState):
    """What the link of a visit remembers of its activity."""


@dataclass(frozen=True, kw_only=True)
class LeadState(TrialState):
    """What the link of a lead remembers of its lead in Pipedrive."""

    closed: bool | None = None  # the lead was archived, converted or deleted in Pipedrive
    organization: str | None = None  # whom it is linked to; empty: to none yet
    person: str | None = None


@dataclass(frozen=True, kw_only=True)
class EnrichedState(FlowState):
    """What the link of a lead remembers of the organization or person that its values go to."""

    created: bool | None = None  # Lockstep made it, so that rows "only when created" apply


@dataclass(frozen=True, kw_only=True)
class EnrichContext(EventContext):
    """What the flow that linked a lead knew of it, and of the record its values go to."""

    target: str | None = None
    created: bool | None = None
    values: Mapping[str, JSONValue] | None = None  # of the lead; None: it is read when the job runs
    email: str | None = None
    seen: str | None = None  # the lead's last event (ISO, UTC)


@dataclass(frozen=True, kw_only=True)
class ListPlace(Stored):
    """Where a walk over the list of leads goes on. Times are ISO, UTC."""

    token: str | None = None  # of the next page
    at: str | None = None  # when it was given
    first: str | None = None  # the first lead of the page before it, by id
    last: str | None = None  # when its last lead was last seen
    reached: str | None = None  # the same of the last lead that was handed out: the walk does not go back before it
    restarts: int | None = None  # how often it began anew since


@dataclass(frozen=True, kw_only=True)
class VisitPlace(Stored):
    """Where a walk over the visits of leads goes on."""

    page: Mapping[str, JSONValue] | None = None  # a ListPlace; None after the last page
    leads: Sequence[str] | None = None  # of the page before it: those whose visits are not all read
    visits: Sequence[str] | None = None  # of the first of them, not read yet; None: not asked for yet


@dataclass(frozen=True, kw_only=True)
class WalkState(Stored):
    """Where a walk over Pipedrive's records goes on that a limit stopped."""

    since: str | None = None  # ISO, UTC
    cursor: str | None = None
