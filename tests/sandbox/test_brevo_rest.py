"""Brevo's limits, events, companies, webhooks and pages as its sheet describes them."""

from __future__ import annotations

import pytest
import requests

from sandbox.brevo.seed import OTHER_KEY

MARKETING = ["contactUpdated", "contactDeleted", "listAddition", "unsubscribed", "hardBounce", "spam"]


@pytest.fixture
def ada(brevo):
    return brevo("POST", "/contacts", json={"email": "ada@example.com"}).json()["id"]


@pytest.fixture
def hook(brevo, receiver):
    def make(**more):
        body = {"url": f"{receiver.url}/hook", "events": MARKETING, "type": "marketing",
                "auth": {"type": "bearer", "token": "t0ken"}}  # fmt: skip
        return brevo("POST", "/webhooks", json=body | more).json()["id"]

    return make


# Limits


def test_each_tier_has_a_budget_of_its_own_and_says_so_in_headers(brevo, sandbox):
    sandbox.control("PATCH", "/brevo/801", {"plan": "general"})

    answers = [brevo("GET", "/contacts/attributes") for _ in range(11)]

    last = answers[-1]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[0].headers["x-sib-ratelimit-remaining"] == "9"
    assert (last.headers["x-sib-ratelimit-limit"], last.headers["x-sib-ratelimit-remaining"]) == ("10", "0")
    assert last.headers["x-sib-ratelimit-reset"] == "1"
    assert "retry-after" not in last.headers
    assert brevo("GET", "/account").status_code == 200
    sandbox.control("POST", "/time", {"advance_seconds": 1})
    assert brevo("GET", "/contacts/attributes").status_code == 200


def test_other_calls_have_a_hundred_per_hour(brevo, sandbox):
    sandbox.control("PATCH", "/brevo/801", {"plan": "general"})

    statuses = [brevo("GET", "/companies").status_code for _ in range(101)]

    assert statuses == [200] * 100 + [429]
    assert int(brevo("GET", "/companies").headers["x-sib-ratelimit-reset"]) > 3500


# Events


def test_an_event_needs_a_name_and_somebody(brevo, ada):
    event = {"event_name": "deal_created", "identifiers": {"email_id": "ada@example.com"},
             "event_properties": {"deal_id": "7"}}  # fmt: skip

    assert brevo("POST", "/events", json=event).status_code == 204
    assert brevo("POST", "/events", json=event | {"event_name": "deal.created"}).status_code == 400
    assert brevo("POST", "/events", json=event | {"identifiers": {}}).status_code == 400
    assert brevo("POST", "/events", json=event | {"identifiers": {"email_id": "nobody@example.com"}}).status_code == 204
    [stored] = brevo("GET", f"/events?contact_id={ada}").json()["events"]
    assert (stored["event_name"], stored["event_properties"]) == ("deal_created", {"deal_id": "7"})


def test_a_batch_tells_which_events_failed(brevo, ada):
    good = {"event_name": "a", "identifiers": {"contact_id": ada}}
    bad = {"event_name": "a b", "identifiers": {"contact_id": ada}}

    assert brevo("POST", "/events/batch", json=[good]).status_code == 400
    assert brevo("POST", "/events/batch", json={"events": [good, good]}).json()["count"] == 2
    partly = brevo("POST", "/events/batch", json={"events": [good, bad]})
    none = brevo("POST", "/events/batch", json={"events": [bad]})
    assert (partly.status_code, none.status_code) == (207, 400)
    assert partly.json()["errors"] == [{"eventIndex": [1], "message": "event_name is not valid"}]
    assert brevo("POST", "/events/batch", json={"events": [good] * 201}).status_code == 400


# Companies


def test_links_are_replaced_by_a_patch_and_kept_by_link_unlink(brevo, ada):
    eve = brevo("POST", "/contacts", json={"email": "eve@example.com"}).json()["id"]
    made = brevo("POST", "/companies", json={"name": "Engines", "linkedContactsIds": [ada]})
    path = made.json()["id"]

    assert made.status_code == 200
    assert brevo("PATCH", f"/companies/link-unlink/{path}", json={"linkContactIds": [eve]}).status_code == 204
    assert brevo("GET", f"/companies/{path}").json()["linkedContactsIds"] == [ada, eve]
    assert brevo("PATCH", f"/companies/{path}", json={"linkedContactsIds": [eve]}).json()["linkedContactsIds"] == [eve]


def test_companies_are_imported_as_csv_by_their_name(brevo, sandbox):
    brevo("POST", "/companies", json={"name": "Engines"})
    files = {"file": ("c.csv", "name,domain\nEngines,engines.example\nNew Works,new.example\n", "text/csv"),
             "mapping": (None, '{"use_company_identifier": true, "update_existing_records": true}')}  # fmt: skip

    answer = brevo("POST", "/companies/import", files=files)

    assert brevo("GET", f"/processes/{answer.json()['processId']}").json()["status"] == "completed"
    rows = {
        row["attributes"]["name"]: row["attributes"].get("domain") for row in brevo("GET", "/companies").json()["items"]
    }
    assert rows == {"Engines": "engines.example", "New Works": "new.example"}


def test_company_attributes_are_made_by_label(brevo):
    body = {"attributeType": "text", "label": "Pipedrive id", "objectType": "companies"}

    assert brevo("POST", "/crm/attributes", json=body).status_code == 200
    assert brevo("POST", "/crm/attributes", json=body).status_code == 400
    assert "pipedrive_id" in [row["internalName"] for row in brevo("GET", "/crm/attributes/companies").json()]


# Webhooks


def test_payloads_are_snake_case_and_carry_the_bearer_token(brevo, sandbox, receiver, hook, ada):
    hook()

    brevo("PUT", f"/contacts/{ada}", json={"attributes": {"FIRSTNAME": "Ada"}})
    brevo("PUT", f"/contacts/{ada}", json={"attributes": {"LASTNAME": "L"}}, headers={"api-key": OTHER_KEY})
    sandbox.control("PATCH", f"/brevo/801/contacts/{ada}", {"attributes": {"LASTNAME": "Lovelace"}})
    sandbox.wait_until_delivered()

    bodies = sorted(receiver.bodies(), key=lambda body: body["api_key_name"])
    shared = {"email": "ada@example.com", "emailBlacklist": False, "list": {}}
    assert {item["headers"]["authorization"] for item in receiver.got} == {"Bearer t0ken"}
    assert {body["event"] for body in bodies} == {"contact_updated"}
    assert [(body["api_key_name"], body["content"]) for body in bodies] == [
        ("", [{**shared, "LASTNAME": "Lovelace"}]), ("Lockstep", [{**shared, "FIRSTNAME": "Ada"}]),
        ("Webshop", [{**shared, "LASTNAME": "L"}]),
    ]  # fmt: skip
    assert not any("email" in body for body in bodies)


def test_creation_is_told_of_and_a_bulk_event_names_many_addresses(brevo, sandbox, receiver, hook, ada):
    hook()
    rows = [{"email": "ada@example.com", "attributes": {"FIRSTNAME": "Ada"}}, {"email": "eve@example.com"}]

    brevo("POST", "/contacts", json={"email": "bob@example.com", "attributes": {"FIRSTNAME": "Bob"}})
    brevo("POST", "/contacts/import", json={"jsonBody": rows, "listIds": [60]})
    brevo("GET", "/contacts")
    sandbox.wait_until_delivered()

    told = [body for body in receiver.bodies() if body["event"] == "contact_updated"]
    [bulk] = [body for body in told if body.get("email") == ["ada@example.com"]]
    assert bulk["content"] == []
    assert [row["email"] for body in told for row in body["content"]] == ["bob@example.com"]
    [joined] = [body for body in receiver.bodies() if body["event"] == "list_addition"]
    assert joined["email"] == ["ada@example.com", "eve@example.com"]


@pytest.mark.parametrize(
    ("act", "event"), [("unsubscribe", "unsubscribed"), ("bounce", "hard_bounced")]
)  # fmt: skip
def test_leaving_and_bouncing_blocklist_and_are_told(brevo, sandbox, receiver, hook, ada, act, event):
    hook()

    sandbox.control("POST", f"/brevo/801/contacts/{ada}/{act}", {})
    sandbox.wait_until_delivered()

    [body] = receiver.bodies()
    assert (body["event"], body["email"]) == (event, "ada@example.com")
    assert "campaign name" in body
    assert brevo("GET", f"/contacts/{ada}").json()["emailBlacklisted"] is True


@pytest.mark.parametrize(("status", "tries"), [(500, 1), (503, 1), (404, 1), (429, 5), (200, 1)])
def test_a_429_is_tried_again_and_any_other_refusal_loses_the_event(brevo, sandbox, receiver, hook, ada, status, tries):
    hook()
    receiver.status = status

    brevo("PUT", f"/contacts/{ada}", json={"attributes": {"FIRSTNAME": "Ada"}})
    for _ in range(5):
        sandbox.wait_until_delivered()
        sandbox.control("POST", "/time", {"advance_seconds": 30_000})
    sandbox.wait_until_delivered()

    assert len(receiver.got) == tries


def test_webhooks_are_listed_by_type_and_limited(brevo, hook):
    number = hook()

    assert brevo("GET", "/webhooks").json() == {"webhooks": []}
    assert [row["id"] for row in brevo("GET", "/webhooks?type=marketing").json()["webhooks"]] == [number]
    for _ in range(39):
        hook()
    again = {"url": "https://hub.example/x", "events": ["spam"], "type": "marketing"}
    assert brevo("POST", "/webhooks", json=again).status_code == 400
    assert brevo("POST", "/webhooks", json=again | {"events": ["contactCreated"]}).status_code == 400


# Pages


def test_a_person_creates_edits_unsubscribes_and_deletes_in_the_page(sandbox):
    page = f"{sandbox.url}/ui/brevo/801"

    made = requests.post(f"{page}/contacts", data={"EMAIL": "eve@example.com", "FIRSTNAME": "<Eve>"}, timeout=5)
    number = next(iter(sandbox.state.brevo.accounts["801"].contacts))
    requests.post(f"{page}/contacts/{number}", data={"EMAIL": "eve@example.com", "FIRSTNAME": "Eva"}, timeout=5)
    shown = requests.post(f"{page}/contacts/{number}/unsubscribe", data={"list": ""}, timeout=5)

    assert "&lt;Eve&gt;" in made.text
    assert "blocklisted" in shown.text
    assert 'value="Eva"' in shown.text
    gone = requests.post(f"{page}/contacts/{number}/delete", timeout=5)
    assert "eve@example.com" not in gone.text
    assert "ACME Marketing" in requests.get(f"{sandbox.url}/", timeout=5).text
