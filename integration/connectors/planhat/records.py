"""Planhat's objects as frozen dataclasses, and records as the mapping engine reads and writes them. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from config.json_value import JSONValue
from integration.connectors.base import FieldSpec
from integration.connectors.rows import Read
from integration.errors import ContractError

CUSTOM = "custom."  # begins the key of a custom field; its id follows, for names can change (planhat sheet §3)


@dataclass(frozen=True)
class Stored:
    """A record of any model as Planhat has it; `attributes` and `custom` by vendor name."""

    id: str
    attributes: Mapping[str, JSONValue] = field(default_factory=dict)
    custom: Mapping[str, JSONValue] = field(default_factory=dict)
    updated: datetime | None = None

    @property
    def name(self) -> str:
        return str(self.attributes.get("name") or "")

    @property
    def source_id(self) -> str:
        """The id it has in a CRM."""
        return str(self.attributes.get("sourceId") or "")


class Page(NamedTuple):
    """One page of records. `next_offset` is None at the end."""

    records: tuple[Stored, ...]
    next_offset: int | None
    unreadable: Mapping[str, str] = {}  # id → what is wrong with a record that is left out for it

    def complete(self) -> list[Stored]:
        """Return the records if none is left out. Raises UnreadableRecord."""
        return Read(self.records, self.unreadable).complete()


@dataclass(frozen=True)
class User:
    id: str
    name: str = ""
    email: str = ""


@dataclass(frozen=True)
class Upserted:
    """What became of a bulk upsert, by the key it was sent with: ids as far as told, and why the others failed."""

    ids: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


def parse_record(row: Mapping[str, JSONValue]) -> Stored:
    """Read a record; an owner may come as an object instead of an id (planhat sheet §5)."""
    number, custom = row.get("_id"), row.get("custom") or {}
    if not isinstance(number, str) or not number or not isinstance(custom, dict):
        raise ContractError("Planhat sent a record in an unknown form.", detail=f"keys: {sorted(row)[:20]}")
    attributes = {key: value for key, value in row.items() if key != "custom"}
    if isinstance(owner := attributes.get("owner"), dict):
        attributes["owner"] = owner.get("_id")
    return Stored(number, attributes, custom, parse_time(row.get("updatedAt") or row.get("lastUpdated")))


def parse_user(row: Mapping[str, JSONValue]) -> User:
    if not isinstance(row.get("_id"), str):
        raise ContractError("Planhat sent a user in an unknown form.", detail=f"keys: {sorted(row)[:20]}")
    name = " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key)) or row.get("nickName")
    return User(str(row["_id"]), str(name or ""), str(row.get("email") or ""))


def parse_time(value: JSONValue) -> datetime | None:
    """A time as Planhat writes it, ISO 8601; without a zone it is UTC. Empty is None."""
    if value in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as exc:
        raise ContractError("Planhat sent a time in an unknown form.", detail=str(value)[:100]) from exc
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def record_values(record: Stored, specs: Iterable[FieldSpec]) -> dict[str, JSONValue]:
    """A record as the mapping engine reads it: by attribute, custom ones below `custom` by the field's id.

    Planhat leaves out what has no value, so a field it knows and does not send is empty.
    """
    values: dict[str, JSONValue] = {}
    custom: dict[str, JSONValue] = {}
    for spec in specs:
        if spec.custom:
            custom[spec.key.removeprefix(CUSTOM)] = record.custom.get(spec.label)
        else:
            values[spec.key] = record.attributes.get(spec.key)
    return {**values, "name": record.name, "custom": custom}


def body(values: Mapping[str, JSONValue], specs: Mapping[str, FieldSpec]) -> dict[str, JSONValue]:
    """Values by field key as Planhat takes them: custom ones below `custom` by the field's present name."""
    plain = {key: value for key, value in values.items() if not key.startswith(CUSTOM)}
    custom = {specs[key].label: value for key, value in values.items() if key.startswith(CUSTOM) and key in specs}
    return {**plain, **({"custom": custom} if custom else {})}
