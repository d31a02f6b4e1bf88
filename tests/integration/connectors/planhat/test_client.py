"""The client's requests, exactly; above all bulk upserts whose failures must land on the right records."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from integration.connectors.base import Credentials, FieldSpec
from integration.connectors.planhat import bulk, fields, records
from integration.connectors.planhat.api import normalise_base_url
from integration.connectors.planhat.client import PlanhatClient
from integration.connectors.planhat.connector import CONNECTOR
from integration.connectors.registry import get_connector
from integration.errors import ContractError, RateLimited, RecordError, TenantActionError, TransientError
from integration.guard import AddressRefused
from tests.support.client_cases import Stub

from .conftest import TOKEN, api

SIZE, SEGMENT = "custom.65a0000000000000000000c1", "custom.65a0000000000000000000c2"
FINE = b'{"created":0,"updated":0,"nonupdates":1,"createdErrors":[],"updatedErrors":[],"insertsKeys":[]}'


def sent(stub: Stub) -> Any:
    return json.loads(stub.last.body)


def test_the_token_is_a_bearer_and_the_oldest_member_stands_for_the_account(stub: Stub, client: PlanhatClient) -> None:
    stub.will(api("GET_users__200"))
    account = client.get_account()
    assert stub.last.headers["Authorization"] == f"Bearer {TOKEN}"
    assert (stub.last.path, dict(stub.last.query)) == ("/users", {"limit": "2000", "offset": "0"})
    assert (account.external_id, account.name) == ("57a1b2c3d4e5f60718293a4b", "Planhat of acme.example")


def test_the_registry_knows_it() -> None:
    assert get_connector("planhat") is CONNECTOR
    assert CONNECTOR.one_writer
    assert CONNECTOR.by_hand


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("", "https://api.planhat.com"), ("us1", "https://api-us1.planhat.com"),
        ("https://app-us1.planhat.com/home?x=1", "https://api-us1.planhat.com"),
        ("app.planhat.com", "https://api.planhat.com"), ("https://ws.planhat.com/", "https://api.planhat.com"),
        ("api-eu.planhat.com", "https://api-eu.planhat.com"), ("api.planhatdemo.com", "https://api.planhatdemo.com"),
    ],
)  # fmt: skip
def test_the_host_follows_from_what_a_tenant_knows(typed: str, address: str) -> None:
    assert CONNECTOR.policy.check(normalise_base_url(typed)) == address


@pytest.mark.parametrize("typed", ["https://evil.example", "http://169.254.169.254", "planhat.com.evil.example", "::1"])
def test_other_hosts_are_refused(typed: str) -> None:
    with pytest.raises(AddressRefused):
        CONNECTOR.policy.check(normalise_base_url(typed))


# Companies


def test_a_company_is_read_with_its_owner_as_an_id(stub: Stub, client: PlanhatClient) -> None:
    stub.will(api("GET_companies__200"))
    page = client.companies_page()
    first, second = page.records
    assert page.next_offset is None
    assert (first.source_id, first.attributes["owner"]) == ("7", "58a1b2c3d4e5f60718293a4b")
    assert second.updated == datetime(2026, 11, 19, 9, 30, tzinfo=UTC)


@pytest.mark.chaos("V10")
def test_a_full_page_has_another_one_behind_it(stub: Stub, client: PlanhatClient) -> None:
    rows = [{"_id": f"{n:024x}", "name": f"Company {n}"} for n in range(2003)]
    stub.will(json.dumps(rows[:2000]).encode()).will(json.dumps(rows[2000:]).encode())

    first = client.companies_page()
    second = client.companies_page(first.next_offset)

    assert [dict(seen.query)["offset"] for seen in stub.seen] == ["0", "2000"]
    assert {company.id for company in (*first.records, *second.records)} == {row["_id"] for row in rows}
    assert second.next_offset is None


@pytest.mark.chaos("V10")
def test_reading_since_stops_where_the_list_is_older(stub: Stub, client: PlanhatClient) -> None:
    stub.will(api("GET_companies__200"))
    page = client.companies_page(since=datetime(2026, 11, 20, tzinfo=UTC))
    assert ("sort", "-updatedAt") in stub.last.query
    assert [company.name for company in page.records] == ["Analytical Engines"]
    assert page.next_offset is None


def test_a_list_that_ignores_our_order_is_read_to_its_end(stub: Stub, client: PlanhatClient) -> None:
    rows = [{"_id": f"{n:024x}", "updatedAt": f"2026-11-{1 + n % 28:02}T00:00:00Z"} for n in range(2000)]
    stub.will(json.dumps(rows).encode())
    page = client.companies_page(since=datetime(2026, 11, 28, tzinfo=UTC))
    assert page.next_offset == 2000
    assert {company.updated for company in page.records} == {datetime(2026, 11, 28, tzinfo=UTC)}


def test_an_unknown_company_is_none_and_ids_cannot_lead_elsewhere(stub: Stub, client: PlanhatClient) -> None:
    stub.will(b"not found", 404)
    assert client.get_company("srcid-7/../users") is None
    assert stub.last.decoded_path == "/companies/srcid-7/../users"
    assert stub.last.path == "/companies/srcid-7%2F..%2Fusers"


def test_plain_text_is_the_vendors_word(stub: Stub, client: PlanhatClient) -> None:
    stub.will(b"Failed to create company", 400)
    with pytest.raises(RecordError, match="Failed to create company"):
        client.update_company("5f1e7a000000000000000001", {"name": "X"})


# Bulk


def test_a_bulk_call_is_one_put_with_everything(stub: Stub, client: PlanhatClient) -> None:
    stub.will(FINE)
    client.upsert("company", [{"sourceId": "7", "name": "Engines"}, {"sourceId": "7", "name": "Engines Ltd"}])
    assert (stub.last.method, stub.last.path) == ("PUT", "/companies")
    assert sent(stub) == [{"sourceId": "7", "name": "Engines Ltd"}]


@pytest.mark.chaos("V7")
def test_a_206_fails_the_record_it_names_and_keeps_the_ids_of_the_others(stub: Stub, client: PlanhatClient) -> None:
    stub.will(api("PUT_endusers__206"), 206)
    done = client.upsert("enduser", [{"sourceId": "1"}, {"sourceId": "2", "email": "nonsense"}])
    assert done.ids == {"1": "65a0000000000000000000b1"}
    assert done.errors == {"2": "email is invalid"}


def failing(bad: set[str], form: Any, calls: list[int]) -> bulk.Put:
    """A vendor that refuses these records and tells so in a form of its own."""

    def put(rows: Any) -> Any:
        calls.append(len(rows))
        wrong = [row for row in rows if row["sourceId"] in bad]
        return {"createdErrors": [form(row) for row in wrong], "updatedErrors": []}

    return put


@pytest.mark.parametrize(
    "form",
    [
        lambda row: {**row, "error": "refused"},
        lambda row: {"message": "refused", "item": row},
        lambda row: {"message": "refused", "errors": [{"doc": {"op": row}}]},
        lambda row: "refused",
        lambda row: {"code": 11000, "message": "refused"},
    ],
)
@pytest.mark.parametrize(
    "bad", [set(), {"3"}, {"0", "7"}, {str(n) for n in range(8)}], ids=["none", "one", "two", "all"]
)
def test_failures_land_on_the_right_records_whatever_form_they_have(form: Any, bad: set[str]) -> None:
    calls: list[int] = []
    done = bulk.upsert([{"sourceId": str(n)} for n in range(8)], "sourceId", failing(bad, form, calls))
    assert done.errors == dict.fromkeys(bad, "refused")
    assert len(calls) <= 1 + 2 * 3 * len(bad)


def test_an_error_that_names_two_of_our_records_names_none() -> None:
    rows = [{"sourceId": str(n)} for n in range(4)]
    calls: list[int] = []
    done = bulk.upsert(rows, "sourceId", failing({"2"}, lambda row: {"message": "twin", "both": rows[1:3]}, calls))
    assert done.errors == {"2": "twin"}


def test_a_call_that_takes_too_long_is_tried_in_halves_and_a_vendor_that_is_gone_is_not() -> None:
    calls: list[int] = []

    def put(rows: Any, most: int) -> Any:
        calls.append(len(rows))
        if len(rows) > most:
            raise TransientError("slow", reason="vendor_unreachable")
        return {"insertsKeys": [{"_id": f"id{row['sourceId']}", "sourceId": row["sourceId"]} for row in rows]}

    rows = [{"sourceId": str(n)} for n in range(2000)]
    assert len(bulk.upsert(rows, "sourceId", lambda portion: put(portion, 1000)).ids) == 2000
    assert calls == [2000, 1000, 1000]
    calls.clear()
    with pytest.raises(TransientError):
        bulk.upsert(rows, "sourceId", lambda portion: put(portion, 0))
    assert calls == [2000, 1000, 500]


def test_five_thousand_go_in_one_call_and_long_notes_in_several() -> None:
    short = [{"externalId": str(n)} for n in range(5001)]
    long = [{"externalId": str(n), "description": "ü" * 1_500_000} for n in range(4)]
    assert [len(portion) for portion in bulk.portions(short)] == [5000, 1]
    assert [len(portion) for portion in bulk.portions(long)] == [2, 2]
    assert list(bulk.portions([])) == []


def test_a_missing_permission_holds_the_work(stub: Stub, client: PlanhatClient) -> None:
    stub.will(b'{"permissionErrors":[{"model":"enduser"}]}', 206)
    with pytest.raises(TenantActionError):
        client.upsert("enduser", [{"sourceId": "1"}])
    stub.will(b'{"createdErrors":{"a":1}}', 206)
    with pytest.raises(ContractError):
        client.upsert("enduser", [{"sourceId": "1"}])


# Fields


def test_custom_fields_are_known_by_id_and_written_by_their_present_name(stub: Stub, client: PlanhatClient) -> None:
    stub.will(api("GET_customfields__200"))
    specs = {spec.key: spec for spec in fields.list_fields(client, "company")}
    assert specs[SIZE] == FieldSpec(SIZE, "Company Size", "number", custom=True)
    assert [option.key for option in specs[SEGMENT].options] == ["SMB", "Enterprise"]
    assert not specs["custom.65a0000000000000000000c3"].writable
    assert not specs["status"].writable
    assert not specs["name"].custom
    values = {"name": "Engines", "city": None, SIZE: 12, "custom.gone": 1}
    assert records.body(values, specs) == {"name": "Engines", "city": None, "custom": {"Company Size": 12}}


def test_a_record_shows_what_it_lacks_as_empty(stub: Stub, client: PlanhatClient) -> None:
    stub.will(api("GET_customfields__200")).will(api("GET_companies__200"))
    specs = fields.list_fields(client, "company")
    first, second = client.companies_page().records
    shown = records.record_values(first, specs)
    assert (shown["name"], shown["city"]) == ("Analytical Engines", None)
    assert shown["custom"] == {SIZE.removeprefix("custom."): 12, SEGMENT.removeprefix("custom."): None,
                               "65a0000000000000000000c3": None}  # fmt: skip
    assert records.record_values(second, specs)["custom"][SIZE.removeprefix("custom.")] is None


def test_a_field_is_made_with_the_vendors_type(stub: Stub, client: PlanhatClient) -> None:
    stub.will(b'{"_id":"65a0000000000000000000c9","name":"Since","type":"day","parent":"company"}')
    made = fields.create_field(client, "company", FieldSpec("", "Since", "date", custom=True))
    assert sent(stub) == {"parent": "company", "name": "Since", "type": "day", "isHidden": False}
    assert made.key == "custom.65a0000000000000000000c9"
    assert fields.name_problem("a.b")
    assert not fields.name_problem("Company Size")
    with pytest.raises(RecordError):
        fields.create_field(client, "company", FieldSpec("", "X" * 200, "text", custom=True))


def test_credentials_are_trimmed_and_never_shown() -> None:
    client = PlanhatClient(Credentials("api_token", "https://api.planhat.com", {"api_token": f" {TOKEN}\n"}))
    assert TOKEN not in repr(client.__dict__.get("credentials", ""))
    assert client._transport._headers["Authorization"] == f"Bearer {TOKEN}"


# Lists of several pages


def test_a_list_longer_than_a_page_is_read_to_its_end(stub: Stub, client: PlanhatClient) -> None:
    full = [{"_id": f"u{n}", "nickName": "N", "email": f"n{n}@acme.example"} for n in range(2000)]
    stub.will(json.dumps(full).encode()).will(json.dumps([{**full[0], "_id": "last"}]).encode())

    users = client.get_users()

    assert len(users) == 2001
    assert users[-1].id == "last"
    assert [dict(call.query)["offset"] for call in stub.seen] == ["0", "2000"]


def companies(*days: int) -> bytes:
    """A full page of companies, changed on these days of November in this order; the last day fills it up."""
    filled = [*days, *[days[-1]] * (2000 - len(days))]
    rows = [
        {"_id": f"c{n}", "name": "X", "updatedAt": f"2026-11-{day:02}T00:00:00.000Z"} for n, day in enumerate(filled)
    ]
    return json.dumps(rows).encode()


@pytest.mark.parametrize(
    ("days", "following"),
    [((20, 15), 2000), ((20, 10), 2000), ((20, 9), None), ((9, 20, 9), 2000)],
    ids=["all newer", "the last of the same time", "older ones follow", "in no order"],
)
def test_a_poll_goes_on_until_the_list_is_older(
    stub: Stub, client: PlanhatClient, days: tuple[int, ...], following: int | None
) -> None:
    stub.will(companies(*days))

    page = client.companies_page(since=datetime(2026, 11, 10, tzinfo=UTC))

    assert page.next_offset == following
    assert {company.updated.day for company in page.records if company.updated} <= {10, 15, 20}
    assert dict(stub.last.query)["sort"] == "-updatedAt"


@pytest.mark.parametrize(("header", "seconds"), [({}, 60.0), ({"Retry_After": "7"}, 7.0)])
def test_an_exhausted_quota_is_left_alone_for_a_minute(
    stub: Stub, client: PlanhatClient, header: dict[str, str], seconds: float
) -> None:
    stub.will(b"slow down", 429, **header)
    with pytest.raises(RateLimited) as caught:
        client.get_users()
    assert caught.value.retry_after == seconds
