"""What only events, reports and runs knew of a person, as it travels with their job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integration.engine.api import EventContext


@dataclass(frozen=True, kw_only=True)
class ContactContext(EventContext):
    """What only the events knew of a person on the way to Maileon."""

    privacy: bool | None = None  # the source erased the person for good
    primary: str | None = None  # of a merge: the record whose link goes to the survivor first


@dataclass(frozen=True, kw_only=True)
class ConsentContext(EventContext):
    """What only Maileon's events and reports knew of a person's consent."""

    unsubscription: str | None = None  # when the event of an opt-out came in (ISO, UTC)
    unsubscription_facts: Mapping[str, str] | None = None
    beside: bool | None = None  # the address that opted out is one they have beside their own
    doi: str | None = None  # when the event of a confirmation came in (ISO, UTC)
    doi_facts: Mapping[str, str] | None = None
    report: str | None = None  # the report that named the person: UNSUBSCRIPTION or CONFIRMATION
    reported_at: str | None = None  # when it happened, by Maileon's clock, without a zone
    passed: Sequence[str] | None = None  # who of the address has turned out to be gone, and handed the opt-out on
    repair: bool | None = None  # finish a move between stages that was begun
