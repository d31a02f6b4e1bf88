"""The Brevo stand-in's answers against the vendor's Swagger file of 2024."""

from __future__ import annotations

import pytest

from tests.sandbox.openapi_brevo import SpecMismatch, check_request, check_response, require_spec

pytestmark = pytest.mark.usefixtures("_spec", "furnished")

READS = [
    "/account", "/contacts", "/contacts?limit=2&offset=0&sort=asc", "/contacts/ada@example.com",
    "/contacts?modifiedSince=2026-01-01T00:00:00%2B00:00", "/contacts/attributes", "/contacts/folders",
    "/contacts/folders/1", "/contacts/folders/1/lists", "/contacts/lists", "/contacts/lists/60",
    "/contacts/lists/60/contacts", "/webhooks?type=marketing", "/webhooks/5001", "/processes", "/processes/78",
]  # fmt: skip
WRITES = [
    ("POST", "/contacts", {"email": "new@example.com", "attributes": {"FIRSTNAME": "New"}, "listIds": [60]}),
    ("POST", "/contacts", {"email": "ada@example.com", "updateEnabled": True, "attributes": {"FIRSTNAME": "A"}}),
    ("PUT", "/contacts/ada@example.com", {"attributes": {"LASTNAME": "L"}, "unlinkListIds": [60]}),
    ("DELETE", "/contacts/ada@example.com", None),
    ("POST", "/contacts/attributes/normal/SIZE", {"type": "float"}),
    ("DELETE", "/contacts/attributes/normal/COMPANY", None),
    ("POST", "/contacts/lists", {"name": "More", "folderId": 1}),
    ("PUT", "/contacts/lists/60", {"name": "Everybody"}),
    ("DELETE", "/contacts/lists/60", None),
    ("POST", "/contacts/lists/61/contacts/add", {"emails": ["ada@example.com"]}),
    ("POST", "/contacts/lists/60/contacts/remove", {"emails": ["ada@example.com"]}),
    ("POST", "/contacts/folders", {"name": "Second"}),
    ("DELETE", "/contacts/folders/1", None),
    ("POST", "/contacts/import", {"fileBody": "EMAIL;FIRSTNAME\nb@example.com;Bea", "listIds": [60]}),
    ("POST", "/webhooks", {"url": "https://hub.example/x", "events": ["unsubscribed"], "type": "marketing"}),
    ("PUT", "/webhooks/5001", {"events": ["spam"], "url": "https://hub.example/x"}),
    ("DELETE", "/webhooks/5001", None),
]  # fmt: skip
REFUSED = [
    ("POST", "/contacts", {"email": "ada@example.com"}, 400),
    ("GET", "/contacts/nobody@example.com", None, 404),
    ("PUT", "/contacts/nobody@example.com", {"attributes": {}}, 404),
    ("POST", "/contacts/lists/60/contacts/add", {"emails": ["ada@example.com"]}, 400),
    ("GET", "/contacts/lists/999", None, 404),
]


@pytest.fixture(scope="module")
def _spec():
    require_spec()


@pytest.fixture
def furnished(brevo):
    """One contact on one list, one webhook, one process, one own attribute."""
    brevo("POST", "/contacts/attributes/normal/COMPANY", json={"type": "text"})
    attributes = {"FIRSTNAME": "Ada", "SMS": "+31612345678", "COMPANY": "Engines"}
    brevo("POST", "/contacts", json={"email": "ada@example.com", "attributes": attributes, "listIds": [60]})
    hook = {"url": "https://hub.example/x", "events": ["contactUpdated"], "type": "marketing"}
    brevo("POST", "/webhooks", json=hook)
    brevo("POST", "/contacts/import", json={"jsonBody": [{"email": "eve@example.com"}], "listIds": [60]})


@pytest.mark.parametrize("path", READS)
def test_reads_are_documented(brevo, path):
    plain, _, raw = path.partition("?")
    check_request("GET", plain, dict(part.split("=", 1) for part in raw.split("&") if part))

    answer = brevo("GET", path)

    check_response("GET", plain, answer.status_code, answer.json())


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_writes_are_documented(brevo, method, path, body):
    check_request(method, path, {}, body)

    answer = brevo(method, path, json=body)

    check_response(method, path, answer.status_code, answer.json() if answer.content else None)


@pytest.mark.parametrize(("method", "path", "body", "status"), REFUSED)
def test_refusals_are_documented(brevo, method, path, body, status):
    answer = brevo(method, path, json=body)

    assert answer.status_code == status
    check_response(method, path, status, answer.json())


def test_the_checker_refuses_what_is_not_documented():
    with pytest.raises(SpecMismatch):
        check_request("POST", "/contacts", {}, {"email": 5})
    with pytest.raises(SpecMismatch):
        check_request("GET", "/contacts", {"colour": "red"})
    with pytest.raises(SpecMismatch):
        check_response("GET", "/account", 200, {"companyName": "ACME"})
