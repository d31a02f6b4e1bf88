"""What links and jobs of this recipe remember, as types: a misspelled key fails the type check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.json_value import JSONValue
from integration.engine.api import EventContext, FlowState
from integration.models import RecordLink

PERSON_LINK = "person"  # the link type that person → contact and contact → person share
SUBSCRIBED, UNSUBSCRIBED, BOUNCED = "subscribed", "unsubscribed", "bounced"  # what Pipedrive shows of a person


@dataclass(frozen=True, kw_only=True)
class PersonState(FlowState):
    """What the link of a person remembers of its contact."""

    import_id: str | None = None  # the import that carries the person and is not proven yet; empty: none
    sent: Mapping[str, JSONValue] | None = None  # what that import carries
    overdue: bool | None = None  # it was waited for long enough: single calls go on, nothing comes back yet
    waiting: Mapping[str, JSONValue] | None = None  # what the events knew of changes that wait for the import
    came_back: bool | None = None  # the contact changed while the import was not proven
    import_tries: int | None = None  # imports in a row that did not bring this person

    joined: Sequence[int] | None = None  # lists we put the contact on; None: from before this was remembered
    left_lists: Sequence[int] | None = None  # lists the person left alone
    blocklisted: bool | None = None
    reported: str | None = None  # the status that Pipedrive shows
    opted_out_elsewhere: Sequence[str] | None = None  # hashes of the person's other addresses that opted out
    removed_at_target: bool | None = None  # somebody deleted the contact in Brevo
    organization: str | None = None  # the person's organization, for the company's links
    merged_into: str | None = None  # the person this one was merged into


@dataclass(frozen=True, kw_only=True)
class CompanyState(FlowState):
    """What the link of an organization remembers of its company."""

    removed_at_target: bool | None = None  # somebody deleted the company in Brevo


# How a link stands once its import says nothing any more.
SETTLED = PersonState(import_id="", sent={}, overdue=False, waiting={}, came_back=False)


def in_import(link: RecordLink | None) -> bool:
    """Whether an import that is not proven carries this person, so that changes wait for it."""
    state = PersonState.of(link)
    return bool(state.import_id) and not state.overdue


@dataclass(frozen=True, kw_only=True)
class PersonContext(EventContext):
    """What only the events, or another flow, knew of a person on the way to Brevo."""

    told: bool | None = None  # a webhook told of it, so that it becomes an event at Brevo
    alone: bool | None = None  # write it by a call of its own: an import did not bring it
    block: bool | None = None  # the person opted out at another of their addresses


@dataclass(frozen=True, kw_only=True)
class HappenedContext(EventContext):
    """What happened to a person, by the setting that names its event, and when (ISO, UTC)."""

    event_person_added: str | None = None
    event_person_updated: str | None = None
    event_person_merged: str | None = None

    @property
    def times(self) -> Mapping[str, str]:
        """Setting → when."""
        named = ("event_person_added", "event_person_updated", "event_person_merged")
        return {name: self.stored[name] for name in named if name in self.stored}


@dataclass(frozen=True, kw_only=True)
class ContactContext(EventContext):
    """What only Brevo's events knew of a contact on the way to Pipedrive."""

    bounced: bool | None = None
    contact_deleted: bool | None = None
    address: str | None = None  # hash of an address of the person whose contact must be looked at too


@dataclass(frozen=True, kw_only=True)
class ImportContext(EventContext):
    """What is known of an import while its end is waited for."""

    process: str | None = None  # missing when the answer of the call was lost
    started: str | None = None  # when it was handed over, by our clock (ISO, UTC)
    people: Sequence[str] | None = None
    overdue: bool | None = None  # its people were let go; only what it still does is watched
