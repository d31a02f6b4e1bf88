"""Ask the sandbox what a real account was asked, and say where it answers in another shape.

Only reads are asked again: a write needs the records it was about. Shapes are compared, not values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

import requests
from defusedxml.ElementTree import fromstring

from integration.redact import MASK
from integration.sunset import place_of

Ask = Callable[[str, str, str], requests.Response]  # method, path below the vendor's root, media type → its answer
# Keys of these objects are an account's own: names of fields, or ids.
OWN_KEYS = frozenset({"attributes", "properties", "custom", "custom_fields"})
MASKED = re.compile(rf"(?<=[:\s]){MASK}(?=\s*[,}}\]])")  # a secret's value, whose quotes are masked with it
IS_ID = re.compile(r"[0-9]+|[0-9a-f]{24}|[0-9a-f]{40}(_[a-z_]+)?|[0-9a-f-]{36}")


@dataclass(frozen=True)
class Recording:
    """One call of a real account, as `manage.py record` writes it."""

    name: str
    method: str
    path: str
    status: int
    response: str
    complete: bool

    @classmethod
    def read(cls, file: Path) -> Recording:
        row = json.loads(file.read_text(encoding="utf-8"))
        return cls(file.stem, row["method"], row["path"], row["status"], row["response"], row["complete"])


def recordings_in(folder: Path) -> list[Recording]:
    """All recordings of a folder, by name."""
    return [Recording.read(file) for file in sorted(folder.glob("*.json"))]


def differences(recordings: Sequence[Recording], ask: Ask) -> tuple[list[str], list[str]]:
    """Where the sandbox answers otherwise, and what could not be asked again, each as a line."""
    wrong: list[str] = []
    unasked: list[str] = []
    for row in recordings:
        if why := _why_not(row):
            unasked.append(f"{row.name}: {why}")
            continue
        path = _with_ids_of_the_sandbox(row.path, ask)
        if path is None:
            unasked.append(f"{row.name}: the sandbox has no record for {row.path}")
            continue
        answer = ask("GET", path, _media_type(row.response))
        if answer.status_code != row.status:
            wrong.append(f"{row.name}: status {row.status} there, {answer.status_code} here")
            continue
        wrong += [f"{row.name}: {line}" for line in _compared(row, answer.text)]
    return wrong, unasked


def _why_not(row: Recording) -> str:
    """Why a call cannot be asked again; empty when it can."""
    if row.method != "GET":
        return "a write is not repeated"
    if row.status == 401:
        return "the credentials were refused"
    if MASK in unquote(row.path):
        return "a parameter was masked"
    return "" if row.response or row.status >= 300 else "the answer was emptied, or had no body"


def _compared(row: Recording, here: str) -> Iterator[str]:
    theirs, ours = shape(row.response if row.complete else whole_part(row.response)), shape(here)
    for place in sorted(theirs.keys() & ours.keys()):
        kinds, known = theirs[place] - {"null"}, ours[place] - {"null"}
        if kinds and known and not kinds <= known:
            yield f"{place} is {_named(kinds)} there, {_named(known)} here"
    for place in sorted(theirs.keys() - ours.keys()):
        if _is_comparable(place, ours):
            yield f"{place} is only there"
    for place in sorted(ours.keys() - theirs.keys()):
        if row.complete and _is_comparable(place, theirs):
            yield f"{place} is only here"


def _is_comparable(place: str, other: Mapping[str, set[str]]) -> bool:
    """Whether the other document could have this place: below an empty list or element nothing can be said."""
    parent = _parent(place)
    return parent in other and not place.endswith("[]") and other[parent] != {"null"}


def _media_type(text: str) -> str:
    """What was asked for, by what came."""
    return "application/xml" if text.lstrip().startswith("<") else "application/json"


def _named(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))


def _parent(place: str) -> str:
    return re.sub(r"(\[\]|\.[^.\[]*)\Z", "", place)


def shape(text: str) -> Mapping[str, set[str]]:
    """Each place of a JSON or XML document with the kinds of value it has. Places in lists are one place."""
    found: dict[str, set[str]] = {}
    try:
        _walk(json.loads(MASKED.sub('"masked"', text)), "", found)
    except ValueError:
        try:
            _walk_xml(fromstring(text), "", found)
        except ParseError:
            found[""] = {"text"}
    return found


def _walk(value: Any, place: str, found: dict[str, set[str]]) -> None:
    kinds = {dict: "object", list: "list", str: "text", bool: "boolean", int: "number", float: "number"}
    found.setdefault(place, set()).add(kinds.get(type(value), "null"))
    if isinstance(value, dict):
        for key, inner in value.items():
            is_own = place.rpartition(".")[2] in OWN_KEYS or IS_ID.fullmatch(key)
            _walk(inner, f"{place}.{'…' if is_own else key}", found)
    if isinstance(value, list):
        for inner in value:
            _walk(inner, f"{place}[]", found)


def _walk_xml(node: Element, place: str, found: dict[str, set[str]]) -> None:
    place = f"{place}.{node.tag}"
    found.setdefault(place, set()).add("object" if len(node) else "text" if node.text else "null")
    for inner in node:
        _walk_xml(inner, place, found)


def whole_part(text: str) -> str:
    """The beginning of a JSON document that was cut, closed after its last whole value."""
    stack: list[str] = []
    quoted = False
    whole = ""
    for at, sign in enumerate(text):
        if sign == '"' and not _is_escaped(text, at):
            quoted = not quoted
        elif quoted:
            continue
        elif sign in "{[":
            stack.append("}" if sign == "{" else "]")
        elif sign in "}]":
            stack.pop()
        elif sign == ",":
            whole = text[:at] + "".join(reversed(stack))
    return whole


def _is_escaped(text: str, at: int) -> bool:
    """Whether the sign at this place stands after an odd number of backslashes."""
    start = at
    while start and text[start - 1] == "\\":
        start -= 1
    return (at - start) % 2 == 1


def _with_ids_of_the_sandbox(path: str, ask: Ask) -> str | None:
    """The path with ids of records that the sandbox has, in place of the account's. None where it has none."""
    plain, question, query = path.partition("?")
    known = ""
    for part, told in zip(plain.split("/")[1:], place_of("GET", plain).split("/")[1:], strict=True):
        if told != "…":
            known += f"/{part}"
            continue
        found = _first_id(ask("GET", known, "application/json").text)
        if found is None:
            return None
        known += f"/{found}"
    return f"{known}{question}{query}"


def _first_id(text: str) -> str | None:
    found = re.search(r'"(?:field_code|_id|id|use_id)"\s*:\s*"?([A-Za-z0-9_-]+)', text)
    return found[1] if found else None
