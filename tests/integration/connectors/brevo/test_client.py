"""The client's requests, exactly, above all whatever touches consent and identity."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from integration.connectors.base import Credentials, FieldSpec
from integration.connectors.brevo import bodies, fields
from integration.connectors.brevo.api import Duplicate
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.brevo.connector import CONNECTOR
from integration.connectors.brevo.records import Contact, Event, StoredContact, record_values
from integration.errors import RateLimited, RecordError, TransientError
from integration.http import Instrumentation, LimitStatus
from tests.support.client_cases import Stub

from .conftest import KEY, ROOT, api

ADA = Contact("ada@example.com", {"FIRSTNAME": "Ada", "LASTNAME": None})
JOIN = [60]


def sent(stub: Stub) -> Any:
    return json.loads(stub.last.body)


def test_the_key_travels_in_its_header_and_names_the_account(stub: Stub, client: BrevoClient) -> None:
    stub.will(api("GET_account__200"))

    account = CONNECTOR.check(client)

    assert (stub.last.method, stub.last.path, stub.last.headers["api-key"]) == ("GET", f"{ROOT}/account", KEY)
    assert (account.external_id, account.name, account.details["plan"]) == ("801", "ACME Marketing", "subscription")


# Budgets


class Meter:
    def __init__(self) -> None:
        self.charged: list[tuple[str, ...]] = []
        self.read: list[LimitStatus] = []

    def before(self, windows: Sequence[str], cost: float) -> None:
        self.charged.append(tuple(windows))

    def after(self, readings: Sequence[LimitStatus]) -> None:
        self.read += readings


def test_the_three_tiers_are_charged_and_read_apart(stub: Stub) -> None:
    meter = Meter()
    client = BrevoClient(Credentials("api_key", f"{stub.url}{ROOT}", {"api_key": KEY}), Instrumentation(meter=meter))
    told = {"x_sib_ratelimit_limit": "10", "x_sib_ratelimit_remaining": "7", "x_sib_ratelimit_reset": "1"}
    stub.will(api("GET_contacts__200"), **told).will(b"", 204).will(api("GET_account__200")).will(
        api("POST_events_batch__202"), 202, x_sib_ratelimit_remaining="99"
    )

    client.contacts_page()
    client.send_event(Event("a", {}, email="ada@example.com"))
    client.get_account()
    client.send_events([Event("a", {}, email="ada@example.com")])

    assert meter.charged == [("contacts", "contacts_hour"), ("events", "events_hour"), ("other",), ("other",)]
    assert meter.read == [LimitStatus("contacts", 7, 10, 1), LimitStatus("other", 99, None, None)]
    assert {name for names in meter.charged for name in names} == {window.key for window in CONNECTOR.windows}


@pytest.mark.chaos("V1")
def test_a_429_waits_as_long_as_the_header_says_without_any_retry_after(stub: Stub, client: BrevoClient) -> None:
    stub.will(b'{"message":"slow"}', 429, x_sib_ratelimit_remaining="0", x_sib_ratelimit_reset="42")

    with pytest.raises(RateLimited) as caught:
        client.get_process("78")

    assert caught.value.retry_after == 42


def test_a_425_is_tried_again(stub: Stub, client: BrevoClient) -> None:
    stub.will(b'{"message":"too early"}', 425)

    with pytest.raises(TransientError) as caught:
        client.update_contact("17", ADA)

    assert caught.value.reason == "vendor_unavailable"
    assert "earlier change" in caught.value.public


# Contacts


def test_an_upsert_says_who_and_what_and_nothing_about_consent(stub: Stub, client: BrevoClient) -> None:
    stub.will(api("POST_contacts__201"), 201).will(b"", 204)

    assert client.upsert_contact(ADA, JOIN) == "17"
    assert sent(stub) == {
        "email": "ada@example.com", "attributes": {"FIRSTNAME": "Ada", "LASTNAME": ""}, "updateEnabled": True,
        "getId": True, "listIds": [60],
    }  # fmt: skip
    assert client.upsert_contact(ADA) == ""


@pytest.mark.parametrize(
    ("name", "identifiers"), [("POST_contacts__400_duplicate", {"SMS"}), ("PUT_contacts__400_duplicate", {"email"})]
)
def test_a_clash_is_known_by_its_metadata_whatever_its_code(
    name: str, identifiers: set[str], stub: Stub, client: BrevoClient
) -> None:
    stub.will(api(name), 400)

    with pytest.raises(Duplicate) as caught:
        client.upsert_contact(ADA)

    assert caught.value.identifiers == identifiers
    assert caught.value.reason == "record_conflict"


def test_an_update_joins_and_leaves_lists(stub: Stub, client: BrevoClient) -> None:
    stub.will(b"", 204)

    client.update_contact("17", Contact(attributes={"LTV": 5}), join=[61], leave=[60])

    assert (stub.last.method, stub.last.path, stub.last.query) == (
        "PUT", f"{ROOT}/contacts/17", [("identifierType", "contact_id")],
    )  # fmt: skip
    assert sent(stub) == {"attributes": {"LTV": 5}, "listIds": [61], "unlinkListIds": [60]}


def test_a_new_address_keeps_a_blocklisted_contact_blocklisted(stub: Stub, client: BrevoClient) -> None:
    stub.will(api("GET_contacts_one__200")).will(b"", 204)

    client.update_contact("ada@example.com", Contact("ada.l@example.com"))

    assert stub.last.decoded_path == f"{ROOT}/contacts/ada@example.com"
    assert sent(stub) == {"attributes": {"EMAIL": "ada.l@example.com"}, "emailBlacklisted": True}


def test_no_call_can_take_anybody_off_the_blocklist(stub: Stub, client: BrevoClient) -> None:
    free = json.loads(api("GET_contacts_one__200")) | {"emailBlacklisted": False}
    stub.will(json.dumps(free).encode()).will(b"", 204).will(b"", 204).will(api("POST_contacts_import__202"), 202)
    stub.will(api("POST_contacts__201"), 201)

    client.update_contact("17", Contact("new@example.com"))
    client.update_contact("17", ADA, block=True)
    blocked = sent(stub)
    client.import_contacts([ADA], JOIN)
    client.upsert_contact(ADA)

    assert blocked["emailBlacklisted"] is True
    for seen in stub.seen:
        assert b"lacklist" not in seen.body.replace(b'"emailBlacklisted": true', b"")


def test_a_contact_is_read_with_its_opt_outs_and_its_phone_in_full(stub: Stub, client: BrevoClient) -> None:
    stub.will(api("GET_contacts_one__200")).will(api("any__404"), 404)

    found = client.find_contact("ada@example.com")

    assert found == StoredContact(
        "17", "ada@example.com", {"FIRSTNAME": "Ada", "SMS": "+31612345678", "LTV": 120.5, "LASTNAME": None},
        blocklisted=True, list_ids=(60, 61), left_list_ids=(62,), bounced=True,
        created=datetime(2026, 3, 1, 9, tzinfo=UTC), modified=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    )  # fmt: skip
    assert record_values(found)["SMS"] == "+31612345678"
    assert client.find_contact("nobody@example.com") is None


@pytest.mark.chaos("V10")
def test_pages_begin_with_the_oldest(stub: Stub, client: BrevoClient) -> None:
    stub.will(api("GET_contacts__200")).will(api("GET_contacts__200"))

    page = client.contacts_page(0, modified_since=datetime(2026, 11, 20, 9, tzinfo=UTC), limit=2)
    last = client.contacts_page(2)

    assert stub.seen[0].query == [
        ("limit", "2"), ("offset", "0"), ("sort", "asc"), ("modifiedSince", "2026-11-20T09:00:00.000+00:00"),
    ]  # fmt: skip
    assert ([row.id for row in page.records], page.next_cursor, last.next_cursor) == (["17", "18"], 2, None)


def test_contacts_are_read_twenty_at_a_time(stub: Stub, client: BrevoClient) -> None:
    stub.will(api("GET_contacts__200")).will(b'{"contacts":[],"count":0}')

    assert len(client.get_contacts([str(n) for n in range(21)])) == 2
    assert [len([1 for name, _ in seen.query if name == "ids"]) for seen in stub.seen] == [20, 1]


# Import


def test_an_import_erases_nothing_and_touches_no_blocklist(stub: Stub, client: BrevoClient) -> None:
    stub.will(api("POST_contacts_import__202"), 202)

    number = client.import_contacts([ADA], JOIN, notify_url="https://hub.example/x")

    assert number == "78"
    assert sent(stub) == {
        "jsonBody": [{"email": "ada@example.com", "attributes": {"FIRSTNAME": "Ada"}}], "listIds": [60],
        "updateExistingContacts": True, "emptyContactsAttributes": False, "disableNotification": True,
        "notifyUrl": "https://hub.example/x",
    }  # fmt: skip


def test_imports_are_cut_by_size_and_by_doubled_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [len(chunk) for chunk in bodies.chunks([ADA, Contact("eve@example.com"), Contact("ADA@example.com")])] == [
        2,
        1,
    ]
    monkeypatch.setattr(bodies, "IMPORT_BYTES", 150)
    assert [len(chunk) for chunk in bodies.chunks([Contact(f"a{n}@example.com") for n in range(5)])] == [3, 2]


def test_a_process_tells_reports_only(stub: Stub, client: BrevoClient) -> None:
    queued = json.dumps({"id": 79, "status": "in_process", "name": "IMPORTUSER"}).encode()
    stub.will(api("GET_processes_one__200")).will(queued)

    done = client.get_process("78")

    assert (done.status, done.problems) == ("done", ("invalid_emails", "duplicate_phone_id"))
    assert client.get_process("79").status == "waiting"


# Attributes


def test_attributes_become_fields(stub: Stub, client: BrevoClient) -> None:
    stub.will(api("GET_contacts_attributes__200"))

    found = {spec.key: spec for spec in fields.list_fields(client, "contact")}

    assert {key: spec.type for key, spec in found.items()} == {
        "email": "email", "FIRSTNAME": "text", "SMS": "phone", "LTV": "number", "MEMBER": "boolean", "SIZE": "option",
        "TOPICS": "options", "OPENS": "text",
    }  # fmt: skip
    assert [(option.key, option.label) for option in found["SIZE"].options] == [("S", "Small"), ("L", "Large")]
    assert (found["FIRSTNAME"].custom, found["LTV"].custom, found["OPENS"].writable) == (False, True, False)


def test_an_attribute_is_made_in_upper_case_with_the_vendors_type(stub: Stub, client: BrevoClient) -> None:
    stub.will(b"", 201)

    made = CONNECTOR.create_field(client, "contact", FieldSpec("won_deals", "Won deals", "integer"))

    assert (stub.last.path, sent(stub)) == (f"{ROOT}/contacts/attributes/normal/WON_DEALS", {"type": "float"})
    assert (made.key, made.type) == ("WON_DEALS", "number")
    with pytest.raises(RecordError):
        CONNECTOR.create_field(client, "contact", FieldSpec("lead source!", "x", "text"))


# Events


def test_an_event_names_its_contact_by_id_before_address(stub: Stub, client: BrevoClient) -> None:
    stub.will(b"", 204)

    client.send_event(
        Event("deal_created", {"deal_id": "7", "value": None}, "17", "a@b.example", datetime(2026, 11, 20, tzinfo=UTC))
    )

    assert (stub.last.path, sent(stub)) == (
        f"{ROOT}/events",
        {"event_name": "deal_created", "identifiers": {"contact_id": 17}, "event_properties": {"deal_id": "7"},
         "event_date": "2026-11-20T00:00:00.000+00:00"},
    )  # fmt: skip


@pytest.mark.chaos("V7")
def test_a_batch_says_which_event_failed(stub: Stub, client: BrevoClient) -> None:
    events = [Event("a", {}, email="a@example.com"), Event("b", {}, email="b@example.com")]
    stub.will(api("POST_events_batch__202"), 202).will(api("POST_events_batch__207"), 207).will(
        b'{"message":"no"}', 400
    )

    assert client.send_events(events) == ["", ""]
    assert [row["identifiers"] for row in sent(stub)["events"]] == [
        {"email_id": "a@example.com"}, {"email_id": "b@example.com"},
    ]  # fmt: skip
    assert client.send_events(events) == ["", "event_name is not valid"]
    assert all("no" in said for said in client.send_events(events))


# Companies


def test_a_company_keeps_its_links_when_it_is_changed(stub: Stub, client: BrevoClient) -> None:
    stub.will(api("POST_companies__200")).will(b"{}").will(b"", 204).will(api("GET_companies__200"))

    made = client.create_company("Engines", {"domain": "engines.example"}, ["17"])
    created = sent(stub)
    client.update_company(made, "Engines Ltd", {})
    changed = sent(stub)
    client.link_company(made, ["18"], ["17"])
    linked = sent(stub)

    assert created == {"name": "Engines", "attributes": {"domain": "engines.example"}, "linkedContactsIds": [17]}
    assert changed == {"name": "Engines Ltd", "attributes": {}}
    assert linked == {"linkContactIds": [18], "unlinkContactIds": [17]}
    assert client.find_companies("Engines")[0].contact_ids == ("17",)
    assert ("filters[attributes.name]", "Engines") in stub.last.query


def test_double_opt_in_names_lists_template_and_where_to_go(stub: Stub, client: BrevoClient) -> None:
    stub.will(b"", 201)

    client.start_double_opt_in(ADA, JOIN, template=4, redirect_to="https://acme.example/thanks")

    assert sent(stub) == {
        "email": "ada@example.com", "attributes": {"FIRSTNAME": "Ada", "LASTNAME": ""}, "includeListIds": [60],
        "templateId": 4, "redirectionUrl": "https://acme.example/thanks",
    }  # fmt: skip


def test_a_list_longer_than_a_page_is_read_to_its_end(stub: Stub, client: BrevoClient) -> None:
    rows = [{"id": n, "name": f"List {n}", "folderId": 1} for n in range(51)]
    for portion in (rows[:50], rows[50:]):
        stub.will(json.dumps({"count": 51, "lists": portion}).encode())

    found = client.get_lists()

    assert [row.id for row in found] == [str(n) for n in range(51)]
    assert [dict(call.query)["offset"] for call in stub.seen] == ["0", "50"]


def test_who_left_is_put_on_the_blocklist_when_that_is_asked_for(stub: Stub, client: BrevoClient) -> None:
    stub.will(status=204).will(status=204)
    client.update_contact("17", Contact("", {"FIRSTNAME": "Ada"}), block=True)
    blocked = sent(stub)
    client.update_contact("17", Contact("", {"FIRSTNAME": "Ada"}))

    assert blocked.get("emailBlacklisted") is True
    assert "emailBlacklisted" not in sent(stub)
