"""What comes from HubSpot and what goes there, as frozen dataclasses, and how answers are read into them. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

from config.json_value import JSONValue
from integration.errors import ContractError

Record = TypeVar("Record")
Values = Mapping[str, str | None]


@dataclass(frozen=True)
class CrmObject:
    """A record with the properties asked for. A name that is missing is a property the portal does not have."""

    id: str
    properties: Values
    created_at: datetime | None = None
    updated_at: datetime | None = None
    archived: bool = False
    note_ids: tuple[str, ...] = ()
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # associated records, where they were read


@dataclass(frozen=True)
class Contact(CrmObject):
    """A contact."""

    @property
    def email(self) -> str:
        return (self.properties.get("email") or "").strip()

    @property
    def emails(self) -> tuple[str, ...]:
        """The address and the secondary ones, which have to be asked for as `hs_additional_emails`."""
        more = (self.properties.get("hs_additional_emails") or "").split(";")
        return tuple(dict.fromkeys(address for address in (self.email, *(part.strip() for part in more)) if address))

    @property
    def name(self) -> str:
        parts = (self.properties.get("firstname"), self.properties.get("lastname"))
        return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class Page(Generic[Record]):
    """One page of a list; `next_cursor` is None on the last."""

    records: tuple[Record, ...]
    next_cursor: str | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)  # id → what is wrong with one that is left out


@dataclass(frozen=True)
class Written(Generic[Record]):
    """What became of a batch of writes: records by the id that was asked for, and why the others failed."""

    records: Mapping[str, Record] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pipeline:
    """A pipeline; `stages` are labels by id, in their order."""

    id: str
    label: str
    stages: Mapping[str, str]


@dataclass(frozen=True)
class Note:
    """A note on a contact."""

    id: str
    body: str


def read_contact(row: Mapping[str, JSONValue]) -> Contact:
    """Read one contact; the answer of a write may lack any property."""
    return Contact(*_facts(row, "a contact", "lastmodifieddate"))


def read_object(row: Mapping[str, JSONValue]) -> CrmObject:
    """Read one record of another kind. Only contacts have `lastmodifieddate` (hubspot sheet §2)."""
    return CrmObject(*_facts(row, "a record", "hs_lastmodifieddate"))


def _facts(
    row: Mapping[str, JSONValue], what: str, modified: str
) -> tuple[str, Values, datetime | None, datetime | None, bool, tuple[str, ...]]:
    record_id, properties = row.get("id"), row.get("properties")
    if not isinstance(record_id, str) or not record_id or not isinstance(properties, dict):
        raise ContractError(f"HubSpot sent {what} in an unknown form.", detail=f"keys: {sorted(row)[:20]}")
    values = {str(name): None if value in (None, "") else str(value) for name, value in properties.items()}
    created = parse_time(values.get("createdate") or row.get("createdAt"))
    updated = parse_time(values.get(modified) or row.get("updatedAt"))
    return record_id, values, created, updated, bool(row.get("archived")), _note_ids(row)


def _note_ids(row: Mapping[str, JSONValue]) -> tuple[str, ...]:
    associations = row.get("associations")
    notes = associations.get("notes") if isinstance(associations, dict) else None
    rows = notes.get("results") if isinstance(notes, dict) else None
    return tuple(str(item["id"]) for item in rows or () if isinstance(item, dict) and item.get("id"))


def parse_time(value: JSONValue) -> datetime | None:
    """Read ISO and epoch milliseconds, which come mixed within one object; None for anything else."""
    if value in (None, ""):
        return None
    text = str(value)
    try:
        if text.lstrip("-").isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
