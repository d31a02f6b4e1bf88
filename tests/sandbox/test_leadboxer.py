"""The LeadBoxer stand-in as its sheet describes the vendor: key, criteria, page tokens, sessions, segments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests

from sandbox.leadboxer.seed import API_KEY, LOGIN, SHOP, SITE
from tests.sandbox.conftest import Client

WEEK = {"site": SITE, "criteriaTimeFilter": "eventEsTimestamp|lessthan|6"}
ACCOUNT = {"email": LOGIN, "accountId": "401", "datasetId": SITE}


@pytest.fixture
def leadboxer(sandbox):
    sandbox.control("PATCH", "/leadboxer/401", {"calls_per_minute": 0})
    return Client(f"{sandbox.url}/leadboxer/v1", {"x-api-key": API_KEY})


@pytest.fixture
def track(sandbox):
    return lambda **wish: sandbox.control("POST", f"/leadboxer/401/{SITE}/track", wish)


def listed(leadboxer, **more):
    return [row["use_id"] for row in leadboxer.data("GET", "/leads", params={**WEEK, **more})]


def test_a_wrong_key_is_refused_in_the_documented_words(sandbox):
    answer = requests.get(f"{sandbox.url}/leadboxer/v1/leads", headers={"x-api-key": "no"}, timeout=5)

    assert (answer.status_code, answer.json()) == (
        401, {"error": "Unauthorized", "message": "Invalid or missing API key"},
    )  # fmt: skip


@pytest.mark.parametrize("missing", ["site", "criteriaTimeFilter"])
def test_dataset_and_time_filter_are_required(leadboxer, missing):
    params = {key: value for key, value in WEEK.items() if key != missing}

    assert leadboxer("GET", "/leads", params=params).status_code == 400


def test_a_lead_is_flat_text_and_what_is_not_known_is_absent(leadboxer, track):
    lead = track(organizationName="X GmbH", organizationEmployeeCountEstimate=120, url="https://acme.example/a")["lead"]

    [row] = leadboxer.data("GET", "/leads", params=WEEK)
    assert (row["use_id"], row["organizationName"], row["organizationEmployeeCountEstimate"]) == (lead, "X GmbH", "120")
    assert isinstance(row["lastEvent"], int)
    assert "email" not in row
    detail = leadboxer("GET", f"/leads/{lead}", params={"site": SITE, "email": LOGIN}).json()
    assert detail == row
    assert leadboxer("GET", "/leads/1.1", params={"site": SITE, "email": LOGIN}).status_code == 404


def test_newest_first_and_each_criterion_counts(leadboxer, track):
    old = track(organizationName="Old AG", organizationCountry="Austria", minutes_ago=60 * 24 * 20)["lead"]
    anonymous = track(url="https://acme.example/", minutes_ago=30)["lead"]
    company = track(organizationName="X GmbH", organizationCountry="Germany", score=40, minutes_ago=20)["lead"]
    person = track(email="ada@x.example", score=80, total="7", minutes_ago=10)["lead"]

    assert listed(leadboxer) == [person, company, anonymous]
    assert old in listed(leadboxer, criteriaTimeFilter="eventEsTimestamp|lessthan|29")
    day = datetime.now(UTC) - timedelta(days=20)
    between = f"eventEsTimestamp|between|{day - timedelta(days=1):%d/%m/%Y}-{day + timedelta(days=1):%d/%m/%Y}"
    assert listed(leadboxer, criteriaTimeFilter=between) == [old]
    assert listed(leadboxer, criteriaTextFilter="organizationCountry|is|Germany") == [company]
    assert listed(leadboxer, criteriaNumberFilter="total|between|5-9") == [person]
    assert listed(leadboxer, criteriaFieldFilter="hasanyvalue|firstName;email") == [person]
    assert listed(leadboxer, criteriaLeadscoreFilter="40") == [person]
    assert listed(leadboxer, criteriaDisplayFilter="company;unidentified") == [company, anonymous]
    assert leadboxer("GET", "/leads", params={**WEEK, "criteriaTextFilter": "nonsense"}).status_code == 400


def test_a_page_token_leads_on_and_is_good_for_ten_minutes(leadboxer, sandbox):
    sandbox.control("POST", f"/leadboxer/401/{SITE}/seed", {"count": 5})

    first = leadboxer("GET", "/leads", params={**WEEK, "limit": 3}).json()
    second = leadboxer("GET", "/leads", params={**WEEK, "limit": 3, "nextToken": first["pageToken"]}).json()
    assert len({row["use_id"] for row in first["data"] + second["data"]}) == 5
    assert leadboxer("GET", "/leads", params={**WEEK, "limit": 3, "nextToken": second["pageToken"]}).json() == {
        "data": []
    }
    sandbox.control("POST", "/time", {"advance_seconds": 601})
    late = leadboxer("GET", "/leads", params={**WEEK, "limit": 3, "nextToken": first["pageToken"]}).json()
    assert late["data"] == first["data"]


def test_ten_idle_minutes_end_a_session(leadboxer, track):
    lead = track(url="https://acme.example/a", minutes_ago=40)["lead"]
    track(lead=lead, url="https://acme.example/b", minutes_ago=35)
    track(lead=lead, url="https://acme.example/c", title="Form-Submit", minutes_ago=20)

    sessions = leadboxer("GET", "/leads/sessions", params={"site": SITE, "leadId": lead, "limit": 50}).json()
    events = [
        leadboxer("GET", "/leads/events", params={"site": SITE, "sessionId": row["id"], "limit": 50}).json()
        for row in sessions
    ]
    urls = [[row["url"] for row in rows] for rows in events]
    assert urls == [["https://acme.example/c"], ["https://acme.example/a", "https://acme.example/b"]]
    assert events[0][0]["title"] == "Form-Submit"


def test_an_event_without_an_id_goes_to_whoever_has_the_address(leadboxer, track):
    first = track(email="ada@x.example", minutes_ago=5)["lead"]

    assert track(email="Ada@X.example")["lead"] == first


def test_datasets_and_segments_are_those_of_the_account(leadboxer):
    datasets = leadboxer("GET", "/users/datasets", params={"email": LOGIN}).json()
    assert [(row["datasetId"], row["humanName"], row["accountId"]) for row in datasets] == [
        (SITE, "acme.example", "401"), (SHOP, "shop.acme.example", "401"),
    ]  # fmt: skip
    segments = {row["name"]: row for row in leadboxer("GET", "/segments", params=ACCOUNT).json()}
    assert segments["Germany"]["criteriaTextFilter"] == "organizationCountry|is|Germany"
    assert leadboxer("GET", "/segments", params={**ACCOUNT, "accountId": "999"}).status_code == 404
    assert leadboxer("GET", "/users/datasets", params={"email": "stranger@example.com"}).status_code == 404
    assert leadboxer("GET", "/users/datasets").status_code == 400


def test_tags_are_replaced(leadboxer, track):
    lead = track(leadTag="Prospect")["lead"]

    body = {"datasetId": SITE, "leadId": lead, "leadTags": "Customer,Partner"}
    assert leadboxer("PUT", "/management/lead-tags", json=body).status_code == 200
    assert leadboxer.data("GET", "/leads", params=WEEK)[0]["leadTag"] == "Customer,Partner"


def test_each_endpoint_has_its_own_calls_per_minute(leadboxer, sandbox):
    sandbox.control("PATCH", "/leadboxer/401", {"calls_per_minute": 2})

    answers = [leadboxer("GET", "/leads", params=WEEK) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    body = answers[-1].json()
    assert (body["status"], body["rate-limit"], "retry-after" in answers[-1].headers) == (429, 2, False)
    assert 0 < body["retry-after"] <= 60
    assert leadboxer("GET", "/users/datasets", params={"email": LOGIN}).status_code == 200


def test_a_visitor_acts_on_the_page(leadboxer, sandbox):
    form = {"email": "ada@x.example", "organizationName": "", "title": "Pageview", "url": "https://acme.example/p"}
    page = f"{sandbox.url}/ui/leadboxer/401"
    answer = requests.post(f"{page}/{SITE}/track", data=form, allow_redirects=False, timeout=5)

    assert answer.status_code == 303
    assert "ada@x.example" in requests.get(page, timeout=5).text
    assert len(listed(leadboxer)) == 1
