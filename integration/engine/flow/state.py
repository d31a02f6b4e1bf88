"""What a link or a job keeps for its flow, as JSON in the database and as a typed object in the code.

A flow declares one small class for each: a misspelled key fails the type check. None says nothing: a field that is None
is not stored and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

from config.json_value import JSONObject
from integration.models import RecordLink


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The base of both. Fields of subclasses have None as their default."""

    @classmethod
    def read(cls, stored: JSONObject) -> Self:
        """Return what is stored of this class's fields; keys of other flows are passed over."""
        return cls(**{field.name: stored[field.name] for field in fields(cls) if field.name in stored})

    @property
    def stored(self) -> dict[str, Any]:
        """The fields that say something, as they are stored."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class FlowState(Stored):
    """What a link remembers for its flow."""

    @classmethod
    def of(cls, link: RecordLink | None) -> Self:
        """Return what this link remembers; nothing where there is no link."""
        return cls.read(link.notes) if link is not None else cls()


@dataclass(frozen=True, kw_only=True)
class EventContext(Stored):
    """What only the events, the run or the person who asked knew about a record: it travels with its job."""

    run: str | None = None  # the kind of run that brought the record
    resync: bool | None = None  # a person asked for this record
    certain: bool | None = None  # what is remembered of it counts for nothing: it is written again
    allow_doi: bool | None = None  # a person allowed opt-in mails to people who were there before
    deleted: bool | None = None
    merged_into: str | None = None
    restore: bool | None = None  # write back what a field made anew has lost

    @property
    def is_certain(self) -> bool:
        """Whether to write what is remembered as written already: a person asked, and is believed over our memory."""
        return bool(self.resync if self.certain is None else self.certain)
