"""The client's requests, exactly, and what it makes of the answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from integration.connectors.base import Credentials, FieldSpec, Option
from integration.connectors.pipedrive import fields, readers
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.records import ContactPoint, Person, record_values
from integration.errors import (
    ContractError,
    RateLimited,
    RecordError,
    TenantActionError,
    UnreadableRecord,
)
from integration.http import LimitStatus
from tests.support import client_cases
from tests.support.client_cases import Stub
from tests.support.webhook_cases import mutations

from .conftest import TOKEN, Budget, api

NEWSLETTER = "946947d1b02fd3ef20798d6112ec5d895a686a21"
BUDGET = "5e1d2c3b4a59687766554433221100ffeeddccbb"
TOPICS = "a0a1a2a3a4a5a6a7a8a9b0b1b2b3b4b5b6b7b8b9"
ROOT = "/pipedrive/acme"


@pytest.mark.parametrize(
    "data", ["1", '"x"', "[1]", '[{"id":null}]', '[{"id":[1]}]', '[{"id":1,"emails":3},{"id":2,"emails":3}]']
)
def test_a_wrong_record_is_a_contract_error(data: str, stub: Stub, client: PipedriveClient) -> None:
    client_cases.check_wrong_shape(f'{{"success":true,"data":{data}}}'.encode(), stub, client.persons_page)


def test_a_row_that_cannot_be_read_leaves_its_neighbours_alone(stub: Stub, client: PipedriveClient) -> None:
    rows = b'{"success":true,"data":[{"id":1,"emails":3},{"id":2,"name":"Ada"}]}'
    stub.will(rows)
    page = client.persons_page()

    assert [person.id for person in page.records] == ["2"]
    assert list(page.unreadable) == ["1"]
    assert "emails" in page.unreadable["1"]
    stub.will(rows)
    with pytest.raises(UnreadableRecord):  # who asks for ids must not take it for deleted
        client.get_persons(["1", "2"])


@pytest.mark.chaos("V6")
def test_success_false_is_a_contract_error(stub: Stub, client: PipedriveClient) -> None:
    client_cases.check_wrong_shape(b'{"success":false,"data":[]}', stub, client.persons_page)


def test_api_token_travels_in_a_header_only(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_users_me__200"))
    account = client.get_account()
    assert stub.last.headers["x-api-token"] == TOKEN
    assert "Authorization" not in stub.last.headers
    assert (stub.last.method, stub.last.path, stub.last.query) == ("GET", f"{ROOT}/api/v1/users/me", [])
    assert (account.external_id, account.name) == ("9001", "ACME GmbH")
    assert account.details == {
        "company_domain": "acme", "country": "DE", "user_id": "12415231", "user_name": "Grace Hopper",
    }  # fmt: skip


def test_oauth_token_travels_as_bearer(stub: Stub) -> None:
    credentials = Credentials("oauth", f"{stub.url}/pipedrive/acme", {"access_token": "v1u:token-of-an-hour"})
    stub.will(api("GET_users_me__200"))
    PipedriveClient(credentials).get_account()
    assert stub.last.headers["Authorization"] == "Bearer v1u:token-of-an-hour"
    assert "x-api-token" not in stub.last.headers


def test_people_are_read_a_hundred_per_call(stub: Stub, client: PipedriveClient) -> None:
    empty = b'{"success":true,"data":[],"additional_data":{"next_cursor":null}}'
    stub.will(empty).will(empty)
    assert client.get_persons([str(number) for number in range(150)] + ["3"]) == []
    first, second = [dict(seen.query) for seen in stub.seen]
    assert len(first["ids"].split(",")) == 100
    assert len(second["ids"].split(",")) == 50
    assert first["limit"] == "100"


def test_nobody_asked_for_makes_no_call(stub: Stub, client: PipedriveClient) -> None:
    assert client.get_persons([]) == []
    assert stub.seen == []


def test_a_person_arrives_in_our_shape(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_persons__200")).will(api("GET_personFields__200"))
    page = client.persons_page()
    person = page.records[0]
    assert person == Person(
        id="8", name="Ada Lovelace", first_name="Ada", last_name="Lovelace",
        emails=(ContactPoint("ada@example.com", "work", True), ContactPoint("second.ada@example.com", "home", False)),
        owner_id="12415231", org_id="7", label_ids=("1", "2"), visible_to="3",
        add_time=datetime(2026, 1, 1, 13, 18, 55, tzinfo=UTC), update_time=datetime(2026, 1, 2, 15, 18, 35, tzinfo=UTC),
        custom_fields={
            NEWSLETTER: "31", "0b1f0c5e7c9d4b1a8e2f3a4b5c6d7e8f90a1b2c3": "abc",
            BUDGET: {"value": 200, "currency": "EUR"}, TOPICS: ["13", "14"],
        },
    )  # fmt: skip
    assert person.primary_email == "ada@example.com"
    assert page.next_cursor == "eyJmaWVsZCI6ImlkIn0"


def test_record_values_are_flat_and_json(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_person__200")).will(api("GET_personFields__200"))
    values = record_values(client.get_person("8"))
    assert json.loads(json.dumps(values)) == values
    assert values["email"] == "ada@example.com"
    assert values["emails"] == ["ada@example.com", "second.ada@example.com"]
    assert values["phone"] is None
    assert values["update_time"] == "2026-01-02T15:18:35Z"
    assert values["custom_fields"][NEWSLETTER] == "31"


def test_pages_go_on_with_the_cursor_and_the_same_parameters(stub: Stub, client: PipedriveClient) -> None:
    fields_answer = api("GET_personFields__200")
    stub.will(api("GET_persons__200")).will(fields_answer).will(api("GET_persons__200_last_page"))
    since = datetime(2026, 1, 2, 4, 4, 5, 999_999, tzinfo=timezone(timedelta(hours=1)))
    people = list(client.iter_persons(since))
    assert [person.id for person in people] == ["8", "9", "9"]
    first, types, last = [seen for seen in stub.seen]
    expected = {"sort_by": "update_time", "updated_since": "2026-01-02T03:04:05Z", "limit": "500"}
    assert (first.path, dict(first.query)) == (f"{ROOT}/api/v2/persons", expected)
    assert types.path == f"{ROOT}/api/v2/personFields"
    assert dict(last.query) == {**expected, "cursor": "eyJmaWVsZCI6ImlkIn0"}


def test_field_types_are_read_once(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_person__200")).will(api("GET_personFields__200")).will(api("GET_person__200"))
    client.get_person("8")
    client.get_person("8")
    assert [seen.path.rpartition("/")[2] for seen in stub.seen] == ["8", "personFields", "8"]


def test_counts_come_with_the_fields_asked_for(stub: Stub, client: PipedriveClient) -> None:
    stub.will(b'{"success":true,"data":{"id":8,"won_deals_count":3,"custom_fields":{}}}')
    person = client.get_person("8", include_fields=["won_deals_count", "notes_count"])
    assert person.extra == {"won_deals_count": 3, "notes_count": None}
    assert stub.last.query == [("include_fields", "won_deals_count,notes_count")]


def test_create_person_sends_numbers_and_nested_custom_fields(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_personFields__200")).will(api("GET_person__200"))
    client.create_person(
        {
            "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "org_id": "7",
            "custom_fields": {NEWSLETTER: "31", TOPICS: ["13"], BUDGET: None},
        }
    )  # fmt: skip
    assert (stub.last.method, stub.last.path) == ("POST", f"{ROOT}/api/v2/persons")
    assert json.loads(stub.last.body) == {
        "name": "Ada Lovelace",
        "org_id": 7,
        "emails": [{"value": "ada@example.com", "primary": True, "label": "work"}],
        "custom_fields": {NEWSLETTER: 31, TOPICS: [13], BUDGET: None},
    }


def test_an_emptied_set_is_sent_as_null(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_personFields__200")).will(api("GET_person__200"))
    client.update_person("8", {"custom_fields": {TOPICS: []}})
    assert json.loads(stub.last.body) == {"custom_fields": {TOPICS: None}}


def test_a_changed_primary_address_keeps_the_others(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_person__200")).will(api("GET_personFields__200")).will(api("GET_person__200"))
    client.update_person("8", {"email": "augusta@example.com"})
    assert (stub.last.method, stub.last.path) == ("PATCH", f"{ROOT}/api/v2/persons/8")
    assert json.loads(stub.last.body) == {
        "emails": [
            {"value": "augusta@example.com", "primary": True, "label": "work"},
            {"value": "second.ada@example.com", "primary": False, "label": "home"},
        ]
    }


def test_one_name_part_keeps_the_other(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_person__200")).will(api("GET_personFields__200")).will(api("GET_person__200"))
    client.update_person("8", {"first_name": "Augusta"})
    assert json.loads(stub.last.body) == {"name": "Augusta Lovelace"}


def test_the_vendors_words_are_passed_on(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("PATCH_persons__400"), 400)
    with pytest.raises(RecordError) as caught:
        client.update_person("8", {"nope": "x"})
    assert "Parameter 'email' is not allowed" in caught.value.public
    stub.will(api("any__403_scope"), 403)
    with pytest.raises(TenantActionError) as refused:
        client.get_deals(["1"])
    assert "Scope and URL mismatch" in refused.value.public


@pytest.mark.parametrize("hostile", ["", ".", ".."])
def test_an_id_never_leads_to_another_path(hostile: str, stub: Stub, client: PipedriveClient) -> None:
    with pytest.raises(RecordError):
        client.get_person(hostile)
    assert stub.seen == []


def test_an_odd_id_is_quoted(stub: Stub, client: PipedriveClient) -> None:
    stub.will(b"", 404)
    with pytest.raises(RecordError):
        client.get_person("8/../../users?x=1")
    assert stub.last.path == f"{ROOT}/api/v2/persons/8%2F..%2F..%2Fusers%3Fx%3D1"


def test_limits_are_charged_and_read(stub: Stub, client: PipedriveClient, budget: Budget) -> None:
    stub.will(
        api("GET_persons_search__200"), x_ratelimit_limit="10", x_ratelimit_remaining="9", x_ratelimit_reset="2",
        x_daily_ratelimit_token_limit="30000", x_daily_ratelimit_token_remaining="29980",
    )  # fmt: skip
    found = client.search_persons(" ada@example.com ")
    assert [(hit.id, hit.emails) for hit in found] == [("8", ("ada@example.com",))]
    assert dict(stub.last.query) == {
        "term": "ada@example.com", "exact_match": "true", "fields": "email", "limit": "100",
    }  # fmt: skip
    assert budget.charged == [(("burst", "search"), 1), (("day",), 20)]
    assert budget.readings == [LimitStatus("search", 9, 10, 2), LimitStatus("day", 29980, 30000, None)]


@pytest.mark.chaos("V1")
def test_a_429_without_words_waits_for_the_window(stub: Stub, client: PipedriveClient) -> None:
    stub.will(b"", 429)
    with pytest.raises(RateLimited) as caught:
        client.get_users()
    assert 2 <= (caught.value.retry_after or 0) <= 3


@pytest.mark.chaos("V2")
def test_an_empty_day_waits_long(stub: Stub, client: PipedriveClient) -> None:
    stub.will(b"", 429, x_daily_ratelimit_token_remaining="0", x_ratelimit_remaining="0", x_ratelimit_reset="2")
    with pytest.raises(RateLimited) as caught:
        client.get_users()
    assert caught.value.retry_after == 3600


def test_deals_and_organizations(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_deals__200")).will(api("GET_organizations__200"))
    deal = client.deals_page(status="open").records[0]
    assert (deal.value, deal.currency, deal.person_id, deal.status) == (1200.5, "EUR", "8", "open")
    assert deal.custom_fields == {BUDGET: {"value": 200, "currency": "EUR"}}
    assert ("status", "open") in stub.last.query
    organization = client.get_organizations(["7"])[0]
    assert organization.address == "1 Dorset Street, London"
    assert organization.address_parts["locality"] == "London"
    assert organization.custom_fields == {}


def test_users_and_stages(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_users__200"))
    assert [(user.id, user.active) for user in client.get_users()] == [("12415231", True), ("12415232", False)]
    stub.will(b'{"success":true,"data":[{"id":3,"name":"Demo","pipeline_id":1,"order_nr":3,"is_deleted":false}]}')
    stage = client.get_stages("1")[0]
    assert (stage.id, stage.pipeline_id, stage.order_nr) == ("3", "1", 3)
    assert ("pipeline_id", "1") in stub.last.query


def test_leads_page_by_offset_and_know_their_custom_fields(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_leads__200")).will(api("GET_dealFields__200"))
    page = client.leads_page("40")
    assert dict(stub.seen[0].query) == {"limit": "500", "start": "40"}
    assert page.next_cursor == "1"
    lead = page.records[0]
    assert (lead.value, lead.currency, lead.person_id) == (999, "EUR", "8")
    assert lead.custom_fields == {BUDGET: {"value": 200, "currency": "EUR"}}


def test_create_lead_flattens_custom_fields(stub: Stub, client: PipedriveClient) -> None:
    lead = json.dumps({"success": True, "data": json.loads(api("GET_leads__200"))["data"][0]}).encode()
    stub.will(api("GET_dealFields__200")).will(lead, 201)
    client.create_lead(
        {"title": "L", "person_id": "8", "visible_to": "3", "custom_fields": {BUDGET: {"value": 5, "currency": "EUR"}}}
    )
    body = {"title": "L", "person_id": 8, "visible_to": "3", BUDGET: 5, f"{BUDGET}_currency": "EUR"}
    assert json.loads(stub.last.body) == body


def test_notes_are_changed_by_put(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("POST_notes__201"), 201).will(api("POST_notes__201"))
    note = client.create_note({"content": "<b>Called</b>", "person_id": "8"})
    assert (note.id, note.person_id, note.is_deleted) == ("5", "8", False)
    client.notes.change("5", {"content": "x"})
    assert (stub.last.method, stub.last.path) == ("PUT", f"{ROOT}/api/v1/notes/5")


def test_merge_tells_who_lives_on(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("PUT_persons_merge__200"))
    assert client.merge("person", "9", "8") == "8"
    assert (stub.last.method, stub.last.path) == ("PUT", f"{ROOT}/api/v1/persons/9/merge")
    assert json.loads(stub.last.body) == {"merge_with_id": 8}


def test_fields_are_keyed_by_the_vendors_key(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_personFields__200"))
    specs = {spec.key: spec for spec in fields.list_fields(client, "person")}
    options = (Option("31", "Yes"), Option("32", "No"))
    assert specs[NEWSLETTER] == FieldSpec(NEWSLETTER, "Newsletter", "option", options, custom=True)
    assert specs["email"].type == "email"
    assert specs["update_time"] == FieldSpec("update_time", "Update time", "datetime", writable=False)
    assert specs[BUDGET].type == "money"


def test_a_custom_field_is_created_with_its_choices(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("POST_personFields__200"))
    wanted = FieldSpec("", "Newsletter", "option", (Option("", "Yes"), Option("", "No")))
    made = fields.create_field(client, "person", wanted)
    assert (made.key, [option.key for option in made.options]) == (NEWSLETTER, ["31", "32"])
    assert json.loads(stub.last.body) == {
        "field_name": "Newsletter", "field_type": "enum", "options": [{"label": "Yes"}, {"label": "No"}],
    }  # fmt: skip


def test_a_full_plan_says_so(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("POST_personFields__403_capped"), 403)
    with pytest.raises(TenantActionError) as caught:
        fields.create_field(client, "person", FieldSpec("", "Newsletter", "text"))
    assert "feature_capping" in caught.value.public


def test_a_cursor_of_unknown_form_is_a_contract_error(stub: Stub, client: PipedriveClient) -> None:
    stub.will(b'{"success":true,"data":[],"additional_data":{"next_cursor":[1]}}')
    with pytest.raises(ContractError):
        client.persons_page()


def test_no_odd_value_crashes_the_reader() -> None:
    custom = readers.rest_v2_custom({NEWSLETTER: "enum", TOPICS: "set", BUDGET: "monetary"})
    read = refused = 0
    for body in mutations(json.loads(api("GET_person__200"))["data"]):
        try:
            readers.parse_person(body, custom)
            read += 1
        except ContractError:
            refused += 1
    assert read > 50
    assert refused > 50
