"""What goes to Brevo and what comes back, as frozen dataclasses. Plain data, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from config.json_value import JSONValue
from integration.connectors.rows import Read

Record = TypeVar("Record")


class Page(NamedTuple, Generic[Record]):
    """One page of a list. `next_cursor` is the offset of the next page, None at the end."""

    records: tuple[Record, ...]
    next_cursor: int | None
    unreadable: Mapping[str, str] = {}  # id → what is wrong with a record that is left out for it

    def complete(self) -> list[Record]:
        """Return the records if none is left out. Raises UnreadableRecord."""
        return Read(self.records, self.unreadable).complete()


@dataclass(frozen=True)
class Contact:
    """A contact to write. A value of None clears the attribute; one that is not named stays as it is."""

    email: str = ""
    attributes: Mapping[str, JSONValue] = field(default_factory=dict)
    ext_id: str = ""


@dataclass(frozen=True)
class StoredContact:
    """A contact as Brevo has it. Phone numbers have their plus. `blocklisted`: gets no marketing mail at all."""

    id: str
    email: str = ""
    attributes: Mapping[str, JSONValue] = field(default_factory=dict)
    blocklisted: bool = False
    list_ids: tuple[int, ...] = ()
    left_list_ids: tuple[int, ...] = ()  # lists the person left alone: never to be joined again by us
    bounced: bool = False  # known only when a single contact is read
    created: datetime | None = None
    modified: datetime | None = None


@dataclass(frozen=True)
class Attribute:
    """A contact attribute: its upper-case name, category and type, and the choices of a category."""

    name: str
    category: str
    type: str
    choices: tuple[tuple[str, str], ...] = ()  # (value, label)


@dataclass(frozen=True)
class ContactList:
    id: str
    name: str
    folder_id: str = ""


@dataclass(frozen=True)
class Process:
    """An asynchronous task. `problems` names the reports about rows that were left out; it may be incomplete."""

    id: str
    status: str  # waiting, done or failed
    problems: Collection[str] = ()


@dataclass(frozen=True)
class Event:
    """A custom event of one contact, who is named by id or by address."""

    name: str
    properties: Mapping[str, JSONValue]
    contact_id: str = ""
    email: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Company:
    """A company of the Sales CRM. Its id is the only key the vendor knows."""

    id: str
    attributes: Mapping[str, JSONValue] = field(default_factory=dict)
    contact_ids: tuple[str, ...] = ()
    deal_ids: tuple[str, ...] = ()
    updated: datetime | None = None


@dataclass(frozen=True)
class Deal:
    """A deal of the Sales CRM. Its name is the attribute `deal_name`."""

    id: str
    attributes: Mapping[str, JSONValue] = field(default_factory=dict)
    contact_ids: tuple[str, ...] = ()
    company_ids: tuple[str, ...] = ()
    updated: datetime | None = None


@dataclass(frozen=True)
class Pipeline:
    """A pipeline of deals; `stages` are names by id, in their order."""

    id: str
    name: str
    stages: Mapping[str, str]


@dataclass(frozen=True)
class WebhookRow:
    """A webhook as Brevo lists it."""

    id: str
    events: tuple[str, ...]
    url: str


def record_values(contact: StoredContact) -> dict[str, JSONValue]:
    """A contact as the mapping engine reads it: attributes by name, beside the address and where it stands."""
    return {
        **contact.attributes,
        "email": contact.email or None,
        "blocklisted": contact.blocklisted,
        "bounced": contact.bounced,
        "left_list_ids": list(contact.left_list_ids),
    }
