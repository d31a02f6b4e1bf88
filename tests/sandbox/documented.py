"""Hold calls that were really made to the vendors' official files: operation, query and body with their types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from tests.sandbox import openapi, openapi_brevo
from tests.sandbox.openapi import SpecMismatch
from tests.sandbox.test_openapi_pipedrive import READS, WRITES

# What is newer than the files, or only in the vendors' words: (method, beginning of the path, what is said) → why.
BEYOND: Mapping[tuple[str, str, str], str] = {
    ("GET", "/contacts", "query parameter {'identifierType'}"): "brevo sheet §4: newer than the file of 2024",
    ("PUT", "/contacts", "query parameter {'identifierType'}"): "brevo sheet §4: newer than the file of 2024",
    ("GET", "/contacts", "query parameter {'ids'}"): "brevo sheet §4: newer than the file of 2024",
    ("POST", "/events", "is not in the specification"): "brevo sheet §6: newer than the file of 2024",
    ("POST", "/api/v1/leads", "body: (root): Additional properties are not allowed"): "the page of the call says that "
    "custom fields stand beside the others, by their keys (pipedrive sheet §6)",
}
FILES: Mapping[str, Any] = {"pipedrive": openapi, "brevo": openapi_brevo}


def problems(calls: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is not documented in these calls of the journal; nothing where the files are absent."""
    return sorted(set(_problems(calls)))


def _problems(calls: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for call in calls:
        vendor, method = call["vendor"], call["method"]
        if vendor not in FILES or not FILES[vendor].is_here():
            continue
        path = "/" + call["path"].split("/", 3)[-1]  # below vendor and account, or vendor and version
        body = json.loads(call["body"]) if call["body"] else None
        try:
            FILES[vendor].check_request(method, path, dict(parse_qsl(call["query"])), body)
        except SpecMismatch as exc:
            if not _is_beyond(method, path, str(exc)):
                yield f"{method} {path}: {exc}"
            continue
        if vendor == "pipedrive" and openapi.find_operation(method, path)[1] not in _answers_held():
            yield f"{method} {path}: no test holds its answer to the specification"


@cache
def _answers_held() -> frozenset[str]:
    """The templates of the paths whose answers a test compares with the file."""
    calls = [("GET", path.partition("?")[0]) for path in READS] + [(method, path) for method, path, _ in WRITES]
    return frozenset(openapi.find_operation(method, path)[1] for method, path in calls)


def _is_beyond(method: str, path: str, said: str) -> bool:
    return any(method == verb and path.startswith(start) and words in said for verb, start, words in BEYOND)
