"""The client against the stand-in vendor: consent above all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.connectors.base import Credentials, FieldSpec
from integration.connectors.maileon import fields, webhooks
from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.connector import CONNECTOR
from integration.connectors.maileon.records import Attribute, Contact, Transaction
from integration.errors import AuthError, RecordError, TenantActionError
from integration.http import Instrumentation
from sandbox.maileon.seed import API_KEY
from sandbox.thread import SandboxThread

ACCOUNT = 501
ADA = "ada@example.com"


@pytest.fixture
def client(sandbox: SandboxThread) -> MaileonClient:
    credentials = Credentials("api_key", f"{sandbox.url}/maileon/1.0", {"api_key": API_KEY})
    client = CONNECTOR.open(credentials, Instrumentation())
    assert isinstance(client, MaileonClient)
    return client


def settings_of(sandbox: SandboxThread, **values: Any) -> None:
    sandbox.control("PATCH", f"/maileon/{ACCOUNT}", values)


def test_the_account_is_named(client: MaileonClient) -> None:
    assert CONNECTOR.check(client).external_id == str(ACCOUNT)


def test_the_rights_of_a_key_are_its_verbs(client: MaileonClient, sandbox: SandboxThread) -> None:
    settings_of(sandbox, verbs=["GET", "PUT"])
    assert {right.name: right.granted for right in CONNECTOR.rights(client)} == {
        "GET": True, "POST": False, "PUT": True, "DELETE": False,
    }  # fmt: skip
    settings_of(sandbox, expired=True)
    with pytest.raises(AuthError):
        CONNECTOR.rights(client)


def test_a_key_without_delete_says_so(client: MaileonClient, sandbox: SandboxThread) -> None:
    settings_of(sandbox, verbs=["GET", "POST", "PUT"])
    with pytest.raises(TenantActionError) as caught:
        client.check_key()
    assert "DELETE" in caught.value.public
    settings_of(sandbox, expired=True)
    with pytest.raises(AuthError):
        client.check_key()


def test_an_opt_in_from_mail_to_confirmation(client: MaileonClient, sandbox: SandboxThread) -> None:
    client.create_contact(Contact(ADA, "9001-1"), permission=1, doi=True, doiplus=True, src="lockstep 1")
    pending = client.find_contact(ADA, standard_fields=["CUSTOM_SOURCE"])
    assert pending is not None
    assert (pending.permission, pending.standard_fields["CUSTOM_SOURCE"]) == (1, "lockstep 1")
    sandbox.control("POST", f"/maileon/{ACCOUNT}/click-doi", {"email": ADA})
    confirmed = client.find_contact(ADA)
    assert confirmed is not None
    assert confirmed.permission == 5
    assert [row.email for row in client.iter_subscribers()] == [ADA]
    client.create_contact(Contact(ADA, "9001-1"), permission=1)  # never lowers a confirmed permission
    again = client.find_contact(ADA)
    assert again is not None
    assert again.permission == 5


def test_bulk_never_lowers_a_permission(client: MaileonClient) -> None:
    client.create_contact(Contact(ADA), permission=4)
    report = client.synchronize_contacts([Contact(ADA, "9001-1"), Contact("new@example.com")], permission=2)
    assert (report.new, report.existing) == (1, 1)
    permissions = {row.email: row.permission for row in client.contacts_page().records}
    assert permissions == {ADA: 4, "new@example.com": 2}


def test_bulk_brings_nobody_back(client: MaileonClient, sandbox: SandboxThread) -> None:
    settings_of(sandbox, unsubscribe_delay_s=0)
    client.create_contact(Contact(ADA, "9001-1"), permission=4)
    assert client.unsubscribe(ADA)
    assert client.has_unsubscription_marker(ADA)
    report = client.synchronize_contacts([Contact(ADA, "9001-1")], permission=4)
    assert (report.new, report.unsubscribed) == (0, 1)
    assert client.find_contact(ADA) is None
    assert [row.external_id for row in client.iter_unsubscriptions(datetime.now(UTC) - timedelta(days=1))] == ["9001-1"]


def test_bulk_names_each_bad_contact(client: MaileonClient) -> None:
    people = [Contact(ADA), Contact("no address"), Contact("b@example.com", custom_fields={"unknown": "x"})]
    report = client.synchronize_contacts(people, permission=1)
    assert report.new == 1
    assert [(row.email, row.code) for row in report.invalid] == [("no address", 3), ("b@example.com", 21)]


def test_update_only_creates_nobody(client: MaileonClient) -> None:
    report = client.synchronize_contacts([Contact(ADA)], update_only=True)
    assert (report.new, report.existing) == (0, 0)
    assert client.find_contact(ADA) is None


@pytest.mark.chaos("W9")
def test_hostile_names_arrive_as_they_are(client: MaileonClient) -> None:
    name = "<script>\"&'</script> \u202e😀"
    client.synchronize_contacts([Contact(ADA, standard_fields={"LASTNAME": name})], permission=1)
    client.create_contact(Contact("b+c@example.com", standard_fields={"LASTNAME": name}), permission=1)
    for email in (ADA, "b+c@example.com"):
        found = client.find_contact(email, standard_fields=["LASTNAME"])
        assert found is not None
        assert found.standard_fields["LASTNAME"] == name


def test_fields_are_set_and_cleared(client: MaileonClient) -> None:
    fields.create_field(client, "contact", FieldSpec("owner_name", "", "text"))
    filled = Contact(ADA, standard_fields={"FIRSTNAME": "Ada"}, custom_fields={"owner_name": "Grace"})
    emptied = Contact(ADA, standard_fields={"FIRSTNAME": None}, custom_fields={"owner_name": None})
    asked: dict[str, Any] = {"standard_fields": ["FIRSTNAME"], "custom_fields": ["owner_name"]}
    for clear in (lambda: client.update_contact(ADA, emptied), lambda: client.synchronize_contacts([emptied])):
        client.create_contact(filled, permission=1)
        found = client.find_contact(ADA, **asked)
        assert found is not None
        assert (found.standard_fields, found.custom_fields) == ({"FIRSTNAME": "Ada"}, {"owner_name": "Grace"})
        clear()
        found = client.find_contact(ADA, **asked)
        assert found is not None
        assert not found.standard_fields["FIRSTNAME"]
        assert not found.custom_fields.get("owner_name")


def test_a_changed_address_keeps_contact_and_permission(client: MaileonClient) -> None:
    client.create_contact(Contact(ADA, "9001-1"), permission=4)
    client.update_contact(ADA, Contact("augusta@example.com", "9001-1"))
    assert client.find_contact(ADA) is None
    (moved,) = client.find_contacts_by_external_id("9001-1")
    assert (moved.email, moved.permission) == ("augusta@example.com", 4)


def test_no_opt_in_mailing_needs_a_person(client: MaileonClient, sandbox: SandboxThread) -> None:
    settings_of(sandbox, default_doi_mailing=None)
    with pytest.raises(TenantActionError) as caught:
        client.create_contact(Contact(ADA), permission=1, doi=True)
    assert caught.value.reason == "doi_mailing_missing"


def test_events_are_typed_sent_and_found_again(client: MaileonClient) -> None:
    client.create_transaction_type("deal", [Attribute("deal_id", "integer"), Attribute("transaction_id", "string")])
    client.create_contact(Contact(ADA), permission=1)
    results = client.send_transactions(
        [
            Transaction("deal", {"deal_id": 1, "transaction_id": "m-1"}, ADA),
            Transaction("deal", {"deal_id": 2}, "nobody@example.com"),
            Transaction("deal", {"deal_id": 3}, "made@example.com", import_permission=1),
        ]
    )
    assert [row.queued for row in results] == [True, False, True]
    assert results[1].message
    assert client.get_transaction("deal", "m-1") is not None
    assert client.get_transaction("deal", "m-2") is None
    assert client.find_contact("made@example.com") is not None
    assert [row.name for row in client.list_transaction_types()] == ["deal"]


def test_webhooks_are_made_listed_and_deleted(client: MaileonClient) -> None:
    made = webhooks.subscribe(client, "unsubscription", "https://127.0.0.1/hooks/maileon/x/", "s3cret")
    (row,) = webhooks.list_subscriptions(client)
    assert (row.external_id, row.event) == (made, "unsubscription")
    webhooks.unsubscribe(client, made)
    webhooks.unsubscribe(client, made)
    assert webhooks.list_subscriptions(client) == []


def test_an_unknown_field_on_a_single_contact_is_refused(client: MaileonClient) -> None:
    with pytest.raises(RecordError):
        client.create_contact(Contact(ADA, custom_fields={"unknown": "x"}), permission=1)
