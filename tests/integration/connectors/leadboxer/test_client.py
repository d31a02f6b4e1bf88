"""The client's requests, exactly, and how it reads a vendor whose answers are only half documented."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from integration.connectors.base import Credentials, FieldSpec
from integration.connectors.leadboxer import fields, records
from integration.connectors.leadboxer.client import LeadBoxerClient, seen_within
from integration.connectors.leadboxer.connector import CONNECTOR
from integration.connectors.leadboxer.records import Dataset
from integration.errors import ContractError, RateLimited, RecordError, TenantActionError
from tests.support.client_cases import Stub

KEY, LOGIN, ROOT = "k" * 40, "grace@acme.example", "/leadboxer/v1"
SITE = "51" * 16
TODAY = {"criteriaTimeFilter": seen_within(1)}
LEAD = {"use_id": "1783024862163.757717719", "lastEvent": 1783024999000, "email": "Ada@X.example", "firstName": "Ada",
        "lastName": "Lovelace", "organizationName": "X GmbH", "organizationDomain": "https://www.X.example/about",
        "organizationEmployeeCountEstimate": "120", "leadscore": "72", "esScore": "1", "favourite_colour": "green",
        "organizationPhone": "", "customEventInfo": {}}  # fmt: skip


def body(*rows: Any, **more: Any) -> bytes:
    return json.dumps({"data": rows, **more}).encode()


@pytest.fixture
def client(stub: Stub) -> LeadBoxerClient:
    return LeadBoxerClient(Credentials("api_key", f"{stub.url}{ROOT}", {"api_key": KEY, "email": LOGIN}))


def test_key_and_login_name_the_account(stub: Stub, client: LeadBoxerClient) -> None:
    stub.will(body({"datasetId": SITE, "humanName": "acme.example", "accountId": 401, "accountName": "ACME Leads"}))

    account = CONNECTOR.check(client)

    assert (stub.last.method, stub.last.path, stub.last.query) == ("GET", f"{ROOT}/user-datasets", [("email", LOGIN)])
    assert stub.last.headers["x-api-key"] == KEY
    assert (account.external_id, account.name) == ("401", "ACME Leads")


def test_the_other_path_of_the_datasets_is_tried_and_remembered(stub: Stub, client: LeadBoxerClient) -> None:
    stub.will(b"{}", 404)
    stub.will(body({"id": SITE, "name": "acme.example"}))
    stub.will(body({"id": SITE, "name": "acme.example"}))

    assert [row.id for row in client.list_datasets() + client.list_datasets()] == [SITE, SITE]
    assert [call.path.removeprefix(ROOT) for call in stub.seen] == [
        "/user-datasets", "/users/datasets", "/users/datasets",
    ]  # fmt: skip


def test_without_an_account_id_the_login_stands_for_it(stub: Stub, client: LeadBoxerClient) -> None:
    stub.will(body({"id": SITE, "name": "acme.example"}))

    assert CONNECTOR.check(client).external_id == LOGIN


def test_a_login_that_sees_nothing_or_is_missing_says_so(stub: Stub, client: LeadBoxerClient) -> None:
    stub.will(body())
    with pytest.raises(TenantActionError):
        client.get_account()
    nobody = LeadBoxerClient(Credentials("api_key", f"{stub.url}{ROOT}", {"api_key": KEY}))
    with pytest.raises(TenantActionError) as caught:
        nobody.get_account()
    assert "e-mail address" in caught.value.public


def test_a_limit_without_a_number_waits_a_minute(stub: Stub, client: LeadBoxerClient) -> None:
    stub.will(b'{"error":"Too Many Requests"}', 429)

    with pytest.raises(RateLimited) as caught:
        client.leads_page(SITE, TODAY)

    assert caught.value.retry_after == 60


def test_a_problem_document_says_what_and_how_long(stub: Stub, client: LeadBoxerClient) -> None:
    document = {"type": "about:blank", "title": "Rate limit exceeded", "status": 429, "detail": "10 calls a minute",
                "instance": "/v1/leads", "rate-limit": 10, "retry-after": 17}  # fmt: skip
    stub.will(json.dumps(document).encode(), 429)

    with pytest.raises(RateLimited, match="10 calls a minute") as caught:
        client.leads_page(SITE, TODAY)

    assert caught.value.retry_after == 17


def test_a_page_of_leads_asks_for_the_newest_with_the_criteria(stub: Stub, client: LeadBoxerClient) -> None:
    stub.will(body(LEAD, nextToken="t2"))

    page = client.leads_page(SITE, {**TODAY, "criteriaLeadscoreFilter": "59"}, token="t1")

    assert dict(stub.last.query) == {
        "search": "*", "timeField": "eventEsTimestamp", "criteriaTimeFilter": "eventEsTimestamp|lessthan|1",
        "criteriaLeadscoreFilter": "59", "site": SITE, "limit": "40", "sortBy": "lastEvent|desc", "timeZone": "UTC",
        "nextToken": "t1",
    }  # fmt: skip
    assert page.next_token == "t2"


@pytest.mark.parametrize("more", [{"nextToken": "t2"}, {"cursor": "t2"}, {"page": 3, "token_of_next_page": "t2"}])
def test_the_next_page_is_found_by_whatever_its_token_is_called(
    stub: Stub, client: LeadBoxerClient, more: dict[str, Any]
) -> None:
    stub.will(body(LEAD, **more)).will(body(LEAD, **more))

    assert client.leads_page(SITE, TODAY, limit=1).next_token == "t2"


def test_a_text_beside_the_rows_of_a_page_that_is_not_full_is_no_token(stub: Stub, client: LeadBoxerClient) -> None:
    stub.will(body(LEAD, message="OK"))

    assert client.leads_page(SITE, TODAY).next_token is None


def test_a_limit_told_as_text_is_one(stub: Stub, client: LeadBoxerClient) -> None:
    from integration.connectors.leadboxer.api import limits
    from integration.http import Reply

    [reading] = limits("leads", Reply(429, {}, b'{"rate-limit": "10", "retry-after": "7"}'))

    assert (reading.limit, reading.resets_in) == (10, 7)


@pytest.mark.parametrize("more", [{}, {"status": "ok", "cursor": "t2"}])
def test_a_full_page_that_does_not_lead_on_is_never_silently_the_end(
    stub: Stub, client: LeadBoxerClient, more: dict[str, Any]
) -> None:
    other = {**LEAD, "use_id": "1783024862164.1"}
    stub.will(body(LEAD, **more))
    stub.will(body(LEAD, other, **more))

    with pytest.raises(ContractError, match="read on"):
        client.leads_page(SITE, TODAY, limit=1)

    stub.will(body(LEAD, **more))
    stub.will(body(LEAD, **more))
    assert client.leads_page(SITE, TODAY, limit=1).next_token is None  # one more was asked for, and there was none


def test_a_lead_is_read_with_what_is_known(stub: Stub, client: LeadBoxerClient) -> None:
    stub.will(body(LEAD))

    [lead] = client.leads_page(SITE, TODAY).leads

    assert (lead.id, lead.email, lead.name, lead.organization) == (
        LEAD["use_id"], "ada@x.example", "Ada Lovelace", "X GmbH",
    )  # fmt: skip
    assert (lead.domain, lead.score) == ("x.example", 72)
    assert lead.last_event == datetime(2026, 7, 2, 20, 43, 19, tzinfo=UTC)
    assert lead.values["favourite_colour"] == "green"
    assert "organizationPhone" not in lead.values


def test_the_score_is_unknown_where_only_the_search_score_is_told() -> None:
    row = {key: value for key, value in LEAD.items() if key != "leadscore"}

    assert records.parse_lead(row).score is None


@pytest.mark.parametrize("broken", [{"use_id": None}, {"use_id": True}, {"lastEvent": "soon"}, {"lastEvent": None}])
def test_a_lead_without_id_or_time_is_a_contract_error(broken: dict[str, Any]) -> None:
    with pytest.raises(ContractError):
        records.parse_lead({**LEAD, **broken})


@pytest.mark.parametrize("text", ["", "localhost", "//", "http://[", "ada"])
def test_what_is_no_domain_is_none(text: str) -> None:
    assert records.domain_of(text) == ""


def test_one_lead_is_asked_for_with_dataset_and_login(stub: Stub, client: LeadBoxerClient) -> None:
    stub.will(json.dumps(LEAD).encode())

    assert client.get_lead(SITE, "1783.7/../8").id == LEAD["use_id"]
    assert stub.last.path == f"{ROOT}/leads/1783.7%2F..%2F8"
    assert dict(stub.last.query) == {"site": SITE, "email": LOGIN}
    with pytest.raises(RecordError):
        client.get_lead(SITE, "..")


@pytest.mark.parametrize("envelope", ["data", "sessions"])
def test_sessions_are_read_from_either_envelope(stub: Stub, client: LeadBoxerClient, envelope: str) -> None:
    rows = [{"session_id": "s1", "lastEvent": 1783024999000}, {"id": "s2"}]
    stub.will(json.dumps({envelope: rows, "responseCode": 200}).encode())

    first, second = client.get_sessions(SITE, "1.1")

    assert dict(stub.last.query) == {"leadId": "1.1", "limit": "500", "site": SITE}
    assert (first.id, second.id, second.last_event) == ("s1", "s2", None)


def test_events_come_in_the_order_they_happened(stub: Stub, client: LeadBoxerClient) -> None:
    rows = [
        {"event_id": "e2", "eventUnixTimestamp": "1783024999000", "title": "Form-Submit"},
        {"event_id": "e1", "eventUnixTimestamp": "1783024990000", "original_url": "https://acme.example/a"},
    ]
    stub.will(body(*rows))

    events = client.get_events(SITE, "s1")

    assert (stub.last.path, dict(stub.last.query)) == (
        f"{ROOT}/leads/events", {"sessionId": "s1", "limit": "500", "site": SITE},
    )  # fmt: skip
    assert [(event.id, event.title, event.url) for event in events] == [
        ("e1", "", "https://acme.example/a"), ("e2", "Form-Submit", ""),
    ]  # fmt: skip


def test_a_segment_becomes_parameters_of_the_list(stub: Stub, client: LeadBoxerClient) -> None:
    row = {"segmentId": 7, "name": "Germany", "search": "*", "textFilter": "organizationCountry|is|Germany",
           "numberFilter": "", "criteriaFieldFilter": "hasanyvalue|email"}  # fmt: skip
    stub.will(body(row))

    [segment] = client.list_segments(Dataset(SITE, "site", "401"))

    assert dict(stub.last.query) == {"email": LOGIN, "accountId": "401", "datasetId": SITE}
    assert segment.criteria == {
        "criteriaTextFilter": "organizationCountry|is|Germany", "criteriaFieldFilter": "hasanyvalue|email",
    }  # fmt: skip


def test_properties_the_customer_named_are_fields_too(stub: Stub, client: LeadBoxerClient) -> None:
    stub.will(body({"datasetId": SITE})).will(body(LEAD))

    found = {spec.key: spec for spec in fields.list_fields(client, "lead")}

    assert (found["favourite_colour"].label, found["favourite_colour"].custom) == ("Favourite colour", True)
    assert found["organizationIndustryName"].label == "Industry"
    assert not {"use_id", "esScore", "customEventInfo"} & set(found)
    assert not any(spec.writable for spec in found.values())


def test_nothing_is_created_there(client: LeadBoxerClient) -> None:
    with pytest.raises(RecordError):
        CONNECTOR.create_field(client, "lead", FieldSpec("x", "X", "text"))
