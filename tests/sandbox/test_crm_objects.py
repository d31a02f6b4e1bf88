"""Companies, deals and associations of HubSpot, deals of Brevo: the rules their documents give."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.brevo.seed import API_KEY
from sandbox.hubspot.seed import CLIENT_ID, PORTAL_ID
from tests.sandbox.conftest import Client

OBJECTS, ASSOCIATIONS = "/crm/objects/2026-09", "/crm/associations/2026-09"
READ_COMPANIES = "crm.objects.companies.read"
SCOPES = [f"crm.objects.{kind}.{verb}" for kind in ("contacts", "companies", "deals") for verb in ("read", "write")]


def opened(sandbox: Any, scopes: list[str]) -> Client:
    wish = {"client_id": CLIENT_ID, "scopes": scopes}
    token = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/install", wish)["access_token"]
    return Client(f"{sandbox.url}/hubspot", {"Authorization": f"Bearer {token}"})


@pytest.fixture
def hubspot(sandbox: Any) -> Client:
    return opened(sandbox, SCOPES)


@pytest.fixture
def brevo(sandbox: Any) -> Client:
    return Client(f"{sandbox.url}/brevo/v3", {"api-key": API_KEY})


def person(sandbox: Any, name: str = "ada") -> str:
    below = f"/hubspot/{PORTAL_ID}/contacts"
    return str(sandbox.control("POST", below, {"email": f"{name}@example.com"})["id"])


def in_the_pages(sandbox: Any, kind: str, **values: str) -> str:
    return str(sandbox.control("POST", f"/hubspot/{PORTAL_ID}/crm/{kind}", values)["id"])


def test_each_kind_has_scopes_of_its_own(sandbox: Any) -> None:
    client = opened(sandbox, [READ_COMPANIES])

    assert client("GET", f"{OBJECTS}/companies").status_code == 200
    for refused in (client("GET", f"{OBJECTS}/deals"), client("POST", f"{OBJECTS}/companies", json={})):
        assert refused.status_code == 403
    missing = client("GET", f"{OBJECTS}/deals").json()["errors"][0]["context"]["requiredScopes"]
    assert missing == ["crm.objects.deals.read"]


def test_a_company_needs_a_name_or_a_domain(hubspot: Client) -> None:
    assert hubspot("POST", f"{OBJECTS}/companies", json={"properties": {"city": "Wien"}}).status_code == 400
    made = hubspot("POST", f"{OBJECTS}/companies", json={"properties": {"domain": "e.example"}})
    assert made.status_code == 201
    assert made.json()["properties"]["hs_lastmodifieddate"]


def test_a_list_has_at_most_a_hundred_and_says_how_it_goes_on(hubspot: Client, sandbox: Any) -> None:
    ids = [in_the_pages(sandbox, "companies", name=f"C{n}") for n in range(12)]

    assert hubspot("GET", f"{OBJECTS}/companies?limit=101").status_code == 400
    first = hubspot("GET", f"{OBJECTS}/companies").json()
    rest = hubspot("GET", f"{OBJECTS}/companies?after={first['paging']['next']['after']}").json()
    assert [row["id"] for row in first["results"] + rest["results"]] == ids
    assert "paging" not in rest


def test_a_search_refuses_an_unknown_property(hubspot: Client) -> None:
    wish = {"filterGroups": [{"filters": [{"propertyName": "nothing", "operator": "EQ", "value": "x"}]}]}
    assert hubspot("POST", f"{OBJECTS}/deals/search", json=wish).status_code == 400


def test_an_archived_company_is_missing_until_somebody_restores_it(hubspot: Client, sandbox: Any) -> None:
    made = in_the_pages(sandbox, "companies", name="Engines")
    below = f"/hubspot/{PORTAL_ID}/crm/companies/{made}"
    sandbox.control("DELETE", below)
    assert hubspot("GET", f"{OBJECTS}/companies/{made}").status_code == 404
    sandbox.control("POST", f"{below}/restore")
    assert hubspot("GET", f"{OBJECTS}/companies/{made}").json()["properties"]["name"] == "Engines"


def test_both_sides_know_of_an_association_and_a_merge_carries_it_on(hubspot: Client, sandbox: Any) -> None:
    company, ada, eve = in_the_pages(sandbox, "companies", name="Engines"), person(sandbox), person(sandbox, "eve")
    pair = {"from": {"id": company}, "to": {"id": eve}}
    path = f"{ASSOCIATIONS}/companies/contacts"
    assert hubspot("POST", f"{path}/batch/associate/default", json={"inputs": [pair]}).status_code == 200

    contacts = f"/hubspot/{PORTAL_ID}/contacts"
    survivor = sandbox.control("POST", f"{contacts}/{eve}/merge", {"into": int(ada)})["id"]
    there = hubspot("POST", f"{path}/batch/read", json={"inputs": [{"id": company}]}).json()["results"]
    back = f"{ASSOCIATIONS}/contacts/companies/batch/read"
    here = hubspot("POST", back, json={"inputs": [{"id": survivor}]}).json()["results"]

    assert [str(row["toObjectId"]) for row in there[0]["to"]] == [survivor]
    assert [str(row["toObjectId"]) for row in here[0]["to"]] == [company]
    assert sandbox.control("GET", f"/hubspot/{PORTAL_ID}/state")["associations"]


def test_links_in_a_patch_of_a_deal_replace_them_all(brevo: Client, sandbox: Any) -> None:
    people = [brevo("POST", "/contacts", json={"email": f"p{n}@example.com"}).json()["id"] for n in range(2)]
    body = {"name": "Engine", "linkedContactsIds": people[:1]}
    deal = sandbox.control("POST", "/brevo/801/crm/deals", body)["id"]

    brevo("PATCH", f"/crm/deals/{deal}", json={"linkedContactsIds": people[1:]})
    assert brevo("GET", f"/crm/deals/{deal}").json()["linkedContactsIds"] == people[1:]
    brevo("PATCH", f"/crm/deals/link-unlink/{deal}", json={"linkContactIds": people[:1]})
    assert sorted(brevo("GET", f"/crm/deals/{deal}").json()["linkedContactsIds"]) == people


def test_deals_come_newest_first_and_only_what_changed_since(brevo: Client, sandbox: Any) -> None:
    first, second = (sandbox.control("POST", "/brevo/801/crm/deals", {"name": name})["id"] for name in ("A", "B"))
    sandbox.control("POST", "/time", {"advance_seconds": 60})
    since = sandbox.state.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    sandbox.control("PATCH", f"/brevo/801/crm/deals/{first}", {"attributes": {"amount": 5}})

    def ids(query: str) -> list[str]:
        return [row["id"] for row in brevo("GET", f"/crm/deals?{query}").json()["items"] or ()]

    assert (ids(""), ids("sort=asc"), ids(f"modifiedSince={since}")) == ([second, first], [first, second], [first])
    sandbox.control("DELETE", f"/brevo/801/crm/deals/{first}")
    assert brevo("GET", f"/crm/deals/{first}").status_code == 404


def test_a_stage_belongs_to_its_pipeline(brevo: Client) -> None:
    pipeline = brevo("GET", "/crm/pipeline/details/all").json()[0]
    right = {"pipeline": pipeline["pipeline"], "deal_stage": pipeline["stages"][1]["id"]}

    for attributes, status in ((right, 201), ({**right, "deal_stage": "x"}, 400), ({**right, "pipeline": "x"}, 400)):
        assert brevo("POST", "/crm/deals", json={"name": "D", "attributes": attributes}).status_code == status
