"""JSON as it stands in our columns and travels in bodies: its type, and readers for who expects a shape.

It lies below tenants and integration, since both show such values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"
JsonObject: TypeAlias = Mapping[str, Json]


def json_object(value: Json) -> JsonObject:
    """Return an object; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def json_number(value: Json) -> float:
    """Return a number; 0 for anything else."""
    return value if isinstance(value, int | float) else 0


def json_texts(value: Json) -> list[str]:
    """Return the texts of a list; an empty list for anything else."""
    return [part for part in value if isinstance(part, str)] if isinstance(value, list | tuple) else []


def json_objects(value: Json) -> list[JsonObject]:
    """Return the objects of a list; an empty list for anything else."""
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []
