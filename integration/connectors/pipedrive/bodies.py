"""Build request bodies from internal values: ids back to numbers, custom fields back to the API's own shape.

Pure functions; `client.py` supplies the field types and, for partial changes, the record as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping

from integration.connectors.base import JSONValue
from integration.connectors.pipedrive import custom_values
from integration.connectors.pipedrive.records import ContactPoint, Person

Values = Mapping[str, JSONValue]
ID_KEYS = frozenset("owner_id org_id organization_id person_id deal_id pipeline_id stage_id user_id visible_to".split())
NAME_KEYS = ("first_name", "last_name")


def v2_body(values: Values, types: Mapping[str, str]) -> dict[str, JSONValue]:
    """Return `values` as a v2 body. Unknown top-level keys are the vendor's to refuse by name (pipedrive sheet §4)."""
    body = {key: _plain(key, value) for key, value in values.items() if key != "custom_fields"}
    custom = values.get("custom_fields") or {}
    if custom:
        body["custom_fields"] = {
            key: custom_values.to_rest_v2(value, types.get(key, "")) for key, value in custom.items()
        }
    return body


def v1_body(values: Values, types: Mapping[str, str]) -> dict[str, JSONValue]:
    """Return `values` as a v1 body: custom fields at the top level, `visible_to` as text (pipedrive sheet §9)."""
    body = {key: _plain(key, value) for key, value in values.items() if key != "custom_fields"}
    if "visible_to" in body:
        body["visible_to"] = str(body["visible_to"])
    for key, value in (values.get("custom_fields") or {}).items():
        body.update(custom_values.to_v1(key, value, types.get(key, "")))
    return body


def needs_current(values: Values) -> bool:
    """Say whether a person must be read before it can be changed: e-mails are replaced whole, names sent whole."""
    return any(key in values for key in ("email", "phone")) or ("name" not in values and _one_name(values))


def person_body(values: Values, types: Mapping[str, str], current: Person | None) -> dict[str, JSONValue]:
    """Return a person's v2 body. `email` and `phone` set the primary one and keep the others."""
    rest = {key: value for key, value in values.items() if key not in ("email", "phone", *NAME_KEYS)}
    body = v2_body(rest, types)
    if "name" not in values and any(key in values for key in NAME_KEYS):
        body["name"] = _full_name(values, current)
    if "email" in values:
        body["emails"] = _with_primary(values["email"], current.emails if current else ())
    if "phone" in values:
        body["phones"] = _with_primary(values["phone"], current.phones if current else ())
    return body


def _plain(key: str, value: JSONValue) -> JSONValue:
    if key in ID_KEYS and isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() else (value or None)
    if key == "label_ids" and isinstance(value, (list, tuple)):
        return [int(item) if str(item).isdigit() else item for item in value]
    if key in ("emails", "phones") and isinstance(value, (list, tuple)):
        return [_point(item, index == 0) for index, item in enumerate(value)]
    return value


def _point(item: JSONValue, first: bool) -> JSONValue:
    return {"value": item, "primary": first, "label": "work"} if isinstance(item, str) else item


def _one_name(values: Values) -> bool:
    return sum(key in values for key in NAME_KEYS) == 1


def _full_name(values: Values, current: Person | None) -> str:
    """v2 takes only the whole name (pipedrive sheet §6): the part that is not given stays as it is."""
    parts = [values.get(key, getattr(current, key, "")) for key in NAME_KEYS]
    return " ".join(str(part).strip() for part in parts if part)


def _with_primary(value: JSONValue, current: tuple[ContactPoint, ...]) -> list[JSONValue]:
    """PATCH replaces the whole array (treated so, pipedrive sheet §6): put the new primary first, keep the others."""
    replaced = current[0] if current else None
    others = [point for point in current[1:] if point.value.lower() != str(value or "").lower()]
    label = replaced.label if replaced else ""
    points = [ContactPoint(str(value), label)] if value else []
    return [
        {"value": point.value, "primary": index == 0, "label": point.label or "work"}
        for index, point in enumerate([*points, *others])
    ]
