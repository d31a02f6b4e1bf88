"""Persons, organizations, deals and activities of API v2."""

from __future__ import annotations

import pytest


def refusal(answer):
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "ERR_SCHEMA_VALIDATION_FAILED"
    return answer.json()["error"]


def newsletter(pipedrive, field_type="enum"):
    body = {"field_name": "Newsletter", "field_type": field_type, "options": [{"label": "yes"}, {"label": "no"}]}
    return pipedrive.data("POST", "/api/v2/personFields", json=body)


def test_missing_and_wrong_tokens_are_unauthorized(pipedrive):
    for headers in ({"x-api-token": "f" * 40}, {"x-api-token": None}, {"authorization": "Bearer ace0"}):
        answer = pipedrive("GET", "/v1/users/me", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["errorCode"] == 401
        assert answer.headers["x-401-by-gw"] == "true"


def test_query_token_works_on_v1_only(pipedrive):
    token = pipedrive.session.headers.pop("x-api-token")
    assert pipedrive("GET", f"/v1/users/me?api_token={token}").status_code == 200
    assert pipedrive("GET", f"/api/v2/persons?api_token={token}").status_code == 401


def test_unknown_body_key_is_refused_by_name(pipedrive):
    answer = pipedrive("POST", "/api/v2/persons", json={"name": "X", "email": "a@example.com"})
    assert refusal(answer) == "Validation failed: email: Parameter 'email' is not allowed for this request"


@pytest.mark.parametrize("body", [
    {}, {"name": 5}, {"name": "X", "owner_id": "9001001"}, {"name": "X", "visible_to": "3"},
    {"name": "X", "org_id": 99},
    {"name": "X", "emails": "a@example.com"}, {"name": "X", "emails": [{"value": "a@example.com", "primary": "true"}]},
    {"name": "X", "custom_fields": {"f" * 40: 1}}, {"name": "X", "custom_fields": {"name": "Y"}},
    {"name": "X", "first_name": "Y"},
    {"name": "X", "add_time": "2026-01-01 00:00:00"},
])  # fmt: skip
def test_wrong_person_bodies_are_refused(pipedrive, body):
    refusal(pipedrive("POST", "/api/v2/persons", json=body))


def test_top_level_custom_field_is_refused(pipedrive):
    code = newsletter(pipedrive)["field_code"]
    assert code in refusal(pipedrive("POST", "/api/v2/persons", json={"name": "X", code: 31}))


def test_set_field_is_cleared_by_null_not_by_empty_list(pipedrive):
    field = newsletter(pipedrive, "set")
    code, first = field["field_code"], field["options"][0]["id"]
    person = pipedrive.data("POST", "/api/v2/persons", json={"name": "X", "custom_fields": {code: [first]}})
    path = f"/api/v2/persons/{person['id']}"

    assert code in refusal(pipedrive("PATCH", path, json={"custom_fields": {code: []}}))
    assert pipedrive.data("PATCH", path, json={"custom_fields": {code: None}})["custom_fields"] == {code: None}


def test_enum_takes_a_known_option_id_only(pipedrive):
    code = newsletter(pipedrive)["field_code"]
    for wrong in ("31", 999, "yes", True):
        refusal(pipedrive("PATCH", "/api/v2/persons/1", json={"custom_fields": {code: wrong}}))


def test_option_labels_are_shown_on_request(pipedrive):
    field = newsletter(pipedrive)
    code, option = field["field_code"], field["options"][0]
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"custom_fields": {code: option["id"]}})

    shown = pipedrive.data("GET", f"/api/v2/persons/1?include_option_labels=true&custom_fields={code}")

    assert shown["custom_fields"] == {code: {"id": option["id"], "label": "yes"}}


def test_name_is_split_and_first_email_becomes_primary(pipedrive):
    emails = [{"value": "a@example.com"}, {"value": "b@example.com", "label": "home"}]
    person = pipedrive.data("POST", "/api/v2/persons", json={"name": "Ada King Lovelace", "emails": emails})
    assert (person["first_name"], person["last_name"]) == ("Ada King", "Lovelace")
    assert person["emails"] == [
        {"value": "a@example.com", "primary": True, "label": "work"},
        {"value": "b@example.com", "primary": False, "label": "home"},
    ]


def test_same_email_makes_two_persons(pipedrive):
    body = {"name": "Twin", "emails": [{"value": "twin@example.com"}]}
    first, second = (pipedrive.data("POST", "/api/v2/persons", json=body) for _ in range(2))
    assert first["id"] != second["id"]


def test_cursor_walks_all_pages(sandbox, pipedrive):
    sandbox.control("POST", "/pipedrive/acme/seed", {"count": 120})
    seen, cursor = [], ""
    while cursor is not None:
        answer = pipedrive("GET", "/api/v2/persons", params={"limit": 50, **({"cursor": cursor} if cursor else {})})
        seen += [row["id"] for row in answer.json()["data"]]
        cursor = answer.json()["additional_data"]["next_cursor"]
    assert seen == list(range(1, 125))


def test_cursor_by_update_time_descending(sandbox, pipedrive):
    sandbox.control("POST", "/time", {"advance_seconds": 60})
    pipedrive.data("PATCH", "/api/v2/persons/2", json={"name": "Newest"})
    query = {"limit": 3, "sort_by": "update_time", "sort_direction": "desc"}
    first = pipedrive("GET", "/api/v2/persons", params=query).json()
    rest = pipedrive(
        "GET", "/api/v2/persons", params=query | {"cursor": first["additional_data"]["next_cursor"]}
    ).json()
    assert [row["id"] for row in first["data"] + rest["data"]] == [2, 4, 3, 1]


@pytest.mark.parametrize("query", [
    "limit=501", "limit=0", "limit=x", "cursor=%%%", "sort_by=name", "updated_since=2026-01-01", "include_fields=nope",
    "updated_since=2026-01-01T00:00:00.123Z", "ids=" + ",".join(map(str, range(101))),
])  # fmt: skip
def test_wrong_list_queries_are_refused(pipedrive, query):
    refusal(pipedrive("GET", f"/api/v2/persons?{query}"))


def test_updated_since_is_inclusive_and_until_exclusive(sandbox, pipedrive):
    sandbox.control("POST", "/time", {"advance_seconds": 60})
    changed = pipedrive.data("PATCH", "/api/v2/persons/3", json={"name": "Changed"})["update_time"]
    since = pipedrive.data("GET", f"/api/v2/persons?updated_since={changed}")
    until = pipedrive.data("GET", f"/api/v2/persons?updated_until={changed}")
    assert [row["id"] for row in since] == [3]
    assert 3 not in [row["id"] for row in until]


def test_deleted_person_leaves_lists_and_is_readable(pipedrive):
    assert pipedrive("DELETE", "/api/v2/persons/2").json() == {"success": True, "data": {"id": 2}}
    assert [row["id"] for row in pipedrive.data("GET", "/api/v2/persons?ids=1,2,999")] == [1]
    assert pipedrive.data("GET", "/api/v2/persons/2")["is_deleted"] is True
    assert pipedrive("PATCH", "/api/v2/persons/2", json={"name": "X"}).status_code == 404
    assert pipedrive("GET", "/api/v2/persons/999").status_code == 404


def test_counts_come_only_when_asked_for(pipedrive):
    pipedrive.data("PATCH", "/api/v2/deals/1", json={"status": "won"})
    assert "won_deals_count" not in pipedrive.data("GET", "/api/v2/persons/1")
    shown = pipedrive.data("GET", "/api/v2/persons/1?include_fields=won_deals_count,open_deals_count")
    assert (shown["won_deals_count"], shown["open_deals_count"]) == (1, 0)


def test_deal_takes_the_first_stage_and_stage_decides_pipeline(pipedrive):
    pipeline = pipedrive.data("POST", "/api/v2/pipelines", json={"name": "Other"})["id"]
    stage = pipedrive.data("POST", "/api/v2/stages", json={"name": "S", "pipeline_id": pipeline})["id"]
    assert pipedrive.data("POST", "/api/v2/deals", json={"title": "D"})["stage_id"] == 1
    deal = pipedrive.data("POST", "/api/v2/deals", json={"title": "D", "stage_id": stage, "pipeline_id": 1})
    assert deal["pipeline_id"] == pipeline


def test_won_and_reopened_deal(pipedrive):
    won = pipedrive.data("PATCH", "/api/v2/deals/1", json={"status": "won"})
    assert won["won_time"]
    assert won["close_time"] == won["won_time"]
    assert pipedrive.data("PATCH", "/api/v2/deals/1", json={"status": "open"})["won_time"] is None
    refusal(pipedrive("PATCH", "/api/v2/deals/1", json={"lost_reason": "Price"}))


def test_archived_and_deleted_deals_have_their_own_lists(pipedrive):
    pipedrive.data("POST", "/api/v2/deals", json={"title": "Second"})
    pipedrive.data("PATCH", "/api/v2/deals/1", json={"is_archived": True})
    pipedrive("DELETE", "/api/v2/deals/2")
    assert pipedrive.data("GET", "/api/v2/deals") == []
    assert [row["id"] for row in pipedrive.data("GET", "/api/v2/deals/archived")] == [1]
    assert [row["id"] for row in pipedrive.data("GET", "/api/v2/deals?status=deleted")] == [2]


def test_activity_gets_its_person_from_participants(pipedrive):
    refusal(pipedrive("POST", "/api/v2/activities", json={"subject": "Call", "person_id": 1}))
    body = {"subject": "Call", "participants": [{"person_id": 2}, {"person_id": 1, "primary": True}]}
    assert pipedrive.data("POST", "/api/v2/activities", json=body)["person_id"] == 1
    assert len(pipedrive.data("GET", "/api/v2/activities?person_id=1&done=false")) == 1


def test_retired_v1_operations_are_gone(pipedrive):
    for path in ("/v1/persons", "/api/v1/deals/1", "/v1/itemSearch?term=x", "/v1/pipelines"):
        assert pipedrive("GET", path).status_code == 404
    assert pipedrive("GET", "/v2/persons").status_code == 404


def test_field_options_are_added_renamed_and_removed(pipedrive):
    path = f"/api/v2/personFields/{newsletter(pipedrive)['field_code']}"
    added = pipedrive.data("POST", f"{path}/options", json=[{"label": "maybe"}])
    pipedrive.data("PATCH", f"{path}/options", json=[{"id": added[0]["id"], "label": "perhaps"}])
    code = path.rpartition("/")[2]
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"custom_fields": {code: 31}})
    pipedrive.data("DELETE", f"{path}/options", json=[{"id": 31}])
    assert pipedrive.data("GET", "/api/v2/persons/1")["custom_fields"] == {code: None}
    assert [option["label"] for option in pipedrive.data("GET", path)["options"]] == ["no", "perhaps"]
    assert pipedrive.data("DELETE", path)["field_name"] == "Newsletter"
    assert pipedrive("GET", path).status_code == 404


def test_search_finds_exact_email_and_heeds_the_index_delay(sandbox, pipedrive):
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "search_delay_s": 5})
    person = pipedrive.data("POST", "/api/v2/persons", json={"name": "N", "emails": [{"value": "New@example.com"}]})
    query = "/api/v2/persons/search?term=new@example.com&fields=email&exact_match=true"
    assert pipedrive.data("GET", query)["items"] == []
    sandbox.control("POST", "/time", {"advance_seconds": 6})
    item = pipedrive.data("GET", query)["items"][0]["item"]
    assert (item["id"], item["emails"]) == (person["id"], ["New@example.com"])
    refusal(pipedrive("GET", "/api/v2/persons/search?term=a"))


def test_merge_keeps_the_named_record(pipedrive):
    merged = pipedrive.data("PUT", "/v1/persons/1/merge", json={"merge_with_id": 2})
    assert (merged["id"], merged["merge_what_id"], merged["name"]) == (2, 1, "Alan Turing")
    assert [item["value"] for item in merged["email"]] == ["alan@example.com", "ada@example.com"]
    assert pipedrive.data("GET", "/api/v2/deals/1")["person_id"] == 2


def test_notes_need_a_parent_and_stay_readable_when_deleted(pipedrive):
    assert pipedrive("POST", "/v1/notes", json={"content": "x"}).status_code == 400
    note = pipedrive.data("POST", "/v1/notes", json={"content": "x", "deal_id": 1})
    assert note["deal"] == {"title": "Difference engine"}
    assert pipedrive("DELETE", f"/v1/notes/{note['id']}").json() == {"success": True, "data": True}
    assert pipedrive.data("GET", f"/v1/notes/{note['id']}")["active_flag"] is False
    assert pipedrive.data("GET", "/v1/notes?deal_id=1") == []


def test_leads_carry_deal_fields_at_the_top_level(pipedrive):
    body = {"field_name": "Origin", "field_type": "enum", "options": [{"label": "web"}]}
    field = pipedrive.data("POST", "/api/v2/dealFields", json=body)
    code, option = field["field_code"], field["options"][0]["id"]
    answer = pipedrive("POST", "/v1/leads", json={"title": "L", "person_id": 1, code: str(option)})
    assert answer.status_code == 201
    lead = answer.json()["data"]
    assert (lead[code], lead["origin"], lead["visible_to"]) == (str(option), "API", "3")
    wrong = pipedrive("POST", "/v1/leads", json={"title": "L", "person_id": 1, "channel": "x"}).json()
    assert wrong["error_info"] == '"channel" must be a number'
    assert pipedrive("POST", "/v1/leads", json={"title": "L"}).status_code == 400


def test_lead_becomes_a_deal(pipedrive):
    lead = pipedrive.data("POST", "/v1/leads", json={"title": "L", "person_id": 1})
    path = f"/api/v2/leads/{lead['id']}/convert"
    conversion = pipedrive.data("POST", f"{path}/deal", json={})["conversion_id"]
    states = [pipedrive.data("GET", f"{path}/status/{conversion}") for _ in range(2)]
    assert [state["status"] for state in states] == ["running", "completed"]
    assert pipedrive.data("GET", f"/api/v2/deals/{states[1]['deal_id']}")["source_lead_id"] == lead["id"]
    assert pipedrive("GET", f"/v1/leads/{lead['id']}").status_code == 404


def test_hundred_thousand_persons_list_quickly(sandbox, pipedrive):
    sandbox.control("PATCH", "/pipedrive/acme", {"plan": "unlimited"})
    sandbox.control("POST", "/pipedrive/acme/seed", {"count": 100_000})
    page = pipedrive("GET", "/api/v2/persons?limit=500&updated_since=2026-06-01T00:00:00Z").json()
    assert len(page["data"]) == 500
    cursor = page["additional_data"]["next_cursor"]
    again = pipedrive("GET", "/api/v2/persons", params={"limit": 500, "cursor": cursor})
    assert again.elapsed.total_seconds() < 1
    hit = pipedrive("GET", "/api/v2/persons/search?term=person99999@seed.example.com&fields=email&exact_match=true")
    assert len(hit.json()["data"]["items"]) == 1
    assert hit.elapsed.total_seconds() < 0.5


def test_products_of_several_deals_come_in_one_list(pipedrive, sandbox):
    second = pipedrive.data("POST", "/api/v2/deals", json={"title": "Second"})["id"]
    for deal_id, name in ((1, "Set-up"), (second, "Training"), (second, "Support")):
        sandbox.control("POST", f"/pipedrive/acme/deals/{deal_id}/products", {"name": name, "item_price": 10})
    answer = pipedrive("GET", f"/api/v2/deals/products?deal_ids=1,{second}&limit=2").json()
    rest = pipedrive("GET", f"/api/v2/deals/products?deal_ids=1,{second}&cursor=2").json()
    assert [row["name"] for row in answer["data"] + rest["data"]] == ["Set-up", "Training", "Support"]
    assert answer["additional_data"] == {"next_cursor": "2"}
    assert pipedrive("GET", "/api/v2/deals/products").status_code == 400


def test_a_new_field_is_hidden_where_people_are_added_unless_it_is_asked_for(pipedrive):
    wish = {"field_name": "Level", "field_type": "varchar"}
    hidden = pipedrive.data("POST", "/api/v2/personFields", json=wish)
    shown = pipedrive.data("POST", "/api/v2/personFields", json={**wish, "ui_visibility": {"add_visible_flag": True}})
    older = pipedrive.data("POST", "/v1/personFields", json={"name": "Level", "field_type": "varchar"})
    assert (hidden["ui_visibility"]["add_visible_flag"], shown["ui_visibility"]["add_visible_flag"]) == (False, True)
    assert older["add_visible_flag"] is True
