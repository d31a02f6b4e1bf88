"""The client's requests, exactly, above all every parameter that touches consent."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from integration.connectors.base import Credentials, FieldSpec
from integration.connectors.maileon import fields
from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.connector import CONNECTOR
from integration.connectors.maileon.records import Contact, CustomField, InvalidContact, StoredContact, SyncReport
from integration.connectors.registry import get_connector
from integration.errors import AuthError, ContractError, RecordError, TenantActionError, TransientError
from integration.guard import AddressRefused
from integration.http import Instrumentation
from tests.support import client_cases
from tests.support.client_cases import Stub

from .conftest import KEY, ROOT, api

ADA = Contact("ada@example.com", "9001-8", {"FIRSTNAME": "Ada"}, {"owner_name": "Grace"})


@pytest.mark.chaos("W15")
@pytest.mark.parametrize("name", ["hostile_entities", "hostile_external"])
def test_hostile_xml_is_a_contract_error(name: str, stub: Stub, client: MaileonClient) -> None:
    client_cases.check_wrong_shape(api(name), stub, lambda: client.find_contact("ada@example.com"))
    stub.will(api(name), 400)
    with pytest.raises(RecordError):  # also as an error body, where only its words are wanted
        client.update_contact("ada@example.com", ADA)


# The key


def test_the_key_is_sent_alone_and_tried_with_every_verb(stub: Stub, client: MaileonClient) -> None:
    for _ in range(4):
        stub.will(b"")
    stub.will(api("GET_account_info__200"))
    account = CONNECTOR.check(client)
    assert [(seen.method, seen.path) for seen in stub.seen[:4]] == [
        (verb, f"{ROOT}/ping") for verb in ("GET", "POST", "PUT", "DELETE")
    ]
    assert {seen.headers["Authorization"] for seen in stub.seen} == {"Basic " + base64.b64encode(KEY.encode()).decode()}
    assert stub.last.headers["Accept"].startswith("application/json")
    assert (account.external_id, account.name) == ("501", "ACME Newsletter")
    assert account.details["customer_account_name"] == "ACME"


def test_a_bad_key_names_its_three_causes(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"", 401)
    with pytest.raises(AuthError) as caught:
        client.check_key()
    for words in ("deactivated", "validity period is over", "characters are missing at its beginning or end"):
        assert words in caught.value.public
    assert len(stub.seen) == 1


def test_a_weak_key_names_the_missing_verbs(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"").will(b"").will(b"", 403).will(b"", 403)
    with pytest.raises(TenantActionError) as caught:
        client.check_key()
    assert caught.value.reason == "permission_missing"
    assert "PUT, DELETE" in caught.value.public


def test_a_dead_vendor_is_no_bad_key(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"").will(b"", 500)
    with pytest.raises(TransientError):
        client.check_key()


def test_a_403_in_work_names_the_verb(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"", 403)
    with pytest.raises(TenantActionError) as caught:
        client.unsubscribe("ada@example.com")
    assert "DELETE" in caught.value.public


def test_the_key_is_in_no_error(stub: Stub, client: MaileonClient) -> None:
    encoded = base64.b64encode(KEY.encode())
    stub.will(b"<error><message>no such key " + KEY.encode() + b" " + encoded + b"</message></error>", 401)
    with pytest.raises(AuthError) as caught:
        client.get_account()
    assert KEY not in caught.value.public + caught.value.detail
    assert encoded.decode() not in caught.value.public + caught.value.detail


# Single contacts


def test_create_sends_consent_explicitly(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("POST_contacts_email__201"), 201)
    made = client.create_contact(ADA, permission=1, doi=True, doiplus=True, doimailing="welcome", src="lockstep 1")
    assert made == "4711"
    assert (stub.last.method, stub.last.path) == ("POST", f"{ROOT}/contacts/email/ada%40example.com")
    assert stub.last.query == [
        ("permission", "1"), ("sync_mode", "1"), ("doi", "true"), ("doiplus", "true"), ("doimailing", "welcome"),
        ("src", "lockstep 1"),
    ]  # fmt: skip
    assert stub.last.headers["Content-Type"] == "application/vnd.maileon.api+json; charset=utf-8"
    assert json.loads(stub.last.body) == {
        "external_id": "9001-8", "standard_fields": {"FIRSTNAME": "Ada"}, "custom_fields": {"owner_name": "Grace"},
    }  # fmt: skip


def test_without_doi_nothing_about_it_is_sent(stub: Stub, client: MaileonClient) -> None:
    stub.will(b'{"id":4712}', 201)
    assert client.create_contact(Contact("ada@example.com"), permission=2, doiplus=True, doimailing="x") == "4712"
    assert stub.last.query == [("permission", "2"), ("sync_mode", "1"), ("doi", "false"), ("doiplus", "false")]
    assert json.loads(stub.last.body) == {}


def test_create_by_external_id_carries_the_address(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"", 201)
    assert client.create_contact(Contact("ada@example.com", "9001-8"), permission=1, by_external_id=True) == ""
    assert stub.last.path == f"{ROOT}/contacts/externalid/9001-8"
    assert json.loads(stub.last.body) == {"email": "ada@example.com", "external_id": "9001-8"}


def test_a_missing_doi_mailing_is_for_a_person_to_fix(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("POST_contacts_email__400_doi"), 400)
    with pytest.raises(TenantActionError) as caught:
        client.create_contact(ADA, permission=1, doi=True)
    assert caught.value.reason == "doi_mailing_missing"
    stub.will(api("any__400"), 400)
    with pytest.raises(RecordError):
        client.create_contact(ADA, permission=1, doi=True)


def test_cleared_fields_and_long_texts(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"", 201)
    contact = Contact(
        "ada@example.com", "", {"FIRSTNAME": None, "BIRTHDAY": None, "LASTNAME": "x" * 300}, {"a": None, "b": True}
    )
    client.create_contact(contact, permission=1)
    body = json.loads(stub.last.body)
    assert body["standard_fields"] == {"FIRSTNAME": "", "BIRTHDAY": None, "LASTNAME": "x" * 255}
    assert body["custom_fields"] == {"a": "", "b": True}


def test_an_update_leaves_the_permission_alone_and_moves_the_address(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"", 201).will(b"", 200).will(b"", 204)
    client.update_contact("ada@example.com", Contact("ada@example.com", "9001-8"))
    assert (stub.last.method, stub.last.query) == ("PUT", [])
    assert json.loads(stub.last.body) == {"external_id": "9001-8"}
    client.update_contact("ada@example.com", Contact("augusta@example.com", "9001-8"))
    assert stub.last.path == f"{ROOT}/contacts/email/ada%40example.com"
    assert json.loads(stub.last.body)["email"] == "augusta@example.com"
    client.update_contact_by_external_id("9001-8", Contact("ada@example.com"), permission=4)
    assert (stub.last.path, stub.last.query) == (f"{ROOT}/contacts/externalid/9001-8", [("permission", "4")])


@pytest.mark.parametrize(
    ("email", "path"),
    [
        ("max+news@example.com", "max%2Bnews%40example.com"),
        ("a/b?c#d@example.com", "a%2Fb%3Fc%23d%40example.com"),
        ("jörg@example.com", "j%C3%B6rg%40example.com"),
        ('"a b"@example.com', "%22a%20b%22%40example.com"),
    ],
)
def test_addresses_are_percent_encoded(email: str, path: str, stub: Stub, client: MaileonClient) -> None:
    stub.will(b"", 404)
    assert client.find_contact(email) is None
    assert stub.last.path == f"{ROOT}/contacts/email/{path}"


@pytest.mark.chaos("W8")
@pytest.mark.parametrize("hostile", ["", ".", ".."])
def test_an_address_never_leads_to_another_path(hostile: str, stub: Stub, client: MaileonClient) -> None:
    with pytest.raises(RecordError):
        client.delete_contact(hostile)
    assert stub.seen == []


def test_a_contact_comes_back_with_the_fields_asked_for(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_contacts_email__200"))
    found = client.find_contact(
        "ada@example.com", standard_fields=["FIRSTNAME", "LASTNAME"], custom_fields=["owner_name"]
    )
    assert stub.last.query == [
        ("standard_field", "FIRSTNAME"), ("standard_field", "LASTNAME"), ("custom_field", "owner_name"),
    ]  # fmt: skip
    assert found == StoredContact(
        "4711", "ada@example.com", "9001-8", 4, "2026-01-05 09:14:41.0", "2026-02-01 10:00:00.0",
        {"FIRSTNAME": "Ada", "LASTNAME": None, "CUSTOM_SOURCE": "lockstep:1 & 2"}, {"owner_name": "Grace Hopper"},
    )  # fmt: skip


def test_an_external_id_may_have_several_contacts(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_contacts_externalid__200")).will(b"", 404).will(b"")
    assert [row.permission for row in client.find_contacts_by_external_id("9001-8")] == [1, 5]
    assert client.find_contacts_by_external_id("9001-9") == []
    assert client.find_contacts_by_external_id("9001-9") == []


def test_contacts_are_listed_page_by_page(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_contacts__200"), X_Pages="3").will(api("GET_contacts__200"), X_Pages="3")
    page = client.contacts_page(2)
    assert stub.last.query == [
        ("page_index", "2"), ("page_size", "1000"),
    ]  # fmt: skip
    assert [(row.id, row.email, row.external_id) for row in page.records] == [
        ("4711", "ada@example.com", ""), ("4712", "", "9001-9"),
    ]  # fmt: skip
    assert page.next_cursor == 3
    records, following, _ = client.contacts_page(3)
    assert (len(records), following) == (2, None)


def test_a_contact_without_an_id_is_none_and_an_odd_one_concerns_itself_alone(
    stub: Stub, client: MaileonClient
) -> None:
    rows = (
        "<contact><id>1</id><email>ada@example.com</email><permission>5</permission></contact>"
        "<contact><created>2026-01-02 03:04:05.0</created><permission>1</permission></contact>"
        "<contact><id>3</id><email>eve@example.com</email><permission>many</permission></contact>"
    )
    stub.will(f"<contacts>{rows}</contacts>".encode(), X_Pages="1")
    page = client.contacts_page()
    assert [row.id for row in page.records] == ["1"]
    assert list(page.unreadable) == ["3"]


def test_leaving_and_the_marker(stub: Stub, client: MaileonClient) -> None:
    for status in (200, 404, 204, 200, 404, 201, 404, 204):
        stub.will(b"", status)
    assert client.unsubscribe("ada@example.com", reason="other|Newsletter off")
    assert stub.last.query == [("reason", "other|Newsletter off")]
    assert not client.unsubscribe("ada@example.com")
    assert client.unsubscribe_by_external_id("9001-8")
    assert client.has_unsubscription_marker("ada@example.com")
    assert not client.has_unsubscription_marker("ada@example.com")
    client.set_unsubscription_marker("ada@example.com")
    assert not client.delete_unsubscription_marker("ada@example.com")
    client.delete_contact("ada@example.com")
    base = f"{ROOT}/contacts/email/ada%40example.com"
    assert [(seen.method, seen.path) for seen in stub.seen] == [
        ("DELETE", f"{base}/unsubscribe"), ("DELETE", f"{base}/unsubscribe"),
        ("DELETE", f"{ROOT}/contacts/externalid/9001-8/unsubscribe"), ("GET", f"{base}/unsubscription"),
        ("GET", f"{base}/unsubscription"), ("PUT", f"{base}/unsubscription"), ("DELETE", f"{base}/unsubscription"),
        ("DELETE", base),
    ]  # fmt: skip


# Bulk


def test_bulk_says_everything_about_consent(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("POST_contacts__200"))
    report = client.synchronize_contacts([ADA, Contact("x")], permission=2)
    assert report == SyncReport(1, 1, 1, (InvalidContact("x", "", 3, "email"),))
    assert report.invalid[0].words == "the e-mail address is not valid (email)"
    assert (stub.last.method, stub.last.path) == ("POST", f"{ROOT}/contacts")
    assert stub.last.query == [
        ("permission", "2"), ("sync_mode", "1"), ("use_external_id", "false"), ("ignore_invalid_contacts", "true"),
        ("override_permission", "false"), ("reimport_unsubscribed_contacts", "false"), ("update_only", "false"),
    ]  # fmt: skip
    assert stub.last.headers["Content-Type"].startswith("application/vnd.maileon.api+xml")


def test_bulk_without_permission_sends_none(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("POST_contacts__200"))
    client.synchronize_contacts([ADA], update_only=True, override_permission=True)
    sent = dict(stub.last.query)
    assert "permission" not in sent
    assert (sent["update_only"], sent["override_permission"]) == ("true", "true")


def test_a_permission_never_goes_with_override(stub: Stub, client: MaileonClient) -> None:
    with pytest.raises(ValueError, match="override_permission"):
        client.synchronize_contacts([ADA], permission=1, override_permission=True)
    assert stub.seen == []


def test_bulk_contacts_carry_no_permission_and_survive_xml(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("POST_contacts__200"))
    hostile = Contact(
        "ada@example.com", "9001-8", {"FIRSTNAME": "<b>&\x00\x0b\ud800]]>", "LASTNAME": None}, {"flag": True}
    )
    client.synchronize_contacts([hostile])
    (contact,) = fromstring(stub.last.body)
    assert [node.tag for node in contact] == ["email", "external_id", "standard_fields", "custom_fields"]
    values = {row.findtext("name"): row.find("value") for row in contact.iter("field")}
    assert values["FIRSTNAME"].text == "<b>&]]>"
    assert values["LASTNAME"].get("nil") == "true"
    assert values["flag"].text == "true"


def test_bulk_is_cut_at_a_thousand_and_at_doubles(stub: Stub, client: MaileonClient) -> None:
    for _ in range(3):
        stub.will(api("POST_contacts__200"))
    people = [Contact(f"p{number}@example.com") for number in range(1001)] + [Contact("P1000@example.com")]
    report = client.synchronize_contacts(people)
    assert [len(fromstring(seen.body)) for seen in stub.seen] == [1000, 1, 1]
    assert (report.new, len(report.invalid)) == (3, 3)


def test_nobody_makes_no_call(stub: Stub, client: MaileonClient) -> None:
    assert client.synchronize_contacts([]) == SyncReport()
    assert client.send_transactions([]) == []
    assert stub.seen == []


# Fields


def test_fields_are_standard_and_custom(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_contacts_fields_custom__200"))
    specs = {spec.key: spec for spec in fields.list_fields(client, "contact")}
    assert specs["FIRSTNAME"] == FieldSpec("FIRSTNAME", "First name", "text")
    assert specs["createdByPipedrive"] == FieldSpec("createdByPipedrive", "createdByPipedrive", "boolean", custom=True)


def test_a_custom_field_is_created_by_name_and_type(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"", 201)
    made = fields.create_field(client, "contact", FieldSpec("owner name", "", "text"))
    assert made == FieldSpec("owner name", "owner name", "text", custom=True)
    assert (stub.last.method, stub.last.path) == ("POST", f"{ROOT}/contacts/fields/custom/owner%20name")
    assert stub.last.query == [("type", "string")]


@pytest.mark.parametrize("name", ["ab", "x" * 65, "created", "FIRSTNAME", "external_id", ""])
def test_impossible_names_are_refused_before_the_call(name: str, stub: Stub, client: MaileonClient) -> None:
    with pytest.raises(RecordError):
        fields.create_field(client, "contact", FieldSpec(name, name, "text"))
    assert stub.seen == []


def test_an_account_without_custom_fields(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"").will(b"<custom_fields/>").will(api("GET_contacts_fields_custom__200"))
    assert client.list_custom_fields() == []
    assert client.list_custom_fields() == []
    assert client.list_custom_fields()[0] == CustomField("owner_name", "string")


@pytest.mark.parametrize(("kind", "length"), [("contact", 255), ("attribute", 1000), ("stored_attribute", 64_000)])
def test_only_documented_limits_cut(kind: Any, length: int) -> None:
    assert fields.fit("x" * 70_000, kind) == "x" * length
    assert fields.fit(12, kind) == 12
    assert fields.fit(None, kind) is None


# The connector


def test_the_registry_finds_it() -> None:
    assert get_connector("maileon") is CONNECTOR


@pytest.mark.parametrize(
    "url", ["https://evil.example/1.0", "http://api.maileon.com/1.0", "https://x@api.maileon.com/1.0"]
)
def test_only_maileons_own_host_is_called(url: str, settings: Any) -> None:
    settings.SANDBOX_URL = ""
    with pytest.raises(AddressRefused):
        CONNECTOR.open(Credentials("api_key", url, {"api_key": KEY}), Instrumentation())


def test_an_account_of_unknown_shape_is_a_contract_error(stub: Stub, client: MaileonClient) -> None:
    stub.will(b'{"name":"x"}')
    with pytest.raises(ContractError):
        client.get_account()
