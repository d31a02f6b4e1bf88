"""Build request bodies from internal values: ids back to numbers, custom fields back to the API's own shape.

Pure functions; `client.py` supplies the field types and, for partial changes, the record as it is now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from config.json_value import JSONValue, json_object, whole_number
from integration.connectors.pipedrive import custom_values
from integration.connectors.pipedrive.records import ContactPoint, Person

Values = Mapping[str, JSONValue]
ID_KEYS = frozenset("owner_id org_id organization_id person_id deal_id pipeline_id stage_id user_id visible_to".split())
NAME_KEYS = ("first_name", "last_name")
LEAST_DIGITS = 7  # of a national number that tells it from another


def v2_body(values: Values, types: Mapping[str, str]) -> dict[str, JSONValue]:
    """Return `values` as a v2 body. Unknown top-level keys are the vendor's to refuse by name (pipedrive sheet §4)."""
    body = {key: _plain(key, value) for key, value in values.items() if key != "custom_fields"}
    custom = json_object(values.get("custom_fields"))
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
    for key, value in json_object(values.get("custom_fields")).items():
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
        body["emails"] = _with_primary(values["email"], current.emails if current else (), _same_address)
    if "phone" in values:
        body["phones"] = _with_primary(values["phone"], current.phones if current else (), _same_number)
    return body


def _plain(key: str, value: JSONValue) -> JSONValue:
    """A value as the API wants it: ids as numbers, addresses and numbers as objects, the first one primary."""
    if key in ID_KEYS and isinstance(value, str):
        return _number(value) if value else None
    if not isinstance(value, (list, tuple)):
        return value
    if key == "label_ids":
        return [_number(item) for item in value]
    if key in ("emails", "phones"):
        return [_point(item, index == 0) for index, item in enumerate(value)]
    return value


def _number(value: JSONValue) -> JSONValue:
    """An id as a number; anything else is left for the vendor to refuse by name."""
    number = whole_number(str(value))
    return value if number is None else number


def _point(item: JSONValue, first: bool) -> JSONValue:
    return {"value": item, "primary": first, "label": "work"} if isinstance(item, str) else item


def _one_name(values: Values) -> bool:
    return sum(key in values for key in NAME_KEYS) == 1


def _full_name(values: Values, current: Person | None) -> str:
    """v2 takes only the whole name (pipedrive sheet §6): the part that is not given stays as it is."""
    parts = [values.get(key, getattr(current, key, "")) for key in NAME_KEYS]
    return " ".join(str(part).strip() for part in parts if part)


def _with_primary(
    value: JSONValue, current: tuple[ContactPoint, ...], same: Callable[[str, str], bool]
) -> list[JSONValue]:
    """PATCH replaces the whole array (treated so, pipedrive sheet §6): put the new primary first, keep the others.

    One that is there already is promoted, and the former primary one stays behind it; a new one takes its place.
    """
    promoted = next((point for point in current if value and same(point.value, str(value))), None)
    if promoted is not None:
        points = [promoted, *(point for point in current if point is not promoted)]
    elif value:
        points = [ContactPoint(str(value), current[0].label if current else ""), *current[1:]]
    else:
        points = list(current[1:])
    return [
        {"value": point.value, "primary": index == 0, "label": point.label or "work"}
        for index, point in enumerate(points)
    ]


def _same_address(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _same_number(one: str, other: str) -> bool:
    """Whether two ways of writing mean one number; one of them may be without its country code."""
    first, second = (re.sub(r"\D", "", text).removeprefix("00") for text in (one, other))
    if first == second:
        return bool(first)
    for national, whole in ((first, second), (second, first)):
        rest = national.removeprefix("0")
        if rest != national and len(rest) >= LEAST_DIGITS and whole.endswith(rest):
            return True
    return False
