"""Brevo's contacts as its sheet describes them: identity, types, consent, lists, imports."""

from __future__ import annotations

import json

import pytest

from sandbox.brevo.seed import OTHER_KEY

ALL, QUALIFIED = 60, 61


@pytest.fixture
def ada(brevo):
    body = {"email": "Ada@example.com", "attributes": {"FIRSTNAME": "Ada", "SMS": "+31 6 12345678"}, "listIds": [ALL]}
    return brevo("POST", "/contacts", json=body).json()["id"]


def contact(brevo, key):
    return brevo("GET", f"/contacts/{key}").json()


def test_a_wrong_or_missing_key_is_told_apart(brevo):
    assert brevo("GET", "/account", headers={"api-key": "nobody"}).json() == {
        "code": "unauthorized", "message": "Key not found",
    }  # fmt: skip
    assert brevo("GET", "/account", headers={"api-key": ""}).json()["message"] == "authentication not found in headers"


def test_a_contact_is_found_by_each_of_its_identifiers(brevo, ada):
    brevo("PUT", f"/contacts/{ada}", json={"ext_id": "p-1"})

    for key, kind in (("ada@example.com", ""), (str(ada), ""), ("p-1", "ext_id"), ("31612345678", "phone_id")):
        found = brevo("GET", f"/contacts/{key}" + (f"?identifierType={kind}" if kind else ""))
        assert found.json()["id"] == ada
    assert brevo("GET", "/contacts/p-1").status_code == 404
    assert contact(brevo, ada)["attributes"] == {"FIRSTNAME": "Ada", "SMS": "31612345678", "EXT_ID": "p-1"}


def test_a_second_contact_with_the_address_is_refused_by_metadata(brevo, ada):
    answer = brevo("POST", "/contacts", json={"email": "ada@example.com"})

    assert answer.status_code == 400
    assert answer.json()["code"] == "duplicate_parameter"
    assert answer.json()["metadata"] == {"duplicate_identifiers": ["email"]}


def test_a_phone_of_another_contact_is_refused_on_create_and_update(brevo, ada):
    other = brevo("POST", "/contacts", json={"email": "eve@example.com"}).json()["id"]

    for answer in (
        brevo("POST", "/contacts", json={"email": "bob@example.com", "attributes": {"SMS": "0031612345678"}}),
        brevo("PUT", f"/contacts/{other}", json={"attributes": {"SMS": "+31612345678"}}),
    ):
        assert answer.status_code == 400
        assert answer.json()["metadata"] == {"duplicate_identifiers": ["SMS"]}
    assert brevo("GET", "/contacts/bob@example.com").status_code == 404


@pytest.mark.parametrize("number", ["0612345678", "12", "not a number"])
def test_a_phone_without_country_code_is_refused(brevo, number):
    answer = brevo("POST", "/contacts", json={"email": "eve@example.com", "attributes": {"SMS": number}})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")


def test_an_upsert_changes_only_what_it_names(brevo, ada):
    body = {"email": "ada@example.com", "attributes": {"LASTNAME": "Lovelace"}, "updateEnabled": True}

    assert brevo("POST", "/contacts", json=body).status_code == 204
    assert contact(brevo, ada)["attributes"]["FIRSTNAME"] == "Ada"
    assert brevo("POST", "/contacts", json=body | {"getId": True}).status_code == 204


def test_values_of_the_wrong_type_and_unknown_attributes_are_dropped_without_a_word(brevo, ada):
    brevo("POST", "/contacts/attributes/normal/LTV", json={"type": "float"})

    answer = brevo("PUT", f"/contacts/{ada}", json={"attributes": {"LTV": "much", "NOPE": 1, "LASTNAME": "L"}})

    assert answer.status_code == 204
    assert contact(brevo, ada)["attributes"] == {"FIRSTNAME": "Ada", "SMS": "31612345678", "LASTNAME": "L"}


def test_forced_merging_deletes_the_other_contact(brevo, ada):
    eve = brevo("POST", "/contacts", json={"email": "eve@example.com", "attributes": {"LASTNAME": "E"}}).json()["id"]

    brevo("PUT", f"/contacts/{ada}", json={"attributes": {"EMAIL": "eve@example.com"}, "forceMerge": True})

    assert brevo("GET", f"/contacts/{eve}").status_code == 404
    assert contact(brevo, ada)["email"] == "eve@example.com"


def test_a_new_address_takes_a_contact_off_the_blocklist_unless_told_otherwise(brevo, ada):
    brevo("PUT", f"/contacts/{ada}", json={"emailBlacklisted": True})
    brevo("PUT", f"/contacts/{ada}", json={"attributes": {"EMAIL": "ada.l@example.com"}, "emailBlacklisted": True})
    assert contact(brevo, ada)["emailBlacklisted"] is True

    brevo("PUT", f"/contacts/{ada}", json={"attributes": {"EMAIL": "ada@example.com"}})

    assert contact(brevo, ada)["emailBlacklisted"] is False


def test_a_busy_contact_answers_425(brevo, sandbox):
    sandbox.control("PATCH", "/brevo/801", {"busy_s": 5})
    brevo("POST", "/contacts", json={"email": "eve@example.com"})

    answer = brevo("PUT", "/contacts/eve@example.com", json={"attributes": {"FIRSTNAME": "Eve"}})

    assert answer.status_code == 425
    sandbox.control("POST", "/time", {"advance_seconds": 6})
    assert brevo("PUT", "/contacts/eve@example.com", json={"attributes": {}}).status_code == 204


def test_lists_only_add_and_remove_what_is_named(brevo, ada):
    brevo("PUT", f"/contacts/{ada}", json={"listIds": [QUALIFIED]})
    assert contact(brevo, ada)["listIds"] == [ALL, QUALIFIED]

    brevo("PUT", f"/contacts/{ada}", json={"unlinkListIds": [ALL]})

    assert contact(brevo, ada)["listIds"] == [QUALIFIED]


def test_members_come_and_go_in_bulk_with_failures_named(brevo, ada):
    path = f"/contacts/lists/{QUALIFIED}/contacts"

    added = brevo("POST", f"{path}/add", json={"emails": ["ada@example.com", "nobody@example.com"]})
    again = brevo("POST", f"{path}/add", json={"ids": [ada]})
    many = brevo("POST", f"{path}/add", json={"ids": list(range(151))})

    assert added.json() == {"contacts": {"success": ["ada@example.com"], "failure": ["nobody@example.com"]}}
    assert (again.status_code, again.json()["code"]) == (400, "invalid_parameter")
    assert many.json()["code"] == "out_of_range"
    assert brevo("GET", path).json()["count"] == 1


def test_a_folder_takes_its_lists_along_and_lists_leave_their_contacts(brevo, ada):
    assert brevo("DELETE", "/contacts/folders/1").status_code == 204

    assert brevo("GET", "/contacts/lists").json() == {"lists": [], "count": 0}
    assert contact(brevo, ada)["listIds"] == []


def test_rejoining_a_list_ends_the_opt_out_from_it(brevo, ada, sandbox):
    sandbox.control("POST", f"/brevo/801/contacts/{ada}/unsubscribe", {"list": ALL})
    left = contact(brevo, ada)
    assert (left["listUnsubscribed"], left["emailBlacklisted"]) == ([ALL], False)

    brevo("PUT", f"/contacts/{ada}", json={"listIds": [ALL]})

    assert contact(brevo, ada)["listUnsubscribed"] == []


def test_pages_are_cut_and_filtered(brevo, ada, sandbox):
    brevo("POST", "/contacts", json={"email": "eve@example.com"})
    since = "2099-01-01T00:00:00+00:00".replace("+", "%2B")

    assert [row["id"] for row in brevo("GET", "/contacts?limit=1&sort=asc").json()["contacts"]] == [ada]
    assert brevo("GET", "/contacts?limit=1&offset=1&sort=asc").json()["contacts"][0]["email"] == "eve@example.com"
    assert brevo("GET", f"/contacts?modifiedSince={since}").json() == {"contacts": [], "count": 0}
    assert brevo("GET", f"/contacts?listIds={ALL}").json()["count"] == 1
    assert brevo("GET", "/contacts?limit=1001").status_code == 400
    assert brevo("GET", "/contacts?ids=" + ",".join(map(str, range(21)))).status_code == 400


def test_an_attribute_keeps_its_type_and_its_name_is_upper_case(brevo):
    assert brevo("POST", "/contacts/attributes/normal/ltv", json={"type": "float"}).status_code == 201
    assert brevo("POST", "/contacts/attributes/normal/LTV", json={"type": "text"}).status_code == 400
    assert brevo("POST", "/contacts/attributes/normal/X", json={"type": "id"}).status_code == 400
    rows = {row["name"]: row for row in brevo("GET", "/contacts/attributes").json()["attributes"]}
    assert rows["LTV"] == {"name": "LTV", "category": "normal", "type": "float"}


# Import


def test_an_import_is_taken_at_once_and_done_later(brevo, sandbox):
    sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 30})
    body = {"jsonBody": [{"email": "eve@example.com", "attributes": {"FIRSTNAME": "Eve", "NOPE": 1}}], "listIds": [ALL]}

    answer = brevo("POST", "/contacts/import", json=body)

    number = answer.json()["processId"]
    assert answer.status_code == 202
    assert brevo("GET", f"/processes/{number}").json()["status"] == "queued"
    assert brevo("GET", "/contacts/eve@example.com").status_code == 404
    sandbox.control("POST", "/time", {"advance_seconds": 31})
    done = brevo("GET", f"/processes/{number}").json()
    assert (done["status"], done["info"]["import"]["invalid_emails"]) == ("completed", None)
    found = contact(brevo, "eve@example.com")
    assert (found["attributes"], found["listIds"]) == ({"FIRSTNAME": "Eve"}, [ALL])


def test_an_import_tells_of_reports_and_never_which_row(brevo, ada):
    rows = [
        {"email": "not an address"},
        {"email": "bob@example.com", "attributes": {"SMS": "+31612345678"}},
        {"email": "ADA@example.com", "attributes": {"FIRSTNAME": "", "LASTNAME": "Lovelace"}},
    ]

    number = brevo("POST", "/contacts/import", json={"jsonBody": rows, "listIds": [QUALIFIED]}).json()["processId"]

    info = brevo("GET", f"/processes/{number}").json()["info"]["import"]
    assert all(info[name].endswith(f"/{name}.csv") for name in ("invalid_emails", "duplicate_phone_id"))
    assert brevo("GET", "/contacts/bob@example.com").status_code == 404
    assert contact(brevo, ada)["attributes"] == {"FIRSTNAME": "Ada", "SMS": "31612345678", "LASTNAME": "Lovelace"}


def test_an_import_leaves_the_blocklist_alone_unless_its_flag_hits_everybody(brevo, ada):
    brevo("PUT", f"/contacts/{ada}", json={"emailBlacklisted": True})
    rows = [{"email": "ada@example.com"}, {"email": "eve@example.com"}]

    brevo("POST", "/contacts/import", json={"jsonBody": rows, "listIds": [ALL]})
    assert contact(brevo, ada)["emailBlacklisted"] is True
    assert contact(brevo, "eve@example.com")["emailBlacklisted"] is False

    brevo("POST", "/contacts/import", json={"jsonBody": rows, "listIds": [ALL], "emailBlacklist": True})
    assert contact(brevo, "eve@example.com")["emailBlacklisted"] is True


def test_empty_values_erase_only_when_told_so(brevo, ada):
    rows = [{"email": "ada@example.com", "attributes": {"FIRSTNAME": ""}}]

    brevo("POST", "/contacts/import", json={"jsonBody": rows, "listIds": [ALL], "emptyContactsAttributes": True})

    assert "FIRSTNAME" not in contact(brevo, ada)["attributes"]


@pytest.mark.parametrize(
    "body",
    [{"jsonBody": [{"email": "a@example.com"}]}, {"listIds": [60]}, {"jsonBody": [], "listIds": [60]},
     {"jsonBody": [{"email": "a@example.com"}], "fileBody": "EMAIL", "listIds": [60]},
     {"jsonBody": [{"email": "a@example.com"}], "listIds": [999]}],
)  # fmt: skip
def test_an_import_needs_one_body_and_known_lists(brevo, body):
    assert brevo("POST", "/contacts/import", json=body).status_code == 400


def test_the_end_of_an_import_is_told_to_its_notify_url(brevo, sandbox, receiver):
    sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 0.05})
    body = {"jsonBody": [{"email": "eve@example.com"}], "listIds": [ALL], "notifyUrl": f"{receiver.url}/done?import=7"}

    number = brevo("POST", "/contacts/import", json=body).json()["processId"]
    sandbox.wait_until_delivered()

    assert receiver.got[0]["path"] == "/done?import=7"
    assert json.loads(receiver.got[0]["raw"]) == {"processId": number, "status": "completed"}


def test_double_opt_in_puts_nobody_on_a_list_before_the_click(brevo, sandbox):
    body = {"email": "eve@example.com", "includeListIds": [ALL], "templateId": 1, "redirectionUrl": "https://x.example"}

    assert brevo("POST", "/contacts/doubleOptinConfirmation", json=body).status_code == 201
    assert brevo("GET", "/contacts/eve@example.com").status_code == 404
    sandbox.control("POST", "/brevo/801/click-doi", {"email": "eve@example.com"})

    assert contact(brevo, "eve@example.com")["listIds"] == [ALL]


def test_both_keys_of_an_account_see_the_same_contacts(brevo, ada):
    assert brevo("GET", f"/contacts/{ada}", headers={"api-key": OTHER_KEY}).json()["email"] == "ada@example.com"


def test_a_category_takes_its_numbers_and_drops_labels(sandbox, brevo):
    wish = {"enumeration": [{"value": 1, "label": "Gold"}, {"value": 2, "label": "Silver"}]}
    brevo("POST", "/contacts/attributes/category/TIER", json=wish)

    def kept(email, value):
        brevo("POST", "/contacts", json={"email": email, "attributes": {"TIER": value}})
        return brevo("GET", f"/contacts/{email}").json()["attributes"].get("TIER")

    assert (kept("a@x.example", 2), kept("b@x.example", "2"), kept("c@x.example", "Gold")) == (2, 2, None)


def test_a_phone_number_must_be_one_of_its_country(brevo):
    def status(number):
        return brevo(
            "POST", "/contacts", json={"email": f"{number}@x.example", "attributes": {"SMS": number}}
        ).status_code

    assert (status("31612345678"), status("31000000000"), status("999123456789")) == (201, 400, 400)


def test_queued_imports_are_ended_by_hand_in_part_or_failed(brevo, sandbox):
    sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 600})
    rows = [{"email": f"p{n}@example.com", "attributes": {}} for n in range(3)]
    number = brevo("POST", "/contacts/import", json={"jsonBody": rows, "listIds": [ALL]}).json()["processId"]

    assert sandbox.control("POST", "/brevo/801/imports/end", {"failed": True, "rows": 1}) == [number]

    assert brevo("GET", f"/processes/{number}").json()["status"] == "failed"
    state = sandbox.control("GET", "/brevo/801/state")
    assert [row["email"] for row in state["contacts"]] == ["p0@example.com"]
