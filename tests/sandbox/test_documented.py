"""The check of walks' calls: it lets through what is documented, and names what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox import documented
from tests.sandbox.openapi import require_specs


def call(method: str, path: str, query: str = "", body: Any = None, vendor: str = "pipedrive") -> dict[str, Any]:
    raw = b"" if body is None else json.dumps(body).encode()
    return {"vendor": vendor, "method": method, "path": path, "query": query, "body": raw}


@pytest.fixture(autouse=True)
def _specs() -> None:
    require_specs()


@pytest.mark.parametrize(
    "made",
    [
        call("POST", "/pipedrive/acme/api/v2/persons", body={"name": "Ada"}),
        call("GET", "/pipedrive/acme/api/v2/persons", "limit=2"),
        call("GET", "/maileon/1.0/anything", vendor="maileon"),
        call("GET", "/brevo/v3/contacts/7", "identifierType=contact_id", vendor="brevo"),
    ],
)
def test_documented_calls_pass(made: dict[str, Any]) -> None:
    assert documented.problems([made]) == []


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (call("POST", "/pipedrive/acme/api/v2/persons", body={"name": 5}), "name: 5 is not of type"),
        (call("POST", "/pipedrive/acme/api/v2/persons", body={"name": "A", "email": "a"}), "'email' was unexpected"),
        (call("GET", "/pipedrive/acme/api/v2/persons", "limit=many"), "limit must be an integer"),
        (call("GET", "/pipedrive/acme/api/v2/people"), "is not in the v2 specification"),
        (call("GET", "/brevo/v3/contacts", "page=1", vendor="brevo"), "query parameter {'page'} is not documented"),
    ],
)
def test_others_are_named(made: dict[str, Any], words: str) -> None:
    [said] = documented.problems([made])
    assert words in said
