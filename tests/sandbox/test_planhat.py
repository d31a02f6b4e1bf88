"""The Planhat stand-in against what its sheet says: ids, bulk upsert and its traps, required keys, automations."""

from __future__ import annotations

import base64
import threading

import pytest
import requests

from sandbox.planhat.seed import TOKEN

LICENSE = {"companyId": "srcid-7", "_currency": "EUR", "fromDate": "2026-01-01T00:00:00Z", "mrr": 10}


@pytest.fixture
def company(planhat):
    return planhat("POST", "/companies", json={"name": "Engines", "sourceId": "7", "externalId": "e7"}).json()


# Who is it


def test_bearer_and_basic_open_the_account_and_nothing_else_does(planhat, sandbox):
    basic = base64.b64encode(f"{TOKEN}:".encode()).decode()
    without_colon = base64.b64encode(TOKEN.encode()).decode()
    statuses = [
        requests.get(f"{sandbox.url}/planhat/users", headers={"authorization": header}, timeout=5).status_code
        for header in (f"Bearer {TOKEN}", f"Basic {basic}", f"Basic {without_colon}", "Bearer nope", "")
    ]
    assert statuses == [200, 200, 401, 401, 401]


def test_two_hundred_calls_a_minute(planhat, sandbox):
    sandbox.control("PATCH", "/planhat/901", {"plan": "standard"})
    statuses = [planhat("GET", "/users").status_code for _ in range(201)]
    assert statuses == [200] * 200 + [429]
    sandbox.control("POST", "/time", {"advance_seconds": 61})
    assert planhat("GET", "/users").status_code == 200


def test_a_model_the_token_may_not_touch_is_403(planhat, sandbox):
    sandbox.control("PATCH", "/planhat/901", {"denied": ["enduser"]})
    assert planhat("PUT", "/endusers", json=[]).status_code == 403
    assert planhat("GET", "/companies").status_code == 200


# Single records


@pytest.mark.parametrize("key", ["{_id}", "srcid-7", "extid-e7"])
def test_a_path_takes_each_kind_of_id(planhat, company, key):
    path = f"/companies/{key.format(**company)}"
    assert planhat("GET", path).json()["name"] == "Engines"
    assert planhat("PUT", path, json={"city": "London"}).json()["city"] == "London"


def test_absent_stays_and_null_clears(planhat, company):
    planhat("PUT", "/companies/srcid-7", json={"city": "London", "custom": {"Company Size": 5, "Segment": "SMB"}})
    changed = planhat("PUT", "/companies/srcid-7", json={"city": None, "custom": {"Company Size": None}}).json()
    assert "city" not in changed
    assert changed["name"] == "Engines"
    assert changed["custom"] == {"Segment": "SMB"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/companies", {"sourceId": "8"}),
        ("/endusers", {"email": "ada@example.com"}),
        ("/endusers", {"companyId": "srcid-7"}),
        ("/endusers", {"companyId": "srcid-9", "email": "ada@example.com"}),
        ("/licenses", {**LICENSE, "mrr": None}),
        ("/licenses", {**LICENSE, "fromDate": None}),
        ("/licenses", {**LICENSE, "fixedPeriod": True, "value": 100}),
        ("/licenses", {**LICENSE, "mrr": None, "fixedPeriod": True, "value": 0, "toDate": "2026-12-31"}),
        ("/sales", {"companyId": "srcid-7", "_currency": "EUR", "salesDate": "2026-01-01", "value": -1}),
        ("/conversations", {"companyId": "srcid-7", "type": "email"}),
    ],
)
def test_what_lacks_a_required_key_is_refused_in_plain_text(planhat, company, path, body):
    answer = planhat("POST", path, json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/")
    assert answer.text.startswith("Failed to create")


def test_owners_and_currencies_come_back_as_objects_and_licenses_make_customers(planhat, company):
    grace = planhat("GET", "/users").json()[0]
    planhat("PUT", "/companies/srcid-7", json={"owner": grace["_id"]})
    planhat("POST", "/licenses", json=LICENSE)
    [shown] = planhat("GET", "/companies").json()
    assert shown["owner"] == {"_id": grace["_id"], "nickName": "Grace"}
    assert shown["status"] == "customer"
    assert planhat("GET", "/licenses").json()[0]["_currency"]["symbol"] == "EUR"


def test_lists_page_by_offset_and_sort_both_ways(planhat, sandbox):
    planhat("PUT", "/companies", json=[{"name": f"C{n}", "sourceId": str(n)} for n in range(5)])
    sandbox.control("POST", "/time", {"advance_seconds": 1})
    planhat("PUT", "/companies/srcid-0", json={"city": "London"})
    assert [row["name"] for row in planhat("GET", "/companies?limit=2&sort=-updatedAt").json()] == ["C1", "C2"]
    sandbox.control("POST", "/assumptions", {"thrown": ["planhat.sort"]})
    names = [row["name"] for row in planhat("GET", "/companies?limit=2&sort=-updatedAt").json()]
    rest = planhat("GET", "/companies?limit=2&offset=4&sort=-updatedAt").json()
    assert names[0] == "C0"
    assert len(rest) == 1
    assert planhat("GET", "/leancompanies?sourceId=3").json()[0]["name"] == "C3"
    assert planhat("GET", "/leancompanies?sourceId=99").json() == []


# Bulk


def test_bulk_tells_created_updated_and_unchanged(planhat, company):
    answer = planhat("PUT", "/companies", json=[
        {"sourceId": "7", "name": "Engines"}, {"externalId": "e7", "city": "London"}, {"sourceId": "8", "name": "New"},
    ])  # fmt: skip
    told = answer.json()
    assert answer.status_code == 200
    assert (told["created"], told["updated"], told["nonupdates"]) == (1, 1, 1)
    assert told["insertsKeys"] == [{"_id": told["upsertedIds"][0]}]
    assert told["updatesKeys"][0]["_id"] == company["_id"]


@pytest.mark.parametrize("form", ["item", "nested", "text"])
def test_some_failures_are_a_400_that_tells_of_each_and_the_rest_is_written(planhat, company, sandbox, form):
    sandbox.control("PATCH", "/planhat/901", {"error_form": form})
    people = [{"companyId": "srcid-7", "sourceId": str(n), "email": f"p{n}@example.com"} for n in range(4)]
    people[2]["email"] = "nonsense"
    answer = planhat("PUT", "/endusers", json=people)
    assert answer.status_code == 400
    assert answer.json()["created"] == 3
    [said] = answer.json()["createdErrors"]
    assert isinstance(said, str if form == "text" else dict)


def test_more_than_five_thousand_are_refused(planhat):
    assert planhat("PUT", "/companies", json=[{"name": "x"}] * 5001).status_code == 400


def test_the_same_person_twice_in_one_call_is_refused(planhat, company):
    twins = [{"companyId": "srcid-7", "sourceId": key, "email": "ada@example.com"} for key in ("1", "2")]
    answer = planhat("PUT", "/endusers", json=twins).json()
    assert answer["created"] == 1
    assert "duplicated" in str(answer["createdErrors"] + answer["updatedErrors"])


def test_two_upserts_of_one_person_at_once_meet_the_race(planhat, company, sandbox):
    sandbox.control("POST", "/misbehave", {"vendor": "planhat", "latency_ms": 150})
    person = [{"companyId": "srcid-7", "sourceId": "1", "email": "ada@example.com"}]
    told = []

    def send():
        answer = requests.put(f"{sandbox.url}/planhat/endusers", json=person, timeout=5,
                              headers={"authorization": f"Bearer {TOKEN}"})  # fmt: skip
        told.append(answer.status_code)

    threads = [threading.Thread(target=send) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(told) == [200, 400]
    assert planhat("PUT", "/endusers", json=person).status_code == 200


# Custom fields and automations


def test_renaming_a_field_moves_its_values(planhat, company):
    planhat("PUT", "/companies/srcid-7", json={"custom": {"Company Size": 5, "No such field": 1}})
    [field] = [row for row in planhat("GET", "/customfields").json() if row["name"] == "Company Size"]
    planhat("PUT", f"/customfields/{field['_id']}", json={"name": "Employees"})
    assert planhat("GET", "/companies/srcid-7").json()["custom"] == {"Employees": 5}


def test_custom_values_of_the_wrong_type_and_missing_mandatory_ones_are_refused(planhat, company):
    assert planhat("PUT", "/companies/srcid-7", json={"custom": {"Company Size": "many"}}).status_code == 400
    assert planhat("PUT", "/companies/srcid-7", json={"custom": {"Segment": "Huge"}}).status_code == 400
    planhat("POST", "/customfields", json={"name": "Code", "type": "text", "parent": "company", "isMandatory": True})
    assert planhat("POST", "/companies", json={"name": "X"}).status_code == 400


def test_an_automation_calls_its_address_on_each_change(planhat, receiver, sandbox):
    sandbox.control("POST", "/planhat/901/automations", {"url": f"{receiver.url}/hook"})
    made = sandbox.control("POST", "/planhat/901/companies", {"name": "Engines"})
    planhat("PUT", f"/companies/{made['_id']}", json={"name": "Engines"})
    sandbox.wait_until_delivered()
    assert [(body["model"], body["_id"]) for body in receiver.bodies()] == [("Company", made["_id"])]


def test_pages_show_companies_and_take_changes(planhat, company, sandbox):
    root = f"{sandbox.url}/ui/planhat/901"
    assert "Engines" in requests.get(root, timeout=5).text
    form = {"name": "Engines Ltd", "city": "", "custom.Company Size": "12"}
    requests.post(f"{root}/companies/{company['_id']}", data=form, timeout=5)
    assert planhat("GET", "/companies/srcid-7").json()["custom"] == {"Company Size": 12.0}
    assert "Engines Ltd" in requests.get(f"{root}/companies/{company['_id']}", timeout=5).text
    requests.post(f"{root}/companies", data={"name": "Second"}, timeout=5)
    requests.post(f"{root}/companies/{company['_id']}/delete", timeout=5)
    assert [row["name"] for row in planhat("GET", "/companies").json()] == ["Second"]
