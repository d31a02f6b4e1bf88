"""Every default that the official files name for a call we can make: the stand-ins behave as if it had been sent.

A query parameter: the answer is the same with it and without. A field of a body: the answer shows the default, or,
where the vendor shows nothing of it, what is made is the same with it and without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.brevo import server as brevo_server
from sandbox.pipedrive import server as pipedrive_server
from tests.sandbox import openapi, openapi_brevo
from tests.sandbox.openapi import specs_folder

# What a call needs beside the parameter that is tried, by path.
NEEDED = {
    "/api/v2/deals/products": {"deal_ids": "1"},
    "/api/v2/itemSearch/field": {"term": "Grace", "entity_type": "person", "field": "name"},
    "/api/v1/leads/search": {"term": "Engine"},
    "/api/v1/users/find": {"term": "Grace"},
    "/api/v1/recents": {"since_timestamp": "2026-01-01 00:00:00"},
}
BODIES: dict[str, dict[str, Any]] = {
    "/api/v2/Fields": {"field_name": "Level", "field_type": "varchar"},
    "/api/v1/Fields": {"name": "Level", "field_type": "varchar"},
    "/api/v2/pipelines": {"name": "Second"},
    "/api/v1/webhooks": {
        "subscription_url": "https://hub.example/x",
        "event_action": "*",
        "event_object": "*",
        "name": "t",
    },
    "/contacts": {"email": "eve@example.com"},
    "/contacts/import": {"jsonBody": [{"email": "eve@example.com"}], "listIds": [60]},
    "/webhooks": {"url": "https://hub.example/x", "events": ["unsubscribed"]},
}
NOT_PLAYED = {
    "projects_detail_visible_flag": "there are no projects here",
    "show_in_add_person_dialog": "organizations are not added from a person here",
    "show_in_pipelines": "deals' fields are shown in all pipelines",
    "stage_ids": "no field depends on a stage here",
    "statuses": "no field depends on a status here",
    "is_deal_probability_enabled": "probabilities are not played",
}


def _defaults(
    schema: Any, definitions: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if "default" in schema:
        yield path, schema["default"]
    for name, inner in (schema.get("properties") or {}).items():
        yield from _defaults(inner, definitions, (*path, name))
    for inner in schema.get("allOf", []):
        yield from _defaults(inner, definitions, path)


def _template(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _pipedrive() -> Iterator[tuple[str, str, Any, Any]]:
    served = {(row.method, row.path) for row in pipedrive_server.ENDPOINTS}
    for version in openapi.FILES:
        for path, operations in openapi.load(version)["paths"].items():
            for method, operation in operations.items():
                if (method.upper(), version + path) not in served or "{" in path:
                    continue
                for row in operation.get("parameters", []):
                    if "default" in row.get("schema", {}):
                        yield method.upper(), f"/api/{version}{path}", row["name"], row["schema"]["default"]
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    for where, value in _defaults(content.get("schema"), {}):
                        yield method.upper(), f"/api/{version}{path}", where, value


def _brevo() -> Iterator[tuple[str, str, Any, Any]]:
    served = {(row.method, _template(f"/{row.path}")) for row in brevo_server.ENDPOINTS}
    document = openapi_brevo.load()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if (method.upper(), _template(path)) not in served:
                continue
            for row in operation.get("parameters", []):
                found = document["parameters"][row["$ref"].rpartition("/")[2]] if "$ref" in row else row
                if found.get("in") == "body":
                    for where, value in _defaults(found["schema"], document["definitions"]):
                        yield method.upper(), path, where, value
                elif "default" in found:
                    yield method.upper(), path, found["name"], found["default"]


def _cases(found: Iterator[tuple[str, str, Any, Any]]) -> list[Any]:
    if specs_folder() is None:
        return [pytest.param("", "", "", "", id="without the files")]
    return [pytest.param(*row, id=f"{row[0]} {row[1]} {row[2]}") for row in found]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same(client, method, path, name, value):
    needed = NEEDED.get(path, {})
    url = re.sub(r"\{[^}]*\}", "60" if "listId" in path else "1", path)
    without, told = (client(method, url, params={**needed, **more}) for more in ({}, {name: _text(value)}))
    assert without.ok, without.text
    assert told.json() == without.json()


def _body(path: str) -> dict[str, Any]:
    return BODIES[re.sub(r"/\w+Fields$", "/Fields", path)]


def _nested(where: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *inner = where
    return {name: _nested(tuple(inner), value) if inner else value}


def _shown(answer: Any, where: tuple[str, ...]) -> Any:
    for name in where:
        if not isinstance(answer, dict) or name not in answer:
            return ...
        answer = answer[name]
    return answer


@pytest.mark.parametrize(("method", "path", "name", "value"), _cases(_pipedrive()))
def test_pipedrive(pipedrive, method, path, name, value):
    openapi.require_specs()
    if isinstance(name, str):
        _same(pipedrive, method, path, name, value)
        return
    made = pipedrive.data(method, path, json=_body(path))
    if not set(name) & NOT_PLAYED.keys():
        assert _shown(made, name) == value


@pytest.mark.parametrize(("method", "path", "name", "value"), _cases(_brevo()))
def test_brevo(brevo, sandbox, method, path, name, value):
    openapi_brevo.require_spec()
    if isinstance(name, str):
        _same(brevo, method, path, name, value)
        return
    seen = []
    for more in ({}, _nested(name, value)):
        sandbox.reset()
        sandbox.control("PATCH", "/brevo/801", {"plan": "unlimited", "import_delay_s": 0})
        answer = brevo(method, path, json={**_body(path), **more})
        assert answer.ok, answer.text
        brevo("GET", "/processes")
        state = sandbox.control("GET", "/brevo/801/state")
        seen.append(re.sub(r"\d{4}-\d\d-\d\dT[\d:.+Z-]+", "", str(state)))
    assert seen[0] == seen[1]
