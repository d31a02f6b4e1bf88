"""HubSpot's contacts as the vendor's documents have them: paths, texts only, conflicts, batches, search, limits."""

from __future__ import annotations

import json

import pytest

from sandbox.hubspot.seed import PORTAL_ID

CONTACTS = "/crm/objects/2026-09/contacts"


def create(hubspot, **values):
    answer = hubspot("POST", CONTACTS, json={"properties": values})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def stage(hubspot, contact_id):
    answer = hubspot("GET", f"{CONTACTS}/{contact_id}?properties=lifecyclestage")
    return answer.json()["properties"]["lifecyclestage"]


@pytest.mark.parametrize(
    "path", [CONTACTS, "/crm/objects/2026-03/contacts", "/crm/v3/objects/contacts", "/crm/objects/2026-09/0-1"]
)
def test_old_and_new_paths_lead_to_one_state(hubspot, path):
    contact_id = create(hubspot, email="ada@example.com")
    assert [row["id"] for row in hubspot("GET", path).json()["results"]] == [contact_id]


def test_unknown_paths_and_versions_are_404(hubspot):
    for path in ("/crm/objects/2025-09/contacts", "/crm/v4/objects/contacts", "/nothing"):
        assert hubspot("GET", path).status_code == 404
    assert hubspot("PUT", CONTACTS).status_code == 405


def test_six_properties_by_default_and_all_values_are_texts(hubspot):
    contact_id = create(hubspot, email=" Ada@Example.com ", firstname="Ada", zip=1010)
    found = hubspot("GET", f"{CONTACTS}/{contact_id}").json()
    assert set(found["properties"]) == {
        "createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname",
    }  # fmt: skip
    assert found["properties"]["email"] == "ada@example.com"
    assert found["properties"]["lastname"] is None
    more = hubspot("GET", f"{CONTACTS}/{contact_id}?properties=zip,city&properties=unheard_of").json()["properties"]
    assert (more["zip"], more["city"]) == ("1010", None)
    assert "unheard_of" not in more


def test_a_list_pages_by_record_id(hubspot, sandbox):
    sandbox.control("POST", f"/hubspot/{PORTAL_ID}/seed", {"count": 13})
    first = hubspot("GET", CONTACTS).json()
    assert len(first["results"]) == 10
    rest = hubspot("GET", f"{CONTACTS}?after={first['paging']['next']['after']}").json()
    assert len(rest["results"]) == 3
    assert "paging" not in rest
    assert hubspot("GET", f"{CONTACTS}?limit=101").status_code == 400


def test_wrong_values_are_refused_together_with_json_in_the_message(hubspot):
    body = {"properties": {"email": "not an address", "nonsense": "1", "lifecyclestage": "nowhere"}}
    answer = hubspot("POST", CONTACTS, json=body)
    assert answer.status_code == 400
    prefix, _, detail = answer.json()["message"].partition(": ")
    assert prefix == "Property values were not valid"
    errors = [item["error"] for item in json.loads(detail)]
    assert errors == ["INVALID_EMAIL", "PROPERTY_DOESNT_EXIST", "INVALID_OPTION"]
    assert hubspot("POST", CONTACTS, json={"properties": {"city": "Wien"}}).status_code == 400
    assert hubspot("POST", CONTACTS, json={"properties": {"hs_object_id": "7", "email": "a@b.cd"}}).status_code == 400


def test_a_doubled_address_is_a_conflict_that_names_the_id_in_its_text(hubspot):
    contact_id = create(hubspot, email="ada@example.com")
    answer = hubspot("POST", CONTACTS, json={"properties": {"email": "ADA@example.com"}})
    assert answer.status_code == 409
    assert answer.json()["message"] == f"Contact already exists. Existing ID: {contact_id}"
    assert answer.json()["category"] == "CONFLICT"


def test_empty_text_clears_and_address_works_as_id(hubspot):
    create(hubspot, email="ada@example.com", city="Wien")
    changed = hubspot("PATCH", f"{CONTACTS}/ada@example.com?idProperty=email", json={"properties": {"city": ""}})
    assert changed.status_code == 200
    assert changed.json()["properties"]["city"] is None
    assert hubspot("GET", f"{CONTACTS}/nobody@example.com?idProperty=email").status_code == 404


def test_a_stage_moves_back_only_after_it_was_cleared(hubspot):
    contact_id = create(hubspot, email="ada@example.com", lifecyclestage="customer")
    silent = hubspot("PATCH", f"{CONTACTS}/{contact_id}", json={"properties": {"lifecyclestage": "lead"}})
    assert silent.status_code == 200
    assert stage(hubspot, contact_id) == "customer"
    hubspot("PATCH", f"{CONTACTS}/{contact_id}", json={"properties": {"lifecyclestage": ""}})
    assert stage(hubspot, contact_id) is None
    hubspot("PATCH", f"{CONTACTS}/{contact_id}", json={"properties": {"lifecyclestage": "lead"}})
    assert stage(hubspot, contact_id) == "lead"
    hubspot("PATCH", f"{CONTACTS}/{contact_id}", json={"properties": {"lifecyclestage": "evangelist"}})
    assert stage(hubspot, contact_id) == "evangelist"


def test_stages_of_a_portals_own_have_numbers_as_values(hubspot, sandbox):
    own = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/stages", {"label": "Reader", "position": 1})
    assert own["value"].isdigit()
    options = hubspot("GET", "/crm/properties/2026-09/contacts/lifecyclestage").json()["options"]
    assert [item["label"] for item in options][:3] == ["Subscriber", "Reader", "Lead"]
    assert [item["displayOrder"] for item in options] == list(range(9))
    contact_id = create(hubspot, email="ada@example.com", lifecyclestage=own["value"])
    assert stage(hubspot, contact_id) == own["value"]


def test_a_merge_mints_an_id_and_keeps_the_other_address(hubspot):
    ada = create(hubspot, email="ada@example.com", city="")
    bob = create(hubspot, email="bob@example.com", city="Wien")
    merged = hubspot("POST", f"{CONTACTS}/merge", json={"primaryObjectId": ada, "objectIdToMerge": bob}).json()
    assert merged["id"] not in (ada, bob)
    query = "properties=city,hs_additional_emails,hs_merged_object_ids"
    for old in (ada, bob):
        found = hubspot("GET", f"{CONTACTS}/{old}?{query}").json()
        assert found["id"] == merged["id"]
    values = found["properties"]
    assert (values["email"], values["hs_additional_emails"], values["city"]) == (
        "ada@example.com", "bob@example.com", "Wien",
    )  # fmt: skip
    assert values["hs_merged_object_ids"] == f"{ada};{bob}"
    assert hubspot("POST", CONTACTS, json={"properties": {"email": "bob@example.com"}}).status_code == 409
    assert hubspot("PATCH", f"{CONTACTS}/{bob}", json={"properties": {"city": "Graz"}}).json()["id"] == merged["id"]
    lost = hubspot("POST", f"{CONTACTS}/batch/read", json={"inputs": [{"id": ada}], "properties": []})
    assert (lost.status_code, lost.json()["results"]) == (207, [])


def test_deleting_is_archiving_and_privacy_is_for_good(hubspot):
    ada, bob = create(hubspot, email="ada@example.com"), create(hubspot, email="bob@example.com")
    assert hubspot("DELETE", f"{CONTACTS}/{ada}").status_code == 204
    assert hubspot("GET", f"{CONTACTS}/{ada}").status_code == 404
    assert hubspot("GET", f"{CONTACTS}/{ada}?archived=true").status_code == 200
    assert hubspot("POST", f"{CONTACTS}/gdpr-delete", json={"objectId": bob}).status_code == 204
    assert hubspot("GET", f"{CONTACTS}/{bob}?archived=true").status_code == 404
    assert hubspot("POST", CONTACTS, json={"properties": {"email": "bob@example.com"}}).status_code == 400


def test_a_batch_reads_by_id_or_address_and_names_the_missing(hubspot):
    ada = create(hubspot, email="ada@example.com")
    body = {"properties": ["city"], "inputs": [{"id": ada}, {"id": "999"}]}
    answer = hubspot("POST", f"{CONTACTS}/batch/read", json=body)
    assert answer.status_code == 207
    assert (answer.json()["numErrors"], "context" in answer.json()["errors"][0]) == (1, False)
    body = {"idProperty": "email", "properties": [], "inputs": [{"id": "ADA@example.com"}]}
    assert hubspot("POST", f"{CONTACTS}/batch/read", json=body).json()["results"][0]["id"] == ada
    too_many = {"properties": [], "inputs": [{"id": str(n)} for n in range(101)]}
    assert hubspot("POST", f"{CONTACTS}/batch/read", json=too_many).status_code == 400


def test_a_batch_create_is_all_or_nothing_without_trace_ids(hubspot):
    ada = create(hubspot, email="ada@example.com")
    rows = [{"properties": {"email": address}} for address in ("new@example.com", "ada@example.com")]
    refused = hubspot("POST", f"{CONTACTS}/batch/create", json={"inputs": rows})
    assert (refused.status_code, ada in refused.json()["message"]) == (409, True)
    assert len(hubspot("GET", CONTACTS).json()["results"]) == 1
    traced = [row | {"objectWriteTraceId": f"t{n}"} for n, row in enumerate(rows)]
    answer = hubspot("POST", f"{CONTACTS}/batch/create", json={"inputs": traced})
    assert (answer.status_code, len(answer.json()["results"])) == (207, 1)
    assert answer.json()["errors"][0]["context"] == {"objectWriteTraceId": ["t1"]}


def test_an_upsert_says_what_is_new_and_refuses_doubles(hubspot):
    create(hubspot, email="ada@example.com")
    inputs = [
        {"id": address, "idProperty": "email", "properties": {"city": "Wien"}}
        for address in ("ada@example.com", "bob@example.com")
    ]
    answer = hubspot("POST", f"{CONTACTS}/batch/upsert", json={"inputs": inputs})
    assert (answer.status_code, [row["new"] for row in answer.json()["results"]]) == (200, [False, True])
    twice = hubspot("POST", f"{CONTACTS}/batch/upsert", json={"inputs": [inputs[0], inputs[0]]})
    assert (twice.status_code, twice.json()["context"]) == (400, {"ids": ["ada@example.com"]})


def test_a_batch_update_fails_the_unknown_alone(hubspot):
    ada = create(hubspot, email="ada@example.com")
    inputs = [{"id": key, "properties": {"city": "Wien"}} for key in (ada, "999")]
    answer = hubspot("POST", f"{CONTACTS}/batch/update", json={"inputs": inputs})
    assert (answer.status_code, "999" in answer.json()["errors"][0]["message"]) == (207, True)
    assert answer.json()["results"][0]["properties"]["city"] == "Wien"


def test_search_filters_sorts_and_has_its_limits(hubspot, sandbox):
    sandbox.control("POST", f"/hubspot/{PORTAL_ID}/seed", {"count": 12})
    group = {"filters": [{"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": "seed1"}]}
    sort = {"propertyName": "hs_object_id", "direction": "DESCENDING"}
    body = {"filterGroups": [group], "sorts": [sort], "limit": 2}
    found = hubspot("POST", f"{CONTACTS}/search", json=body)
    assert found.json()["total"] == 3
    assert [row["properties"]["email"] for row in found.json()["results"]] == [
        "seed11@example.com", "seed10@example.com",
    ]  # fmt: skip
    assert found.json()["paging"]["next"]["after"] == "2"
    assert "X-HubSpot-RateLimit-Max" not in found.headers
    for wrong in ({"limit": 201}, {"after": "9999", "limit": 10}, {"query": "x" * 3001}):
        sandbox.control("POST", "/time", {"advance_seconds": 2})
        assert hubspot("POST", f"{CONTACTS}/search", json=wrong).status_code == 400
    sandbox.control("POST", "/time", {"advance_seconds": 2})
    statuses = [hubspot("POST", f"{CONTACTS}/search", json={}).status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2


def test_search_sees_changes_late_and_secondary_addresses_never(hubspot, sandbox):
    sandbox.control("POST", "/misbehave", {"vendor": "hubspot", "search_delay_s": 30})
    create(hubspot, email="ada@example.com")
    body = {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "EQ", "value": "ada@example.com"}]}]}
    assert hubspot("POST", f"{CONTACTS}/search", json=body).json()["total"] == 0
    sandbox.control("POST", "/time", {"advance_seconds": 31})
    assert hubspot("POST", f"{CONTACTS}/search", json=body).json()["total"] == 1


def test_the_window_of_ten_seconds_is_told_and_kept(hubspot, sandbox):
    sandbox.control("PATCH", f"/hubspot/{PORTAL_ID}", {"calls_per_window": 3})
    answers = [hubspot("GET", CONTACTS) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-HubSpot-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[3].json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert "Retry-After" not in answers[3].headers
    sandbox.control("POST", "/time", {"advance_seconds": 11})
    assert hubspot("GET", CONTACTS).status_code == 200


def test_rules_for_new_records_count_on_the_newest_version_only(hubspot, sandbox):
    sandbox.control("PATCH", f"/hubspot/{PORTAL_ID}", {"required": ["company"]})
    refused = hubspot("POST", CONTACTS, json={"properties": {"email": "ada@example.com"}})
    assert refused.json()["errors"][0]["code"] == "MISSING_REQUIRED_PROPERTY"
    assert (
        hubspot("POST", "/crm/v3/objects/contacts", json={"properties": {"email": "a@example.com"}}).status_code == 201
    )


def test_properties_and_groups(hubspot, sandbox):
    base = "/crm/properties/2026-09/contacts"
    wish = {"name": "maileon_x", "label": "X", "type": "enumeration", "fieldType": "select", "groupName": "maileon",
            "options": [{"label": "One", "value": "one", "displayOrder": 0, "hidden": False}]}  # fmt: skip
    assert hubspot("POST", base, json=wish).status_code == 400  # the group is missing
    assert hubspot("POST", f"{base}/groups", json={"name": "maileon", "label": "Maileon"}).status_code == 201
    assert hubspot("POST", base, json=wish).status_code == 201
    again = hubspot("POST", base, json=wish)
    assert (again.status_code, again.json()["subCategory"]) == (409, "Properties.PROPERTY_WITH_NAME_EXISTS")
    assert hubspot("POST", base, json=wish | {"name": "y", "fieldType": "text"}).status_code == 400
    assert hubspot("DELETE", f"{base}/groups/maileon").status_code == 400
    contact_id = create(hubspot, email="ada@example.com", maileon_x="one")
    assert hubspot("DELETE", f"{base}/maileon_x").status_code == 204
    assert hubspot("GET", f"{base}/maileon_x").status_code == 404
    assert "maileon_x" not in hubspot("GET", f"{CONTACTS}/{contact_id}?properties=maileon_x").json()["properties"]
    assert hubspot("POST", base, json=wish).status_code == 201
    found = hubspot("GET", f"{CONTACTS}/{contact_id}?properties=maileon_x").json()["properties"]
    assert found["maileon_x"] is None


def test_notes_and_app_events(hubspot, sandbox):
    contact_id = create(hubspot, email="ada@example.com")
    kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]
    note = {"properties": {"hs_timestamp": "2026-11-20T10:00:00Z", "hs_note_body": "Hello"},
            "associations": [{"to": {"id": contact_id}, "types": kinds}]}  # fmt: skip
    made = hubspot("POST", "/crm/objects/2026-09/notes", json=note)
    assert made.status_code == 201
    linked = hubspot("GET", f"{CONTACTS}/{contact_id}?associations=notes").json()["associations"]["notes"]["results"]
    assert [row["id"] for row in linked] == [made.json()["id"]]
    body = {"properties": ["hs_note_body"], "inputs": [{"id": made.json()["id"]}]}
    read = hubspot("POST", "/crm/objects/2026-09/notes/batch/read", json=body).json()
    assert read["results"][0]["properties"]["hs_note_body"] == "Hello"

    event = {"eventTypeName": "maileon_unsubscribed", "id": "e1", "objectId": contact_id, "properties": {}}
    assert hubspot("POST", "/integrators/timeline/2026-03/events", json=event).status_code == 403
    client_id = next(iter(sandbox.state.hubspot.apps))
    sandbox.control("POST", "/hubspot/apps", {"client_id": client_id, "event_types": ["maileon_unsubscribed"]})
    wish = {"client_id": client_id, "scopes": ["oauth", "timeline"]}
    sandbox.control("POST", f"/hubspot/{PORTAL_ID}/install", wish)
    statuses = [hubspot("POST", "/integrators/timeline/2026-03/events", json=event).status_code for _ in range(2)]
    assert statuses == [201, 409]
    assert hubspot("POST", "/integrators/timeline/2026-09/events", json=event).status_code == 404


def test_a_stage_is_renamed_and_deleted_and_contacts_keep_its_value(sandbox):
    path = f"/hubspot/{PORTAL_ID}/stages"
    made = sandbox.control("POST", path, {"label": "Reader", "position": 2})["value"]
    wish = {"email": "ada@example.com", "lifecyclestage": made}
    contact = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/contacts", wish)["id"]
    assert sandbox.control("PATCH", f"{path}/{made}", {"label": "Leser"})["value"] == made
    sandbox.control("DELETE", f"{path}/{made}")
    assert made not in [row["value"] for row in sandbox.control("GET", f"/hubspot/{PORTAL_ID}/state")["stages"]]
    found = sandbox.state.hubspot.portals[PORTAL_ID].contacts[int(contact)]
    assert found.values["lifecyclestage"] == made
