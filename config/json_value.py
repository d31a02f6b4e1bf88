"""JSON as it stands in our columns and travels in bodies: its type, its parser, and readers for who expects a shape.

It lies below tenants and integration, since both show such values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

JSONValue: TypeAlias = "None | bool | int | float | str | Sequence[JSONValue] | Mapping[str, JSONValue]"
JSONObject: TypeAlias = Mapping[str, JSONValue]
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


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


def parse_json(content: bytes) -> Any:
    """Parse JSON that came from outside, as an answer or at our door. Raises ValueError for all that is not plain JSON.

    Numbers that are none (NaN) are refused, and so is endless nesting. Characters that no database stores are dropped.
    """
    try:
        document = json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite)
        return storable(document) if b"\\u" in content else document
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def storable(document: Any) -> Any:
    """Return a parsed document without NUL and lone surrogates, which PostgreSQL refuses."""
    if isinstance(document, str):
        return _UNSTORABLE.sub("", document)
    if isinstance(document, list):
        return [storable(item) for item in document]
    if isinstance(document, dict):
        return {storable(key): storable(value) for key, value in document.items()}
    return document


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
