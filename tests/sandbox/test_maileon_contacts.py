"""Maileon contacts: keys, single calls, fields, DOI, bulk synchronize."""

from __future__ import annotations

import base64
import json

import pytest
import requests
from defusedxml.ElementTree import fromstring

from sandbox.maileon.seed import API_KEY

ADA = "/contacts/email/ada%40example.com"
JSON = {"content-type": "application/vnd.maileon.api+json"}


def xml(answer, status=200):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/vnd.maileon.api+xml")
    return fromstring(answer.content)


def message(answer, status):
    root = xml(answer, status)
    assert root.tag == "error"
    return root.findtext("message")


def create(maileon, path=ADA, query="", body="<contact></contact>", status=201):
    return xml(maileon("POST", f"{path}?{query}", data=body), status).text


def read(maileon, path=ADA, query="standard_field=FIRSTNAME&custom_field=owner_name"):
    root = xml(maileon("GET", f"{path}?{query}"))
    fields = {item.findtext("name"): item.findtext("value") for item in root.iter("field")}
    return {item.tag: item.text for item in root} | fields


def bulk(maileon, query, *contacts, status=200):
    body = "<contacts>" + "".join(f"<contact>{contact}</contact>" for contact in contacts) + "</contacts>"
    root = xml(maileon("POST", f"/contacts?{query}", data=body), status)
    codes = [item.find("error").get("code") for item in root.find("invalid_contacts")]
    return {item.tag: item.text for item in root} | {"codes": codes}


def test_key_is_checked_in_both_spellings(sandbox, maileon):
    for raw, status in ((API_KEY, 200), (f"{API_KEY}:", 200), ("wrong-key-wrong-key", 401)):
        header = {"authorization": "Basic " + base64.b64encode(raw.encode()).decode()}
        assert maileon("GET", "/ping", headers=header).status_code == status
    message(maileon("GET", "/ping", headers={"authorization": API_KEY}), 401)


def test_a_key_may_lack_verbs(sandbox, maileon):
    sandbox.control("PATCH", "/maileon/501", {"verbs": ["GET", "POST"]})
    statuses = [maileon(verb, "/ping").status_code for verb in ("GET", "POST", "PUT", "DELETE")]
    assert statuses == [200, 200, 403, 403]


def test_account_info_in_both_formats(maileon):
    assert xml(maileon("GET", "/account/info")).findtext("name") == "ACME Newsletter"
    assert maileon("GET", "/account/info", headers={"accept": "application/json"}).json()["id"] == 501


def test_unknown_paths_and_methods(maileon):
    message(maileon("GET", "/nope"), 404)
    message(maileon("PUT", "/contacts"), 405)


def test_fields_come_back_only_when_asked_for(maileon):
    assert maileon("POST", "/contacts/fields/custom/owner_name?type=string").status_code == 201
    body = {"external_id": "9001-1", "standard_fields": {"FIRSTNAME": "Ada"}, "custom_fields": {"owner_name": "Bob"}}
    number = xml(maileon("POST", ADA, data=json.dumps(body), headers=JSON), 201).text
    seen = read(maileon)
    assert (seen["id"], seen["external_id"], seen["permission"]) == (number, "9001-1", "1")
    assert (seen["FIRSTNAME"], seen["owner_name"]) == ("Ada", "Bob")
    assert "FIRSTNAME" not in read(maileon, query="")
    empty = xml(maileon("GET", f"{ADA}?standard_field=CITY")).find("standard_fields/field/value")
    assert empty.get("nil") == "true"


@pytest.mark.parametrize("body", [
    {"standard_fields": {"NOPE": "x"}}, {"standard_fields": {"FIRSTNAME": "x" * 256}},
    {"standard_fields": {"GENDER": "x"}},
    {"standard_fields": {"LOCALE": "german"}}, {"standard_fields": {"BIRTHDAY": "1.2.2000"}},
    {"custom_fields": {"undeclared": "x"}},
    {"custom_fields": {"Flag": "true"}}, {"custom_fields": {"flag": "maybe"}}, {"custom_fields": {"flag": None}},
    {"custom_fields": {"count": 2**31}}, {"custom_fields": {"count": 1.5}},
    {"custom_fields": {"day": "soon"}}, {"unknown": 1},
])  # fmt: skip
def test_wrong_values_are_refused_and_store_nothing(sandbox, maileon, body):
    sandbox.control("PATCH", "/maileon/501", {"custom_fields": {"flag": "boolean", "count": "integer", "day": "date"}})
    message(maileon("POST", ADA, data=json.dumps(body), headers=JSON), 400)
    assert maileon("GET", ADA).status_code == 404


def test_typed_values_are_kept_and_empty_text_clears(sandbox, maileon):
    sandbox.control("PATCH", "/maileon/501", {"custom_fields": {"flag": "boolean", "count": "integer"}})
    body = json.dumps({"custom_fields": {"flag": True, "count": 5}})
    maileon("POST", ADA, data=body, headers=JSON)
    assert read(maileon, query="custom_field=flag&custom_field=count")["flag"] == "true"
    maileon("PUT", ADA, data=json.dumps({"custom_fields": {"flag": ""}}), headers=JSON)
    seen = read(maileon, query="custom_field=flag&custom_field=count")
    assert ("flag" in seen, seen["count"]) == (False, "5")


def test_sync_mode_two_is_the_default_and_changes_nothing(maileon):
    body = (
        "<contact><standard_fields><field><name>FIRSTNAME</name><value>{}</value></field></standard_fields></contact>"
    )
    first = create(maileon, body=body.format("Ada"))
    assert create(maileon, body=body.format("Eve"), query="permission=4") == first
    assert (read(maileon)["FIRSTNAME"], read(maileon)["permission"]) == ("Ada", "1")
    create(maileon, body=body.format("Eve"), query="sync_mode=1")
    assert read(maileon)["FIRSTNAME"] == "Eve"


@pytest.mark.parametrize(("before", "given", "after"), [
    (4, 1, "4"), (5, 4, "5"), (4, 5, "5"), (2, 1, "1"), (1, 3, "3"), (2, None, "2"),
])  # fmt: skip
def test_create_never_lowers_a_doi_permission(maileon, before, given, after):
    create(maileon, query=f"permission={before}")
    create(maileon, query="sync_mode=1" + (f"&permission={given}" if given else ""))
    assert read(maileon)["permission"] == after


def test_put_overwrites_the_permission_and_moves_the_address(maileon):
    create(maileon, query="permission=5")
    create(maileon, "/contacts/email/bob%40example.com")
    maileon("PUT", f"{ADA}?permission=1", data="<contact><email>new@example.com</email></contact>")
    assert maileon("GET", ADA).status_code == 404
    assert read(maileon, "/contacts/email/new%40example.com")["permission"] == "1"
    taken = maileon(
        "PUT", "/contacts/email/new%40example.com", data="<contact><email>bob@example.com</email></contact>"
    )
    assert taken.status_code == 400
    assert maileon("PUT", ADA, data="<contact/>").status_code == 404


def test_external_ids_may_be_shared(maileon):
    body = "<contact><external_id>x1</external_id></contact>"
    create(maileon, body=body)
    assert len(xml(maileon("GET", "/contacts/externalid/x1"))) == 1
    create(maileon, "/contacts/email/bob%40example.com", body=body)
    document = "<contact><email>c@example.com</email></contact>"
    assert maileon("POST", "/contacts/externalid/x1", data=document).status_code == 409
    assert maileon("DELETE", "/contacts/externalid/x1").status_code == 204
    assert len(xml(maileon("GET", "/contacts/externalid/x1"))) == 0


def test_contact_by_maileon_id_needs_checksum_or_leave(maileon):
    number = create(maileon)
    assert maileon("GET", f"/contacts/contact?id={number}").status_code == 400
    assert read(maileon, "/contacts/contact", f"id={number}&ignore_checksum=true")["email"] == "ada@example.com"
    wrong = maileon(
        "PUT", f"/contacts/contact?id={number}&ignore_checksum=true", data=f"<contact><id>{number}</id></contact>"
    )
    message(wrong, 400)


def test_trigger_doi_by_id_leaves_permission_until_the_click(sandbox, maileon):
    number = create(maileon)
    path = f"/contacts/contact?id={number}&ignore_checksum=true&permission=5"
    assert maileon("PUT", f"{path}&triggerdoi=true", data="<contact/>").status_code == 200
    assert read(maileon)["permission"] == "1"
    sandbox.control("POST", "/maileon/501/click-doi", {"email": "ada@example.com"})
    assert read(maileon)["permission"] == "5"


def test_list_pages_with_headers(maileon):
    for n in range(5):
        create(maileon, f"/contacts/email/c{n}%40example.com")
    answer = maileon("GET", "/contacts?page_index=2&page_size=2")
    assert [item.findtext("email") for item in xml(answer)] == ["c2@example.com", "c3@example.com"]
    assert (answer.headers["x-pages"], answer.headers["x-items"]) == ("3", "5")
    assert all(f'rel="{rel}"' in answer.headers["link"] for rel in ("start", "prev", "next"))
    assert xml(maileon("GET", "/contacts/count")).text == "5"
    text = message(maileon("GET", "/contacts?page_index=1&page_size=5000"), 400)
    assert text == "page_size must not exceed 1000 but was 5000"


def test_custom_field_names_and_types(maileon):
    path = "/contacts/fields/custom/"
    assert maileon("POST", f"{path}my%20field?type=string").status_code == 201
    for name, kind, status in (("my%20field", "string", 409), ("ab", "string", 400), ("created", "date", 400),
                               ("FIRSTNAME", "string", 400), ("other", "datetime", 400)):  # fmt: skip
        assert maileon("POST", f"{path}{name}?type={kind}").status_code == status
    assert maileon("PUT", f"{path}my%20field/renamed").status_code == 200
    listed = xml(maileon("GET", "/contacts/fields/custom"))
    assert [(item.tag, item.findtext("name"), item.findtext("type")) for item in listed] == [
        ("custom_field", "renamed", "string")
    ]
    assert maileon("DELETE", f"{path}renamed").status_code == 204


def test_doi_keeps_permission_one_until_the_click(sandbox, maileon):
    create(maileon, query="doi=true&doiplus=true&permission=1&src=crm")
    seen = read(maileon, query="standard_field=CUSTOM_SOURCE")
    assert (seen["permission"], seen["CUSTOM_SOURCE"]) == ("1", "crm")
    assert [mail["mailing"] for mail in sandbox.control("GET", "/maileon/501/doi-mails")] == ["welcome"]
    assert sandbox.control("POST", "/maileon/501/click-doi", {"email": "ada@example.com"})["permission"] == 5
    subscribers = xml(maileon("GET", "/reports/subscribers"))
    assert subscribers[0].findtext("contact/email") == "ada@example.com"

    create(maileon, query="doi=true&sync_mode=1")
    assert len(sandbox.control("GET", "/maileon/501/doi-mails")) == 1


def test_doi_without_any_mailing_fails_and_stores_nothing(sandbox, maileon):
    sandbox.control("PATCH", "/maileon/501", {"default_doi_mailing": None})
    create(maileon, query="doi=true", status=400)
    assert maileon("GET", ADA).status_code == 404
    create(maileon, query="doi=true&doimailing=vip")
    sandbox.control("PATCH", "/maileon/501", {"doi_mailings": ["vip"]})
    create(maileon, "/contacts/email/b%40example.com", "doi=true&doimailing=unknown")
    assert [mail["mailing"] for mail in sandbox.control("GET", "/maileon/501/doi-mails")] == ["vip"]


def test_bulk_counts_new_existing_and_invalid(maileon):
    create(maileon)
    report = bulk(
        maileon, "sync_mode=1&ignore_invalid_contacts=true",
        "<email>ada@example.com</email>", "<email>new@example.com</email>", "<email>bad</email>",
        "<external_id>1</external_id>",
        "<email>NEW@example.com</email>",
    )  # fmt: skip
    assert report["success"] == "true"
    counted = ("contacts", "new_contacts", "existing_contacts", "invalid_contacts")
    assert [report[f"count_{name}"] for name in counted] == ["5", "1", "1", "3"]
    assert report["codes"] == ["3", "2", "5"]


def test_one_bad_contact_fails_the_bulk_call_by_default(maileon):
    report = bulk(maileon, "sync_mode=1", "<email>new@example.com</email>", "<email>bad</email>", status=400)
    assert report["success"] == "false"
    assert maileon("GET", "/contacts/email/new%40example.com").status_code == 404


def test_bulk_error_codes_name_the_field(sandbox, maileon):
    fields = {"flag": "boolean", "size": "float", "count": "integer", "text": "string", "day": "date"}
    sandbox.control("PATCH", "/maileon/501", {"custom_fields": fields})
    cases = {
        ("custom", "nope", "x"): "21", ("custom", "flag", "maybe"): "22", ("custom", "size", "x"): "23",
        ("custom", "count", "x"): "25", ("custom", "text", "x" * 256): "26", ("custom", "day", "x"): "27",
        ("standard", "CITY", "x" * 256): "7", ("standard", "ZIP", "x" * 256): "16", ("standard", "BIRTHDAY", "x"): "17",
        ("standard", "GENDER", "x"): "19", ("standard", "LOCALE", "x"): "20",
    }  # fmt: skip
    field = "<{0}_fields><field><name>{1}</name><value>{2}</value></field></{0}_fields>"
    contacts = [f"<email>c{n}@example.com</email>{field.format(*case)}" for n, case in enumerate(cases)]
    assert bulk(maileon, "ignore_invalid_contacts=true", *contacts)["codes"] == list(cases.values())


@pytest.mark.parametrize(("query", "old", "new"), [
    ("sync_mode=1", "5", "1"), ("sync_mode=1&permission=1", "1", "1"), ("sync_mode=1&permission=2", "2", "2"),
    ("sync_mode=1&permission=2&override_permission=false", "5", "2"), ("sync_mode=2&permission=2", "5", "2"),
])  # fmt: skip
def test_bulk_permission_rules(maileon, query, old, new):
    create(maileon, query="permission=5")
    bulk(maileon, query, "<email>ada@example.com</email>", "<email>new@example.com</email>")
    assert read(maileon)["permission"] == old
    assert read(maileon, "/contacts/email/new%40example.com")["permission"] == new


def test_bulk_by_external_id_moves_the_address(maileon):
    create(maileon, body="<contact><external_id>x1</external_id></contact>")
    moved = "<external_id>x1</external_id><email>moved@example.com</email>"
    report = bulk(maileon, "sync_mode=1&use_external_id=true", moved)
    assert report["count_existing_contacts"] == "1"
    assert read(maileon, "/contacts/email/moved%40example.com")["external_id"] == "x1"
    assert (
        maileon("POST", "/contacts?use_external_id=true&prefer_maileon_id=true", data="<contacts/>").status_code == 400
    )
    report = bulk(maileon, "use_external_id=true&ignore_invalid_contacts=true", "<email>a@example.com</email>")
    assert report["codes"] == ["1"]


def test_bulk_update_only_and_marker(maileon):
    bulk(maileon, "update_only=true", "<email>new@example.com</email>")
    assert maileon("GET", "/contacts/email/new%40example.com").status_code == 404
    assert maileon("PUT", "/contacts/email/new%40example.com/unsubscription").status_code == 201
    report = bulk(maileon, "reimport_unsubscribed_contacts=false", "<email>new@example.com</email>")
    assert (report["count_unsubscribed_contacts"], report["count_new_contacts"]) == ("1", "0")
    assert bulk(maileon, "", "<email>new@example.com</email>")["count_new_contacts"] == "1"


def test_accounts_are_apart(sandbox, maileon):
    other = sandbox.control("POST", "/maileon/accounts", {"name": "Other", "api_key": "another-key-12345"})
    create(maileon)
    header = {"authorization": "Basic " + base64.b64encode(other["api_key"].encode()).decode()}
    url = f"{other['url']}{ADA}"
    assert requests.get(url, headers=header, timeout=5).status_code == 404
