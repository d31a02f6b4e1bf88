"""JSON as it stands in our columns and travels in bodies: its type, its parser, and readers for who expects a shape.

It lies below tenants and integration, since both show such values.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

JSONValue: TypeAlias = "None | bool | int | float | str | Sequence[JSONValue] | Mapping[str, JSONValue]"
JSONObject: TypeAlias = Mapping[str, JSONValue]
MOST_VALUES = 1_000_000  # of one document; some hundred MB of memory at worst, and a hundred times what vendors send
MOST_DEPTH = 64  # levels; the deepest of our vendors' bodies has eight
MOST_DIGITS = 18  # of a whole number: each of that length fits into 64 bits, and ids of our vendors are shorter
_LONG_NUMBER = re.compile(rb"\d{19}")
_DEEP_FROM_THE_START = re.compile(rb'(?:\s*[\[{](?:\s*"[^"\\]*"\s*:)?){%d}' % (MOST_DEPTH + 1))
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

    Documents with too many values or too deep nesting are refused. A number that is none (NaN) or that nothing of ours
    could hold comes as its text, so that it is told of its record. Characters that no database stores are dropped.
    """
    if content.count(b",") + content.count(b"[") + content.count(b"{") > MOST_VALUES:
        raise ValueError("it has too many values")
    if _DEEP_FROM_THE_START.match(content):  # the plainest of such bodies does not reach the parser's own limit
        raise ValueError("nested too deeply")
    integer = _integer if _LONG_NUMBER.search(content) else None
    try:
        document = json.loads(content.decode("utf-8-sig"), parse_constant=str, parse_float=_finite, parse_int=integer)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    if content.count(b"[") + content.count(b"{") > MOST_DEPTH and _is_deep(document):
        raise ValueError("nested too deeply")
    return storable(document) if b"\\u" in content else document


def whole_number(text: str) -> int | None:
    """Return a number written in plain digits that fits into a database's column; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def storable(document: Any) -> Any:
    """Return a parsed document without NUL and lone surrogates, which PostgreSQL refuses."""
    if isinstance(document, str):
        return _UNSTORABLE.sub("", document)
    if isinstance(document, list):
        return [storable(item) for item in document]
    if isinstance(document, dict):
        return {storable(key): storable(value) for key, value in document.items()}
    return document


def _is_deep(document: JSONValue) -> bool:
    """Whether values lie deeper than anything of ours could walk through. Asked level by level."""
    level: list[JSONValue] = [document]
    for _ in range(MOST_DEPTH):
        level = [part for whole in level if isinstance(whole, list | dict) for part in _parts(whole)]
        if not level:
            return False
    return True


def _parts(whole: list[JSONValue] | dict[str, JSONValue]) -> Iterable[JSONValue]:
    return whole.values() if isinstance(whole, dict) else whole


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _integer(text: str) -> int | str:
    return int(text) if len(text.lstrip("-")) <= MOST_DIGITS else text
