"""What an administrator does in Pipedrive's settings: fields, options, pipelines and stages. Nobody is told of it."""

from __future__ import annotations

FIELDS = "/pipedrive/acme/personFields"


def tier(sandbox):
    body = {"field_name": "Tier", "field_type": "enum", "options": [{"label": "Gold"}, {"label": "Silver"}]}
    return sandbox.control("POST", FIELDS, body)["data"]


def test_an_option_is_renamed_and_keeps_its_id(sandbox, pipedrive):
    made = tier(sandbox)
    gold = made["options"][0]["id"]
    sandbox.control("PATCH", f"{FIELDS}/{made['field_code']}/options", [{"id": gold, "label": "Platinum"}])
    shown = pipedrive.data("GET", f"/api/v2/personFields/{made['field_code']}")
    assert {"id": gold, "label": "Platinum"} in shown["options"]


def test_a_deleted_option_takes_its_values_along_and_comes_back_with_another_id(sandbox, pipedrive):
    made = tier(sandbox)
    code, gold = made["field_code"], made["options"][0]["id"]
    body = {"name": "Ada", "custom_fields": {code: gold}}
    person = sandbox.control("POST", "/pipedrive/acme/persons", body)["data"]["id"]
    sandbox.control("DELETE", f"{FIELDS}/{code}/options", [{"id": gold}])
    assert pipedrive.data("GET", f"/api/v2/persons/{person}")["custom_fields"][code] is None
    again = sandbox.control("POST", f"{FIELDS}/{code}/options", [{"label": "Gold"}])["data"]
    assert again[0]["id"] != gold


def test_a_field_is_renamed_and_keeps_its_key(sandbox, pipedrive):
    code = tier(sandbox)["field_code"]
    sandbox.control("PATCH", f"{FIELDS}/{code}", {"field_name": "Level"})
    assert pipedrive.data("GET", f"/api/v2/personFields/{code}")["field_name"] == "Level"


def test_stages_are_renamed_and_deleted(sandbox, pipedrive):
    first = pipedrive.data("GET", "/api/v2/stages")[0]["id"]
    sandbox.control("PATCH", f"/pipedrive/acme/stages/{first}", {"name": "Begun"})
    assert pipedrive.data("GET", f"/api/v2/stages/{first}")["name"] == "Begun"
    sandbox.control("DELETE", f"/pipedrive/acme/stages/{first}")
    assert first not in [row["id"] for row in pipedrive.data("GET", "/api/v2/stages")]


def test_a_deleted_person_is_restored_without_a_word(sandbox, pipedrive):
    person = sandbox.control("POST", "/pipedrive/acme/persons", {"name": "Ada"})["data"]["id"]
    sandbox.control("DELETE", f"/pipedrive/acme/persons/{person}")
    assert person not in [row["id"] for row in pipedrive.data("GET", "/api/v2/persons?limit=500")]
    sandbox.control("POST", f"/pipedrive/acme/persons/{person}/restore")
    assert person in [row["id"] for row in pipedrive.data("GET", "/api/v2/persons?limit=500")]


def test_the_day_a_deal_was_won_is_that_of_the_company(sandbox, pipedrive):
    sandbox.control("PATCH", "/pipedrive/acme", {"time_zone": "America/New_York"})
    wish = {"title": "Engine", "status": "won", "won_time": "2026-02-01T03:30:00Z"}
    deal = sandbox.control("POST", "/pipedrive/acme/deals", wish)["data"]["id"]
    shown = pipedrive.data("GET", f"/api/v2/deals/{deal}")
    assert (shown["local_won_date"], shown["local_close_date"]) == ("2026-01-31", "2026-01-31")
    assert pipedrive.data("GET", "/api/v1/users/me")["timezone_name"] == "America/New_York"
