"""The client against the stand-in vendor: keys, partial failures, clearing, fields."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from integration.connectors.base import Account, Credentials, FieldSpec
from integration.connectors.planhat import bulk, fields, records
from integration.connectors.planhat.client import PlanhatClient
from integration.connectors.planhat.connector import CONNECTOR
from integration.connectors.planhat.records import Upserted
from integration.errors import AuthError, RateLimited, TenantActionError
from integration.http import Instrumentation
from integration.reasons import Reason
from sandbox.planhat.seed import TOKEN
from sandbox.thread import SandboxThread

FORMS = [("item", ["planhat.told_keys"]), ("nested", ["planhat.told_keys", "planhat.bulk_status"]), ("text", [])]


@pytest.fixture
def client(sandbox: SandboxThread) -> PlanhatClient:
    client = CONNECTOR.open(Credentials("api_token", f"{sandbox.url}/planhat", {"api_token": TOKEN}), Instrumentation())
    assert isinstance(client, PlanhatClient)
    return client


def test_the_account_is_named_and_a_locked_token_refused(client: PlanhatClient, sandbox: SandboxThread) -> None:
    assert CONNECTOR.check(client).name == "Planhat of acme.example"
    sandbox.control("PATCH", "/planhat/901", {"locked": True})
    with pytest.raises(AuthError):
        CONNECTOR.check(client)


@pytest.mark.chaos("W10")
def test_records_are_found_again_by_our_id_and_null_clears(client: PlanhatClient) -> None:
    client.upsert("company", [{"sourceId": "7", "name": "Engines", "city": "London"}])
    client.upsert("company", [{"sourceId": "7", "name": "Engines", "city": None}])
    company = client.get_company("srcid-7")
    assert company is not None
    assert (company.name, company.attributes.get("city")) == ("Engines", None)
    assert client.get_company("srcid-8") is None


@pytest.mark.parametrize(("error_form", "thrown"), FORMS)
def test_partial_failures_land_on_the_right_records(
    client: PlanhatClient, sandbox: SandboxThread, error_form: str, thrown: list[str]
) -> None:
    sandbox.control("POST", "/assumptions", {"thrown": thrown})
    sandbox.control("PATCH", "/planhat/901", {"error_form": error_form})
    client.upsert("company", [{"sourceId": "7", "name": "Engines"}])
    people = [{"companyId": "srcid-7", "sourceId": str(n), "email": f"p{n}@example.com"} for n in range(20)]
    people[3]["email"], people[11]["companyId"] = "nonsense", "srcid-99"

    done = client.upsert("enduser", people)

    assert done.errors.keys() == {"3", "11"}
    assert "email is invalid" in done.errors["3"]
    assert "not found" in done.errors["11"]
    rows = sandbox.control("GET", "/planhat/901/state")["endusers"]
    assert {row["sourceId"] for row in rows} == {str(n) for n in range(20)} - {"3", "11"}


def test_an_end_user_is_found_by_address(client: PlanhatClient) -> None:
    client.upsert("company", [{"sourceId": "7", "name": "Engines"}])
    client.upsert("enduser", [{"companyId": "srcid-7", "sourceId": "1", "email": "ada@example.com"}])
    found = client.find_enduser("Ada@example.com")
    assert found is not None
    assert found["sourceId"] == "1"
    assert client.find_enduser("nobody@example.com") is None


def test_a_note_is_changed_by_its_id_and_by_nothing_else(client: PlanhatClient, sandbox: SandboxThread) -> None:
    client.upsert("company", [{"sourceId": "7", "name": "Engines"}])
    note = {"companyId": "srcid-7", "type": "note", "externalId": "pipedrive-5", "description": "<b>x</b>"}
    client.upsert("conversation", [note])
    found = client.find_note("pipedrive-5")
    client.upsert("conversation", [{**note, "_id": found, "description": "y"}])
    [row] = sandbox.control("GET", "/planhat/901/state")["conversations"]
    assert (row["_id"], row["description"]) == (found, "y")
    assert client.find_note("pipedrive-6") is None


def test_a_refused_note_does_not_make_its_neighbours_twice(client: PlanhatClient, sandbox: SandboxThread) -> None:
    """Which one was refused is found by sending halves again; by then the others exist."""
    client.upsert("company", [{"sourceId": "7", "name": "Engines"}])
    notes = [
        {"companyId": "srcid-7", "type": "note", "externalId": f"pipedrive-{n}", "description": str(n)}
        for n in range(9)
    ]
    notes[4]["companyId"] = "srcid-99"

    done = client.upsert("conversation", notes)

    assert done.errors.keys() == {"pipedrive-4"}
    rows = sandbox.control("GET", "/planhat/901/state")["conversations"]
    assert sorted(row["description"] for row in rows) == [str(n) for n in range(9) if n != 4]


def test_what_the_token_may_not_write_is_told_of_in_a_403(client: PlanhatClient, sandbox: SandboxThread) -> None:
    client.upsert("company", [{"sourceId": "7", "name": "Engines"}])
    sandbox.control("PATCH", "/planhat/901", {"refused": ["enduser"]})
    with pytest.raises(TenantActionError) as caught:
        client.upsert("enduser", [{"companyId": "srcid-7", "sourceId": "1", "email": "ada@example.com"}])
    assert caught.value.reason == Reason.PERMISSION_MISSING
    assert "No permission for this record" in caught.value.detail


def test_one_forbidden_record_concerns_itself_alone(client: PlanhatClient) -> None:
    answer = {"insertsKeys": [], "permissionErrors": ["No permission"], "createdErrors": []}
    good = {"insertsKeys": [{"_id": "x"}], "permissionErrors": [], "createdErrors": []}
    rows = [{"sourceId": str(n)} for n in range(10)]

    done = None
    with suppress(TenantActionError):
        done = bulk.upsert(rows, "sourceId", lambda part: answer if {"sourceId": "3"} in part else good)

    assert done == Upserted({}, {"3": "No permission"})


def test_the_words_of_an_error_stay_with_its_record() -> None:
    told = {"createdErrors": [{"sourceId": "1", "error": "duplicated"}, "bad companyId"]}

    done = bulk.upsert([{"sourceId": "1"}, {"sourceId": "2"}], "sourceId", lambda part: told)

    assert done.errors == {"1": "duplicated", "2": "bad companyId"}


def test_an_account_without_a_team_is_no_bad_key(client: PlanhatClient, sandbox: SandboxThread) -> None:
    sandbox.state.planhat.accounts["901"].table("user").rows.clear()
    assert CONNECTOR.check(client) == Account("", "Planhat")


@pytest.mark.chaos("V11")
def test_custom_values_follow_a_renamed_field(client: PlanhatClient, sandbox: SandboxThread) -> None:
    made = fields.create_field(client, "company", FieldSpec("", "Region", "text", custom=True))
    sandbox.control("PATCH", f"/planhat/901/customfields/{made.key.removeprefix('custom.')}", {"name": "Territory"})
    specs = {spec.key: spec for spec in fields.list_fields(client, "company")}
    client.upsert("company", [{"sourceId": "7", "name": "X", **records.body({made.key: "North"}, specs)}])
    company = client.get_company("srcid-7")
    assert company is not None
    assert company.custom == {"Territory": "North"}
    assert records.record_values(company, specs.values())["custom"][made.key.removeprefix("custom.")] == "North"


def test_changes_since_a_moment(client: PlanhatClient, sandbox: SandboxThread) -> None:
    client.upsert("company", [{"sourceId": str(n), "name": f"C{n}"} for n in range(3)])
    sandbox.control("POST", "/time", {"advance_seconds": 60})
    client.upsert("company", [{"sourceId": "1", "name": "Changed"}])
    page = client.companies_page(since=datetime.now(UTC) + timedelta(seconds=30))
    assert [company.name for company in page.records] == ["Changed"]
    assert page.next_offset is None


def test_a_used_up_quota_and_a_missing_permission_are_told_apart(client: PlanhatClient, sandbox: SandboxThread) -> None:
    sandbox.control("PATCH", "/planhat/901", {"denied": ["enduser"]})
    with pytest.raises(TenantActionError):
        client.upsert("enduser", [{"sourceId": "1"}])
    sandbox.control("PATCH", "/planhat/901", {"plan": "standard"})
    for _ in range(199):
        client.get_users()
    with pytest.raises(RateLimited):
        client.get_users()
