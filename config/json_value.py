"""JSON as it stands in our columns and travels in bodies: its type, and readers for who expects a shape.

It lies below tenants and integration, since both show such values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

JSONValue: TypeAlias = "None | bool | int | float | str | Sequence[JSONValue] | Mapping[str, JSONValue]"
JSONObject: TypeAlias = Mapping[str, JSONValue]


def json_object(value: JSONValue) -> JSONObject:
    """Return an object; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def json_number(value: JSONValue) -> float:
    """Return a number; 0 for anything else."""
    return value if isinstance(value, int | float) else 0


def json_texts(value: JSONValue) -> list[str]:
    """Return the texts of a list; an empty list for anything else."""
    return [part for part in value if isinstance(part, str)] if isinstance(value, list | tuple) else []


def json_objects(value: JSONValue) -> list[JSONObject]:
    """Return the objects of a list; an empty list for anything else."""
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []
