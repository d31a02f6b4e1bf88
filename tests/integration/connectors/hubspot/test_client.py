"""The client: the exact request of each verb, what becomes of its answer, and failures as our errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from integration.connectors.base import FieldSpec, Option
from integration.connectors.hubspot import crm, fields
from integration.connectors.hubspot.client import HubSpotClient
from integration.errors import (
    AuthError,
    Conflict,
    NotFound,
    RateLimited,
    RecordError,
    TenantActionError,
    TransientError,
)
from integration.http import LimitStatus
from tests.support.client_cases import Stub

from .conftest import TOKEN, Budget, api

CONTACTS = "/hubspot/crm/objects/2026-09/contacts"


def body(stub: Stub) -> Any:
    return json.loads(stub.last.body)


def test_one_contact_is_read_with_the_properties_asked_for(stub: Stub, client: HubSpotClient, budget: Budget) -> None:
    stub.will(
        api("GET_contact__200"), X_HubSpot_RateLimit_Max="110", X_HubSpot_RateLimit_Remaining="108",
        X_HubSpot_RateLimit_Interval_Milliseconds="10000",
    )  # fmt: skip
    contact = client.get_contact("512", ["email", "hs_additional_emails"])
    assert (stub.last.method, stub.last.path) == ("GET", f"{CONTACTS}/512")
    assert stub.last.query == [("properties", "email,hs_additional_emails")]
    assert stub.last.headers["Authorization"] == f"Bearer {TOKEN}"
    assert contact.emails == ("ada@example.com", "ada.old@example.com", "a@example.org")
    assert contact.updated_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert contact.created_at == datetime(2026, 1, 5, 9, 14, 41, tzinfo=UTC)
    assert (contact.name, contact.properties["lastname"]) == ("Ada", None)
    assert budget.charged == [("burst",)]
    assert budget.readings == [LimitStatus("burst", 108, 110, 10)]


def test_a_merged_id_answers_with_the_survivor(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("GET_contact__200_merged"))
    assert client.get_contact("512", []).id == "600"


def test_many_are_read_a_hundred_per_call_and_missing_ones_are_missing(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("POST_batch_read__207"), 207).will(api("POST_batch_read__200"))
    found = client.get_contacts([str(n) for n in range(150)] + ["7"], ["email"])
    assert [contact.id for contact in found] == ["512", "512"]
    sizes = [len(json.loads(seen.body)["inputs"]) for seen in stub.seen]
    assert sizes == [100, 50]
    assert stub.last.path == f"{CONTACTS}/batch/read"
    assert body(stub)["properties"] == ["email"]


def test_addresses_find_contacts_by_secondary_ones_too(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("POST_batch_read__200"))
    [contact] = client.find_contacts(["ada.old@example.com"], ["email", "hs_additional_emails"])
    assert (body(stub)["idProperty"], body(stub)["inputs"]) == ("email", [{"id": "ada.old@example.com"}])
    assert contact.email != "ada.old@example.com"
    assert "ada.old@example.com" in contact.emails


def test_a_list_goes_on_until_it_names_no_next_page(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("GET_contacts__200")).will(api("GET_contacts__200_last_page"))
    first = client.contacts_page(None, ["email"])
    assert client.contacts_page(first.next_cursor, ["email"]).next_cursor is None
    assert stub.last.query == [("limit", "100"), ("after", "513"), ("properties", "email")]


@pytest.mark.chaos("V10")
def test_changes_are_walked_by_id_so_that_no_limit_is_met(stub: Stub, client: HubSpotClient, budget: Budget) -> None:
    since = datetime(2026, 11, 20, 10, tzinfo=UTC)
    stub.will(api("POST_search__200")).will(api("POST_search__200_last"))
    page = client.changed_ids_page(since, None)
    assert (page.records, page.next_cursor) == (("512", "520"), "520")
    assert client.changed_ids_page(since, page.next_cursor).next_cursor is None
    assert body(stub) == {
        "filterGroups": [
            {
                "filters": [
                    {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "1795168800000"},
                    {"propertyName": "hs_object_id", "operator": "GT", "value": "520"},
                ]
            }
        ],
        "properties": ["hs_object_id"],
        "limit": 200,
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
    }
    assert budget.charged == [("search",), ("search",)]


def test_a_doubled_address_changes_the_contact_that_has_it(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("any__409_contact"), 409).will(api("PATCH_contact__200"))
    assert client.create_contact({"email": "ada@example.com", "city": None}).id == "512"
    assert [(seen.method, seen.path) for seen in stub.seen] == [("POST", CONTACTS), ("PATCH", f"{CONTACTS}/512")]
    assert body(stub) == {"properties": {"email": "ada@example.com", "city": ""}}


def test_a_conflict_without_an_id_stays_one(stub: Stub, client: HubSpotClient) -> None:
    stub.will(b'{"message":"something else"}', 409)
    with pytest.raises(Conflict):
        client.create_contact({"email": "ada@example.com"})


def test_whoever_is_not_in_the_answer_of_a_batch_is_tried_alone(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("POST_batch_update__207"), 207).will(api("GET_contact__200_merged")).will(b"", 404)
    written = client.update_contacts({"512": {"city": "Wien"}, "400": {"city": "Wien"}, "999": {"city": "Wien"}})
    assert set(written.records) == {"512", "400"}
    assert written.records["400"].id == "600"
    assert written.failed == {"999": "Object not found"}


@pytest.mark.chaos("V7")
def test_a_record_that_a_batch_left_out_fails_alone(stub: Stub, client: HubSpotClient) -> None:
    """Errors of a batch need not name their records: who is not in its answer is tried alone, and so are the others."""
    refused = json.dumps({"status": "error", "message": "city is too long", "category": "VALIDATION_ERROR"}).encode()
    unnamed = json.dumps({"results": [], "numErrors": 2, "errors": [{"message": "no"}, {"message": "no"}]}).encode()
    stub.will(unnamed, 207).will(refused, 400).will(api("GET_contact__200_merged"))
    written = client.update_contacts({"1": {"city": "x"}, "2": {"city": "Wien"}})
    assert list(written.records) == ["2"]
    assert "city is too long" in written.failed["1"]


def test_deleting_a_missing_contact_is_fine(stub: Stub, client: HubSpotClient) -> None:
    stub.will(b"", 404)
    crm.archive(client, "contacts", "512")
    assert (stub.last.method, stub.last.path) == ("DELETE", f"{CONTACTS}/512")


def test_wrong_values_are_told_in_words(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("any__400_values"), 400)
    with pytest.raises(RecordError) as caught:
        client.update_contact("512", {"email": "x"})
    assert "email: Email address x is invalid (INVALID_EMAIL)" in caught.value.public


def test_an_unknown_property_is_told_apart(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("any__400_unknown_property"), 400)
    with pytest.raises(RecordError) as caught:
        client.update_contact("512", {"nope": "x"})
    assert caught.value.reason == "field_unknown"


def test_missing_scopes_are_named(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("any__403_scopes"), 403)
    with pytest.raises(TenantActionError) as caught:
        client.update_contact("512", {"city": "x"})
    assert caught.value.reason == "permission_missing"
    assert "crm.objects.contacts.write" in caught.value.public


def test_an_expired_token_is_an_auth_error(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("any__401"), 401)
    with pytest.raises(AuthError):
        client.count_contacts()


@pytest.mark.chaos("V1")
def test_each_limit_has_its_pause(stub: Stub, client: HubSpotClient) -> None:
    stub.will(
        api("any__429"), 429, X_HubSpot_RateLimit_Remaining="0", X_HubSpot_RateLimit_Interval_Milliseconds="10000"
    )
    stub.will(api("any__429_daily"), 429).will(api("any__429"), 429)
    pauses = []
    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            client.get_contact("512", [])
        pauses.append(caught.value.retry_after or 0)
    assert pauses[:2] == [10, 3600]
    assert 1 <= pauses[2] <= 2


@pytest.mark.parametrize(("status", "pause"), [(423, None), (477, 7200), (521, None)])
def test_statuses_only_hubspot_has_are_tried_again(
    stub: Stub, client: HubSpotClient, status: int, pause: float | None
) -> None:
    headers = {"Retry_After": "7200"} if status == 477 else {}
    stub.will(b"", status, **headers)
    with pytest.raises(TransientError) as caught:
        client.get_contact("512", [])
    assert caught.value.retry_after == pause


@pytest.mark.parametrize("hostile", ["", ".", ".."])
def test_no_id_leads_to_another_path(stub: Stub, client: HubSpotClient, hostile: str) -> None:
    with pytest.raises(RecordError):
        client.get_contact(hostile, [])
    assert stub.seen == []


def test_an_id_is_one_segment(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("GET_contact__200"))
    client.get_contact("1/../../oauth", [])
    assert stub.last.path == f"{CONTACTS}/1%2F..%2F..%2Foauth"


def test_properties_become_field_specs(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("GET_properties__200"))
    found = {spec.key: spec for spec in fields.list_fields(client, "contact")}
    assert (stub.last.method, stub.last.path) == ("GET", "/hubspot/crm/properties/2026-09/contacts")
    assert found["lifecyclestage"] == FieldSpec(
        "lifecyclestage", "Lifecycle Stage", "option",
        (Option("subscriber", "Subscriber"), Option("lead", "Lead"), Option("51439524", "Reader")),
    )  # fmt: skip
    types = {key: spec.type for key, spec in found.items()}
    assert types == {
        "email": "email", "lifecyclestage": "option", "maileon_subscribe": "boolean", "topics": "options",
        "hs_object_id": "number", "phone": "phone", "seen": "datetime",
    }  # fmt: skip
    assert not found["hs_object_id"].writable
    assert (found["email"].custom, found["topics"].custom) == (False, True)
    with pytest.raises(KeyError):
        fields.list_fields(client, "ticket")


@pytest.mark.parametrize("type_", fields.VENDOR_TYPES)
def test_each_type_has_a_pair_that_hubspot_takes(type_: str, stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("POST_property__201"), 201)
    fields.create_field(client, "contact", FieldSpec("", "My Field!", type_, (Option("", "Eins"),)))
    sent = body(stub)
    assert (sent["name"], sent["label"], sent["groupName"]) == ("my_field", "My Field!", "contactinformation")
    assert (sent["type"], sent["fieldType"]) == fields.VENDOR_TYPES[type_]
    assert sent["formField"] is True
    assert sent["options"] == [{"label": "Eins", "value": "eins", "displayOrder": 0, "hidden": False}]


def test_a_property_somebody_made_meanwhile_is_taken(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("any__409_property"), 409).will(api("POST_property__201"))
    spec = fields.create_field(client, "contact", FieldSpec("maileon_subscribe", "Subscribe", "boolean"))
    assert [option.key for option in spec.options] == ["true", "false"]
    assert stub.last.path.endswith("/contacts/maileon_subscribe")


def test_groups_are_listed_and_a_doubled_one_is_fine(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("GET_groups__200")).will(b"{}", 409)
    assert client.list_groups() == ["contactinformation"]
    client.create_group("maileon", "Maileon")
    assert body(stub) == {"name": "maileon", "label": "Maileon", "displayOrder": -1}


def test_uninstalling_is_one_call_without_a_body(stub: Stub, client: HubSpotClient) -> None:
    stub.will(b"", 204)
    client.uninstall()
    assert (stub.last.method, stub.last.path) == ("DELETE", "/hubspot/appinstalls/2026-09/external-install")


def test_the_account_is_named_by_introspection_and_a_call(stub: Stub, client: HubSpotClient, app: None) -> None:
    stub.will(api("POST_oauth_introspect__200")).will(api("GET_account_info__200"))
    account = client.get_account()
    assert (account.external_id, account.name) == ("62515001", "acme.example")
    assert account.details["ui_domain"] == "app.hubspot.com"
    stub.will(api("POST_oauth_introspect__200")).will(api("GET_account_info__200"))
    identity = client.get_identity()
    assert (identity.user_id, identity.email) == ("49150885", "grace@acme.example")


def test_a_token_that_is_over_opens_nothing(stub: Stub, client: HubSpotClient, app: None) -> None:
    stub.will(b'{"active":false}')
    with pytest.raises(AuthError):
        client.get_account()


def test_not_found_is_told(stub: Stub, client: HubSpotClient) -> None:
    stub.will(b"", 404)
    with pytest.raises(NotFound):
        client.update_contact("512", {"city": "x"})
