"""The sandbox's answers, costs and scopes against Pipedrive's official OpenAPI files."""

from __future__ import annotations

import pytest

from sandbox.pipedrive.server import ENDPOINTS
from tests.sandbox.openapi import SpecMismatch, check_request, check_response, find_operation, require_specs

pytestmark = pytest.mark.usefixtures("_specs")

# The v1 field lists are left out: the spec gives field_type two enums of which system fields fit only one.
READS = [
    "/api/v2/persons", "/api/v2/persons/1", "/api/v2/persons?include_fields=open_deals_count,next_activity_id",
    "/api/v2/persons?limit=2&sort_by=update_time&sort_direction=desc", "/api/v2/persons?ids=1,2",
    "/api/v2/persons/search?term=ada", "/api/v2/organizations", "/api/v2/organizations/1",
    "/api/v2/organizations/search?term=engines", "/api/v2/deals", "/api/v2/deals/1", "/api/v2/deals/archived",
    "/api/v2/deals/products?deal_ids=1",
    "/api/v2/deals/search?term=engine", "/api/v2/activities", "/api/v2/pipelines", "/api/v2/pipelines/1",
    "/api/v2/stages", "/api/v2/stages/1", "/api/v2/personFields", "/api/v2/personFields/name",
    "/api/v2/organizationFields", "/api/v2/dealFields", "/api/v2/itemSearch?term=ada", "/api/v2/leads/search?term=xx",
    "/api/v2/itemSearch/field?term=Ada&entity_type=person&field=name&match=beginning",
    "/v1/users", "/v1/users/me", "/v1/users/9001001", "/v1/users/find?term=grace", "/v1/users/9001001/permissions",
    "/v1/webhooks", "/v1/leads", "/v1/leadLabels",
    "/v1/leadSources", "/v1/leads/archived", "/v1/notes", "/v1/activityTypes", "/v1/currencies", "/v1/filters",
    "/v1/recents?since_timestamp=2026-01-01%2000:00:00&items=person",
]  # fmt: skip
WRITES = [
    ("POST", "/api/v2/persons", {"name": "Ada L", "emails": [{"value": "a@example.com", "primary": True}]}),
    ("PATCH", "/api/v2/persons/1", {"name": "Ada B", "org_id": 2}),
    ("DELETE", "/api/v2/persons/1", None),
    ("POST", "/api/v2/organizations", {"name": "Org", "address": {"value": "Street 1"}}),
    ("PATCH", "/api/v2/organizations/1", {"website": "https://example.com"}),
    ("DELETE", "/api/v2/organizations/1", None),
    ("POST", "/api/v2/deals", {"title": "Deal", "person_id": 1, "value": 10.5, "currency": "EUR"}),
    ("PATCH", "/api/v2/deals/1", {"status": "won"}),
    ("DELETE", "/api/v2/deals/1", None),
    ("POST", "/api/v2/activities", {"subject": "Call", "participants": [{"person_id": 1, "primary": True}]}),
    ("POST", "/api/v2/pipelines", {"name": "Second"}),
    ("POST", "/api/v2/stages", {"name": "New", "pipeline_id": 1}),
    ("POST", "/api/v2/personFields",
     {"field_name": "Newsletter", "field_type": "enum", "options": [{"label": "yes"}, {"label": "no"}]}),
    ("POST", "/v1/personFields", {"name": "Old style", "field_type": "varchar"}),
    ("POST", "/v1/webhooks", {"subscription_url": "https://hub.example/x", "event_action": "change",
                              "event_object": "person", "name": "sync", "version": "2.0"}),
    ("POST", "/v1/notes", {"content": "<b>x</b>", "person_id": 1}),
    ("POST", "/v1/leads", {"title": "Lead", "person_id": 1, "value": {"amount": 1, "currency": "EUR"}}),
    ("POST", "/v1/activityTypes", {"name": "Video", "icon_key": "camera"}),
    ("PUT", "/v1/persons/1/merge", {"merge_with_id": 2}),
    ("PUT", "/v1/organizations/1/merge", {"merge_with_id": 2}),
]  # fmt: skip


@pytest.fixture(scope="module")
def _specs():
    require_specs()


@pytest.mark.parametrize("path", READS)
def test_reads_are_documented(pipedrive, path):
    plain, _, raw = path.partition("?")
    query = dict(part.split("=", 1) for part in raw.split("&") if part)
    check_request("GET", plain, query)

    answer = pipedrive("GET", path)

    check_response("GET", plain, answer.status_code, answer.json())


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_writes_are_documented(pipedrive, method, path, body):
    check_request(method, path, {}, body)

    answer = pipedrive(method, path, json=body)

    check_response(method, path, answer.status_code, answer.json())


def test_cost_and_scopes_are_the_documented_ones():
    assert len(ENDPOINTS) > 100
    for endpoint in ENDPOINTS:
        path = f"/api/{endpoint.path}" if endpoint.path.startswith("v2/") else f"/{endpoint.path}"

        _, _, operation = find_operation(endpoint.method, path)

        assert endpoint.cost == operation["x-token-cost"], endpoint
        scopes = {scope for entry in operation.get("security", []) for scope in entry.get("oauth2", [])}
        if "webhooks" in endpoint.path:  # the guides and real apps name webhooks:* where the spec names admin
            scopes |= {scope for scope in endpoint.scopes if scope.startswith("webhooks:")}
        if scopes and scopes != {"base"}:
            assert set(endpoint.scopes) == scopes, endpoint


@pytest.mark.parametrize("body", [{"name": "X", "email": "a@example.com"}, {"name": 5}, {"owner_id": "1"}])
def test_the_checker_refuses_what_the_api_refuses(pipedrive, body):
    with pytest.raises(SpecMismatch):
        check_request("POST", "/api/v2/persons", {}, body)

    assert pipedrive("POST", "/api/v2/persons", json=body).status_code == 400
