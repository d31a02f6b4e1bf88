"""Pipedrive's objects as frozen dataclasses: one internal shape whichever API or webhook version they came from.

Ids are text, times are aware UTC, custom fields are in the shape of `custom_values`. `record_values` gives the flat
JSON-able form the mapping engine reads. Plain data, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from config.json_value import JSONValue
from integration.connectors.rows import Read

Record = TypeVar("Record", bound="AnyRecord")


class Page(NamedTuple, Generic[Record]):
    """One page of a list. `next_cursor` is None at the end; keep it to go on later."""

    records: tuple[Record, ...]
    next_cursor: str | None
    unreadable: Mapping[str, str] = {}  # id → what is wrong with a record that is left out for it

    def complete(self) -> list[Record]:
        """Return the records if none is left out. Raises UnreadableRecord."""
        return Read(self.records, self.unreadable).complete()


@dataclass(frozen=True)
class ContactPoint:
    """One e-mail address or phone number."""

    value: str
    label: str = ""
    primary: bool = False


@dataclass(frozen=True)
class Person:
    id: str
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    emails: tuple[ContactPoint, ...] = ()  # the primary one first
    phones: tuple[ContactPoint, ...] = ()
    owner_id: str = ""
    org_id: str = ""
    label_ids: tuple[str, ...] = ()
    visible_to: str = ""
    add_time: datetime | None = None
    update_time: datetime | None = None
    is_deleted: bool = False
    custom_fields: Mapping[str, JSONValue] = field(default_factory=dict)
    extra: Mapping[str, JSONValue] = field(default_factory=dict)  # what `include_fields` asked for

    @property
    def primary_email(self) -> str:
        return self.emails[0].value if self.emails else ""

    @property
    def primary_phone(self) -> str:
        return self.phones[0].value if self.phones else ""


@dataclass(frozen=True)
class Organization:
    id: str
    name: str = ""
    address: str = ""
    address_parts: Mapping[str, str] = field(default_factory=dict)
    website: str = ""
    owner_id: str = ""
    label_ids: tuple[str, ...] = ()
    visible_to: str = ""
    add_time: datetime | None = None
    update_time: datetime | None = None
    is_deleted: bool = False
    custom_fields: Mapping[str, JSONValue] = field(default_factory=dict)
    extra: Mapping[str, JSONValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Deal:
    id: str
    title: str = ""
    value: float | None = None
    currency: str = ""
    status: str = ""
    person_id: str = ""
    org_id: str = ""
    owner_id: str = ""
    creator_user_id: str = ""
    pipeline_id: str = ""
    stage_id: str = ""
    probability: float | None = None
    expected_close_date: str = ""
    won_time: datetime | None = None
    lost_time: datetime | None = None
    close_time: datetime | None = None
    local_won_date: str = ""  # the days of these moments as the account counts them
    local_lost_date: str = ""
    local_close_date: str = ""
    lost_reason: str = ""
    label_ids: tuple[str, ...] = ()
    visible_to: str = ""
    add_time: datetime | None = None
    update_time: datetime | None = None
    stage_change_time: datetime | None = None
    is_archived: bool = False
    is_deleted: bool = False
    custom_fields: Mapping[str, JSONValue] = field(default_factory=dict)
    extra: Mapping[str, JSONValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Lead:
    id: str
    title: str = ""
    value: float | None = None
    currency: str = ""
    person_id: str = ""
    org_id: str = ""
    owner_id: str = ""
    label_ids: tuple[str, ...] = ()
    expected_close_date: str = ""
    is_archived: bool = False
    visible_to: str = ""
    add_time: datetime | None = None
    update_time: datetime | None = None
    custom_fields: Mapping[str, JSONValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Activity:
    id: str
    subject: str = ""
    type: str = ""
    done: bool = False
    due_date: str = ""
    due_time: str = ""
    duration: str = ""
    note: str = ""
    public_description: str = ""
    owner_id: str = ""
    person_id: str = ""
    org_id: str = ""
    deal_id: str = ""
    lead_id: str = ""
    add_time: datetime | None = None
    update_time: datetime | None = None
    is_deleted: bool = False


@dataclass(frozen=True)
class ActivityType:
    key: str
    name: str = ""
    active: bool = True


@dataclass(frozen=True)
class Note:
    id: str
    content: str = ""
    user_id: str = ""
    person_id: str = ""
    org_id: str = ""
    deal_id: str = ""
    lead_id: str = ""
    add_time: datetime | None = None
    update_time: datetime | None = None
    is_deleted: bool = False


@dataclass(frozen=True)
class User:
    id: str
    name: str = ""
    email: str = ""
    active: bool = True


@dataclass(frozen=True)
class Pipeline:
    id: str
    name: str = ""
    order_nr: int = 0
    is_deleted: bool = False


@dataclass(frozen=True)
class Stage:
    id: str
    name: str = ""
    pipeline_id: str = ""
    order_nr: int = 0
    is_deleted: bool = False


@dataclass(frozen=True)
class Found:
    """One hit of a search: enough to recognise it. Read the record itself before using its values."""

    type: str
    id: str
    name: str
    emails: tuple[str, ...] = ()


AnyRecord = Person | Organization | Deal | Lead | Activity | Note
_NAMES: dict[type, list[str]] = {
    kind: [item.name for item in fields(kind) if item.name != "extra"]
    for kind in (Person, Organization, Deal, Lead, Activity, Note)
}


def record_values(record: AnyRecord) -> dict[str, JSONValue]:
    """Return a record as the mapping engine reads it: JSON-able, empty is None, custom fields nested by key.

    Source paths are the attribute names plus `email` and `phone` (the primary one) for people; `emails` and `phones`
    are lists of text. README.md lists them.
    """
    held = vars(record)
    values: dict[str, JSONValue] = {name: _plain(held[name]) for name in _NAMES[type(record)]}
    if isinstance(record, Person):
        values["email"], values["phone"] = record.primary_email or None, record.primary_phone or None
    values.update(getattr(record, "extra", {}))
    return values


def time_text(moment: datetime) -> str:
    """Write a time as v2 wants it: whole seconds with zone; fractions are refused (pipedrive sheet §4)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(value: Any) -> JSONValue:
    if type(value) is str:
        return value or None
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [item.value if isinstance(item, ContactPoint) else item for item in value]
    if isinstance(value, Mapping):
        return dict(value)
    return None if value == "" else value
