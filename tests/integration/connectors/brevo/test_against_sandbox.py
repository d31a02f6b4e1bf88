"""The client against the stand-in vendor: consent and identity above all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integration.connectors.base import Credentials, FieldSpec
from integration.connectors.brevo.api import Duplicate
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.brevo.connector import CONNECTOR
from integration.connectors.brevo.records import Contact, Event
from integration.errors import AuthError, RecordError
from integration.http import Instrumentation
from sandbox.brevo.seed import API_KEY
from sandbox.thread import SandboxThread

ADA = "ada@example.com"
ALL = [60]


@pytest.fixture
def client(sandbox: SandboxThread) -> BrevoClient:
    sandbox.control("PATCH", "/brevo/801", {"plan": "unlimited", "import_delay_s": 0})
    client = CONNECTOR.open(Credentials("api_key", f"{sandbox.url}/brevo/v3", {"api_key": API_KEY}), Instrumentation())
    assert isinstance(client, BrevoClient)
    return client


def test_the_account_is_named_and_a_locked_key_refused(client: BrevoClient, sandbox: SandboxThread) -> None:
    assert CONNECTOR.check(client).name == "ACME Marketing"
    sandbox.control("PATCH", "/brevo/801", {"locked": True})
    with pytest.raises(AuthError):
        CONNECTOR.check(client)


def test_a_contact_from_creation_to_deletion(client: BrevoClient) -> None:
    number = client.upsert_contact(Contact(ADA, {"FIRSTNAME": "Ada", "SMS": "+31612345678"}), ALL)

    client.update_contact(number, Contact(attributes={"FIRSTNAME": None, "LASTNAME": "L"}), join=[61], leave=ALL)

    found = client.find_contact(ADA)
    assert found is not None
    assert (found.id, dict(found.attributes), found.list_ids) == (
        number,
        {"SMS": "+31612345678", "LASTNAME": "L"},
        (61,),
    )
    assert client.delete_contact(number)
    assert not client.delete_contact(number)


def test_the_new_address_of_a_blocklisted_contact_stays_blocklisted(
    client: BrevoClient, sandbox: SandboxThread
) -> None:
    number = client.upsert_contact(Contact(ADA), ALL)
    sandbox.control("POST", f"/brevo/801/contacts/{number}/unsubscribe", {})

    client.update_contact(number, Contact("ada.l@example.com"))
    client.upsert_contact(Contact("ada.l@example.com", {"FIRSTNAME": "Ada"}), ALL)
    client.import_contacts([Contact("ada.l@example.com", {"LASTNAME": "L"})], ALL)

    found = client.find_contact("ada.l@example.com")
    assert found is not None
    assert (found.blocklisted, found.attributes["LASTNAME"]) == (True, "L")


def test_a_phone_of_somebody_else_is_a_duplicate(client: BrevoClient) -> None:
    client.upsert_contact(Contact(ADA, {"SMS": "+31612345678"}))

    with pytest.raises(Duplicate) as caught:
        client.upsert_contact(Contact("eve@example.com", {"SMS": "0031612345678"}))

    assert caught.value.identifiers == {"SMS"}
    with pytest.raises(RecordError):
        client.upsert_contact(Contact("eve@example.com", {"SMS": "0612345678"}))


def test_an_import_and_what_it_leaves_out(client: BrevoClient) -> None:
    client.upsert_contact(Contact(ADA, {"SMS": "+31612345678"}))
    started = datetime.now(UTC) - timedelta(seconds=1)
    people = [Contact(f"p{n}@example.com", {"FIRSTNAME": f"P{n}"}) for n in range(30)]

    number = client.import_contacts([*people, Contact("bob@example.com", {"SMS": "+31612345678"})], ALL)

    process = client.get_process(number)
    assert (process.status, process.problems) == ("done", ("duplicate_phone_id",))
    page = client.contacts_page(0, modified_since=started)
    assert len(page.records) == 31
    assert client.find_contact("bob@example.com") is None
    assert len(client.get_contacts([row.id for row in page.records])) == 31


def test_attributes_lists_and_folders_are_made_where_missing(client: BrevoClient) -> None:
    CONNECTOR.create_field(client, "contact", FieldSpec("LTV", "LTV", "money"))
    folder = client.create_folder("Second")
    made = client.create_list("More", folder)

    assert {spec.key: spec.type for spec in CONNECTOR.fields(client, "contact")}["LTV"] == "number"
    assert (made, "More", folder) in [(row.id, row.name, row.folder_id) for row in client.get_lists()]
    assert [row.name for row in client.get_folders()] == ["Pipedrive", "Second"]


def test_events_and_companies(client: BrevoClient, sandbox: SandboxThread) -> None:
    number = client.upsert_contact(Contact(ADA))
    client.send_event(Event("deal_created", {"deal_id": "7"}, email=ADA))
    said = client.send_events([Event("a", {}, number), Event("not a name", {}, number)])
    company = client.create_company("Engines", {}, [number])
    process = client.import_companies([{"name": "Engines", "domain": "e.example"}, {"name": "New, “Works”"}])

    state = sandbox.control("GET", "/brevo/801/state")
    assert [row["event_name"] for row in state["events"]] == ["deal_created", "a"]
    assert said == ["", "event_name is not valid"]
    assert client.get_process(process).status == "done"
    assert client.find_companies("Engines")[0].attributes["domain"] == "e.example"
    assert client.find_companies("Engines")[0].contact_ids == (number,)
    assert len(client.find_companies("New, “Works”")) == 1
    client.delete_company(company)
    assert client.find_companies("Engines") == []


def test_the_opt_in_mail_joins_nobody_before_the_click(client: BrevoClient, sandbox: SandboxThread) -> None:
    client.start_double_opt_in(Contact(ADA, {"FIRSTNAME": "Ada"}), ALL, template=1, redirect_to="https://a.example")

    assert client.find_contact(ADA) is None
    sandbox.control("POST", "/brevo/801/click-doi", {"email": ADA})
    found = client.find_contact(ADA)
    assert found is not None
    assert found.list_ids == (60,)
