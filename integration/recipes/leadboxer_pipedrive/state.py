"""What links, jobs and runs of this recipe remember, as types: a misspelled key fails the type check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from integration.connectors.base import JSONValue
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
class PageToken(Stored):
    """Where a run goes on: LeadBoxer's token of the next page, and when it was given (ISO, UTC)."""

    token: str | None = None
    at: str | None = None


@dataclass(frozen=True, kw_only=True)
class WalkState(Stored):
    """Where a walk over Pipedrive's records goes on that a limit stopped."""

    since: str | None = None  # ISO, UTC
    cursor: str | None = None
