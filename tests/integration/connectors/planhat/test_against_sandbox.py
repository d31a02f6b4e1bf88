"""The client against the stand-in vendor: keys, partial failures, clearing, fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integration.connectors.base import Credentials, FieldSpec
from integration.connectors.planhat import fields, records
from integration.connectors.planhat.client import PlanhatClient
from integration.connectors.planhat.connector import CONNECTOR
from integration.errors import AuthError, RateLimited, TenantActionError
from integration.http import Instrumentation
from sandbox.planhat.seed import TOKEN
from sandbox.thread import SandboxThread

FORMS = [("item", "full"), ("nested", "full"), ("text", "ids")]


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
    made = client.upsert("company", [{"sourceId": "7", "name": "Engines", "city": "London"}])
    again = client.upsert("company", [{"sourceId": "7", "name": "Engines", "city": None}])
    company = client.get_company("srcid-7")
    assert company is not None
    assert made.ids == again.ids == {"7": company.id}
    assert (company.name, company.attributes.get("city")) == ("Engines", None)
    assert client.get_company("srcid-8") is None


@pytest.mark.parametrize(("error_form", "keys_form"), FORMS)
def test_partial_failures_land_on_the_right_records(
    client: PlanhatClient, sandbox: SandboxThread, error_form: str, keys_form: str
) -> None:
    sandbox.control("PATCH", "/planhat/901", {"error_form": error_form, "keys_form": keys_form})
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


def test_a_note_goes_by_its_external_id(client: PlanhatClient, sandbox: SandboxThread) -> None:
    client.upsert("company", [{"sourceId": "7", "name": "Engines"}])
    note = {"companyId": "srcid-7", "type": "note", "externalId": "pipedrive-5", "description": "<b>x</b>"}
    client.upsert("conversation", [note])
    client.upsert("conversation", [{**note, "description": "y"}])
    [row] = sandbox.control("GET", "/planhat/901/state")["conversations"]
    assert row["description"] == "y"


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
