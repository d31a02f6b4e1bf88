"""What goes to Maileon and what comes back, as frozen dataclasses. Plain data, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from config.json_value import JSONValue

Record = TypeVar("Record")

# Permission codes (maileon sheet §2). Requests and contact reads use the number, reports the word.
NONE, SINGLE, CONFIRMED, DOUBLE, DOUBLE_PLUS, OTHER = 1, 2, 3, 4, 5, 6
PERMISSION_WORDS = {"none": NONE, "soi": SINGLE, "coi": CONFIRMED, "doi": DOUBLE, "doi+": DOUBLE_PLUS, "other": OTHER}

UPDATE_EXISTING, IGNORE_EXISTING = 1, 2  # sync_mode; the vendor's default is 2 and silently changes nothing

# Why one contact of a bulk call was refused (maileon sheet §4).
INVALID_WORDS = {
    1: "the external id is missing", 2: "the e-mail address is missing", 3: "the e-mail address is not valid",
    4: "the external id appears twice", 5: "the e-mail address appears twice", 6: "the address is too long",
    7: "the city is too long", 8: "the first name is too long", 9: "the full name is too long",
    10: "the house number is too long", 11: "the last name is too long", 12: "the organization is too long",
    13: "the region is too long", 14: "the state is too long", 15: "the title is too long", 16: "the zip is too long",
    17: "the birthday is not a date", 18: "the name day is not a date", 19: "the gender is not m, f or d",
    20: "the locale is not like de or de_DE", 21: "there is no such custom field", 22: "the value is not true or false",
    23: "the value is not a number", 24: "the value is not a number", 25: "the value is not a whole number",
    26: "the text is longer than 255 characters", 27: "the value is not a date",
}  # fmt: skip
INVALID_EMAIL_CODES = frozenset({2, 3})
UNKNOWN_FIELD_CODE = 21


class Page(NamedTuple, Generic[Record]):
    """One page of a list. `next_cursor` is the number of the next page, None at the end."""

    records: tuple[Record, ...]
    next_cursor: int | None
    unreadable: Mapping[str, str] = {}  # id → what is wrong with a record that is left out for it


@dataclass(frozen=True)
class Contact:
    """A contact to write. A value of None clears the field; a field that is not named stays as it is."""

    email: str = ""
    external_id: str = ""
    standard_fields: Mapping[str, JSONValue] = field(default_factory=dict)
    custom_fields: Mapping[str, JSONValue] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredContact:
    """A contact as Maileon has it. Fields come back only when asked for; an empty one is None."""

    id: str
    email: str = ""
    external_id: str = ""
    permission: int | None = None
    created: str = ""  # no zone given (maileon sheet §2.3): compare, do not convert
    updated: str = ""
    standard_fields: Mapping[str, str | None] = field(default_factory=dict)
    custom_fields: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class InvalidContact:
    """One contact a bulk call refused."""

    email: str
    external_id: str
    code: int
    field: str

    @property
    def words(self) -> str:
        return INVALID_WORDS.get(self.code, f"error code {self.code}") + (f" ({self.field})" if self.field else "")


@dataclass(frozen=True)
class SyncReport:
    """What a bulk call did. Contacts that are not in `invalid` were written, or skipped as unsubscribed."""

    new: int = 0
    existing: int = 0
    unsubscribed: int = 0
    invalid: tuple[InvalidContact, ...] = ()

    def plus(self, other: SyncReport) -> SyncReport:
        """Add up the reports of several calls."""
        return SyncReport(
            self.new + other.new,
            self.existing + other.existing,
            self.unsubscribed + other.unsubscribed,
            self.invalid + other.invalid,
        )


@dataclass(frozen=True)
class CustomField:
    """A custom contact field: name (3 to 64 characters, case matters) and string, integer, float, boolean or date."""

    name: str
    type: str


@dataclass(frozen=True)
class Attribute:
    """One attribute of a transaction type. There is no `datetime`: it is called timestamp."""

    name: str
    type: str
    required: bool = False
    description: str = ""


@dataclass(frozen=True)
class TransactionType:
    """A kind of contact event."""

    id: str
    name: str
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True)
class Transaction:
    """A contact event to send. With `import_permission` a missing contact is created, with that permission."""

    type_name: str
    content: Mapping[str, JSONValue]
    email: str = ""
    external_id: str = ""
    import_permission: int | None = None
    contact_id: str = ""  # Maileon's own, which goes before the others


@dataclass(frozen=True)
class TransactionResult:
    """What became of one contact event. `queued` False: not stored, `message` says why."""

    queued: bool
    message: str = ""
    transaction_id: str = ""
    contact_id: str = ""


@dataclass(frozen=True)
class Unsubscription:
    """One row of the unsubscription report. The contact may be anonymised, hence without address."""

    contact_id: str
    email: str
    external_id: str
    timestamp: str  # no zone given
    source: str = ""
    mailing_id: str = ""


@dataclass(frozen=True)
class Subscriber:
    """One confirmed double opt-in."""

    contact_id: str
    email: str
    external_id: str
    timestamp: str  # no zone given
    permission: int | None = None


@dataclass(frozen=True)
class WebhookRow:
    """A webhook as Maileon lists it."""

    id: str
    event: str
    url: str
