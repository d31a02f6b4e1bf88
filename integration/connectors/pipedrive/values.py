"""Read single values of Pipedrive's bodies, in the forms of v1, v2 and webhooks. Wrong ones raise ContractError."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from config.json_value import JSONValue
from integration.connectors.pipedrive.custom_values import ADDRESS_PARTS
from integration.connectors.pipedrive.records import ContactPoint
from integration.errors import ContractError

Raw = Mapping[str, JSONValue]


def parse_time(value: JSONValue) -> datetime | None:
    """Read a time in any of Pipedrive's forms: RFC 3339, `YYYY-MM-DD HH:MM:SS` (UTC), unix seconds. Empty is None."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError) as exc:
        raise wrong("time", value) from exc
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def custom_fields(raw: Raw) -> Raw:
    """The custom fields by key; the whole object was seen as null (pipedrive sheet §17)."""
    found = raw.get("custom_fields") or {}
    if not isinstance(found, Mapping):
        raise wrong("custom_fields", found)
    return found


LARGEST = 10**15  # a larger float has lost its last digits


def wrong(name: str, value: JSONValue) -> ContractError:
    return ContractError(f"Pipedrive sent {name} in an unknown form.", detail=f"{name}: {type(value).__name__}")


def required_id(raw: Raw) -> str:
    if not isinstance(raw, Mapping):
        raise wrong("a record", raw)
    if not (found := id_of(raw, "id")):
        raise ContractError("Pipedrive sent a record without an id.", detail=f"keys: {sorted(raw)[:20]}")
    return found


def id_of(raw: Raw, key: str) -> str:
    """An id as text. REST v1 nests users, people and organizations: `{"value": 7, …}` or `{"id": 7, …}`."""
    value = raw.get(key)
    if isinstance(value, dict):
        value = value.get("value", value.get("id"))
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise wrong(key, value)
    return str(value)


def text(raw: Raw, key: str) -> str:
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, (str, int, float)):
        raise wrong(key, value)
    return str(value)


def number(raw: Raw, key: str) -> float | None:
    """Return a number; None for an empty one. Raises ContractError for what is none, or too large to be kept."""
    value = raw.get(key)
    if value is None or value == "":
        return None
    try:
        found = value if isinstance(value, (int, float)) else float(value) if isinstance(value, str) else math.nan
    except ValueError as exc:
        raise wrong(key, value) from exc
    if isinstance(found, bool) or not abs(found) <= LARGEST:
        raise wrong(key, value)
    return found


def moment(raw: Raw, key: str) -> datetime | None:
    return parse_time(raw.get(key))


def clock(raw: Raw, key: str) -> str:
    """A time of day; webhooks nest it as `{"timezone_id", "value"}`."""
    value = raw.get(key)
    return text(value, "value") if isinstance(value, dict) else text(raw, key)


def labels(raw: Raw) -> tuple[str, ...]:
    """Label ids: a list in v2, one `label` in v1 and in older webhook examples."""
    value = raw.get("label_ids")
    if value is None:
        value = [] if raw.get("label") in (None, "") else str(raw["label"]).split(",")
    if not isinstance(value, list):
        raise wrong("label_ids", value)
    return tuple(id_of({"label": item}, "label") for item in value)


def deleted(raw: Raw) -> bool:
    return bool(raw["is_deleted"]) if "is_deleted" in raw else raw.get("active_flag") is False


def points(raw: Raw, *keys: str) -> tuple[ContactPoint, ...]:
    """E-mail addresses or phones, the primary one first. Someone without any may carry one empty item (sheet §17)."""
    rows: JSONValue = next((raw[key] for key in keys if raw.get(key) is not None), [])
    if isinstance(rows, str):
        rows = [{"value": rows, "primary": True}]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise wrong(keys[0], rows)
    points = [
        ContactPoint(text(row, "value").strip(), text(row, "label"), bool(row.get("primary")))
        for row in rows
        if text(row, "value").strip()
    ]
    return tuple(sorted(points, key=lambda point: not point.primary))


def address(raw: Raw) -> tuple[str, dict[str, str]]:
    """An organization's address: an object in v2, text plus `address_*` keys in v1."""
    value = raw.get("address")
    if isinstance(value, dict):
        parts = {part: str(value[part]) for part in ADDRESS_PARTS if value.get(part)}
        return text(value, "value"), parts
    found = {part: raw.get(f"address_{part}") for part in ADDRESS_PARTS}
    return text(raw, "address"), {part: str(text) for part, text in found.items() if text}
