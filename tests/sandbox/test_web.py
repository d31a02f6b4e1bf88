"""The web page: every page opens, and its forms do what a person in the vendor's UI does."""

from __future__ import annotations

import pytest
import requests

PAGES = [
    "/", "/ui/pipedrive/acme", "/ui/pipedrive/acme/organizations", "/ui/pipedrive/acme/deals",
    "/ui/pipedrive/acme/persons/1", "/ui/pipedrive/acme/organizations/1", "/ui/pipedrive/acme/deals/1",
    "/ui/hubspot/62515001", "/ui/maileon/501", "/ui/leadboxer/401", "/ui/planhat/901",
    "/ui/deliveries", "/ui/calls", "/ui/misbehave",
]  # fmt: skip


def post(sandbox, path, **form):
    answer = requests.post(sandbox.url + path, data=form, allow_redirects=False, timeout=5)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_open_and_load_nothing_from_elsewhere(sandbox, path):
    answer = requests.get(sandbox.url + path, timeout=5)
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert 'href="/_web/style.css"' in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_style_is_served_and_unknown_pages_are_not(sandbox):
    assert requests.get(f"{sandbox.url}/_web/style.css", timeout=5).headers["content-type"].startswith("text/css")
    for path in ("/nope", "/ui/pipedrive/nobody", "/ui/pipedrive/acme/persons/99", "/ui/maileon/501/contacts/1",
                 "/ui/hubspot/1", "/ui/hubspot/62515001/contacts/7"):  # fmt: skip
        assert requests.get(sandbox.url + path, timeout=5).status_code == 404


def test_person_is_created_edited_merged_and_deleted(sandbox, pipedrive):
    body = {"field_name": "Newsletter", "field_type": "enum", "options": [{"label": "yes"}, {"label": "no"}]}
    code = pipedrive.data("POST", "/api/v2/personFields", json=body)["field_code"]

    post(sandbox, "/ui/pipedrive/acme/persons", name="<b>Eve</b>", emails="eve@example.com", **{f"custom:{code}": "31"})
    person = pipedrive.data("GET", "/api/v2/persons/5")
    assert (person["name"], person["custom_fields"][code], person["emails"][0]["value"]) == (
        "<b>Eve</b>", 31, "eve@example.com",
    )  # fmt: skip
    assert "<b>Eve" not in requests.get(f"{sandbox.url}/ui/pipedrive/acme", timeout=5).text

    post(sandbox, "/ui/pipedrive/acme/persons/5", name="Eve", emails="", org_id="2")
    person = pipedrive.data("GET", "/api/v2/persons/5")
    assert (person["name"], person["emails"], person["org_id"], person["custom_fields"][code]) == ("Eve", [], 2, None)

    assert post(sandbox, "/ui/pipedrive/acme/persons/5/merge", into="1").endswith("/persons/1")
    post(sandbox, "/ui/pipedrive/acme/persons/1/delete")
    assert [row["id"] for row in pipedrive.data("GET", "/api/v2/persons")] == [2, 3, 4]


def test_deal_is_won_in_the_form(sandbox, pipedrive):
    post(
        sandbox, "/ui/pipedrive/acme/deals/1", title="Engine", value="12.5", currency="EUR", status="won", stage_id="2"
    )
    deal = pipedrive.data("GET", "/api/v2/deals/1")
    assert (deal["status"], deal["value"], deal["stage_id"]) == ("won", 12.5, 2)


def test_refused_form_says_why(sandbox):
    answer = requests.post(f"{sandbox.url}/ui/pipedrive/acme/persons", data={"name": ""}, timeout=5)
    assert answer.status_code == 400
    assert "Validation failed: name" in answer.text


def test_doi_click_and_unsubscribe_in_the_browser(sandbox, maileon):
    maileon("POST", "/contacts/email/ada%40example.com?doi=true", data="<contact></contact>")
    contact = sandbox.control("GET", "/maileon/501/contacts")["contacts"][0]["id"]
    path = f"/ui/maileon/501/contacts/{contact}"
    assert "Click the DOI link" in requests.get(sandbox.url + path, timeout=5).text
    post(sandbox, f"{path}/click-doi")
    assert sandbox.control("GET", "/maileon/501/contacts")["contacts"][0]["permission"] == 4
    post(sandbox, f"{path}/unsubscribe", method="reply")
    assert sandbox.control("GET", "/maileon/501/contacts")["unsubscribed"][0]["source"] == "reply"
    post(sandbox, f"{path}/delete")
    assert sandbox.control("GET", "/maileon/501/contacts")["contacts"] == []


def test_misbehaviour_is_switched_on_and_off(sandbox, pipedrive):
    post(sandbox, "/ui/misbehave", vendor="pipedrive", account="acme", fail_status="500", fail_times="2")
    assert [pipedrive("GET", "/v1/users/me").status_code for _ in range(3)] == [500, 500, 200]
    post(sandbox, "/ui/misbehave", vendor="pipedrive", account="acme", error_rate="1")
    post(sandbox, "/ui/misbehave", clear="1")
    assert pipedrive("GET", "/v1/users/me").status_code == 200


def test_a_hubspot_contact_is_created_edited_merged_and_deleted(sandbox):
    portal = sandbox.state.hubspot.portals[62515001]
    home = f"/ui/hubspot/{portal.id}"
    page = post(sandbox, f"{home}/contacts", email="eve@example.com", firstname="<b>Eve</b>", lifecyclestage="lead")
    assert "<b>Eve" not in requests.get(sandbox.url + page, timeout=5).text
    post(sandbox, page, firstname="Eve", email="eve@example.com", city="")
    first, second = int(page.rpartition("/")[2]), post(sandbox, f"{home}/contacts", email="ann@example.com")

    merged = post(sandbox, f"{second}/merge", into=str(first))
    [contact] = portal.living()
    assert merged == f"{home}/contacts/{contact.id}"
    assert contact.addresses() == ["eve@example.com", "ann@example.com"]
    assert requests.post(f"{sandbox.url}{home}/contacts", data={"email": "no address"}, timeout=5).status_code == 400

    assert post(sandbox, f"{merged}/forget") == home
    assert portal.contacts == {}
    assert portal.blocked == {"eve@example.com", "ann@example.com"}
