"""What links and jobs of this recipe remember, as types: a misspelled key fails the type check."""

from __future__ import annotations

from dataclasses import dataclass

from integration.engine.api import EventContext, FlowState


@dataclass(frozen=True, kw_only=True)
class MemberState(FlowState):
    """What the links of deals, people and notes remember of the organization they belong to."""

    organization: str | None = None  # empty: none, or the record is not in step any more


@dataclass(frozen=True, kw_only=True)
class DealState(MemberState):
    """What the link of a deal remembers: the organization that it brought along, and from which pipeline."""

    pipeline: str | None = None


@dataclass(frozen=True, kw_only=True)
class EnduserState(MemberState):
    """What the link of a person remembers of the company they are in."""


@dataclass(frozen=True, kw_only=True)
class NoteState(MemberState):
    """What the link of a note remembers of the company it is about."""


@dataclass(frozen=True, kw_only=True)
class OrganizationContext(EventContext):
    """What only another flow knew of an organization."""

    with_deal: bool | None = None  # it comes with a deal, which waits for it
