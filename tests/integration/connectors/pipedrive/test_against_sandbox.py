"""The client and the webhooks against the stand-in vendor: what one sends, the other understands."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from integration.connectors.base import Credentials, FieldSpec, Option, WebhookRequest
from integration.connectors.pipedrive import oauth, webhooks
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.connector import CONNECTOR
from integration.errors import AuthError, NotFound, RateLimited, TenantActionError
from integration.http import Instrumentation
from sandbox.pipedrive.seed import ACME_API_TOKEN, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_REDIRECT_URI
from sandbox.thread import SandboxThread
from tests.support.oauth import consent_code

SECRET = "lockstep:a-secret-of-this-endpoint"
NEWSLETTER = FieldSpec("", "Newsletter", "option", (Option("", "Yes"), Option("", "No")), custom=True)


@pytest.fixture
def client(sandbox: SandboxThread) -> PipedriveClient:
    credentials = Credentials("api_token", f"{sandbox.url}/pipedrive/acme", {"api_token": ACME_API_TOKEN})
    client = CONNECTOR.open(credentials, Instrumentation())
    assert isinstance(client, PipedriveClient)
    return client


@pytest.fixture
def inbox() -> Iterator[tuple[str, list[WebhookRequest]]]:
    """A receiver on loopback and what came in."""
    received: list[WebhookRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None: ...

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            received.append(WebhookRequest("POST", self.path, dict(self.headers.items()), query, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hooks/pipedrive/x/", received
    server.shutdown()
    server.server_close()


def test_the_account_is_named(client: PipedriveClient) -> None:
    account = CONNECTOR.check(client)
    assert (account.external_id, account.name, account.details["company_domain"]) == ("9001", "ACME GmbH", "acme")


def test_a_client_knows_the_field_types_an_earlier_one_has_read_and_asks_for_new_ones(sandbox: SandboxThread) -> None:
    """Each slice of work has a client of its own; the list of fields costs ten times what reading a person does."""

    def field_lists() -> int:
        return sum("personFields" in row["path"] for row in sandbox.control("GET", "/calls?vendor=pipedrive"))

    def client(memory: dict[str, Any]) -> PipedriveClient:
        credentials = Credentials("api_token", f"{sandbox.url}/pipedrive/acme", {"api_token": ACME_API_TOKEN})
        opened = CONNECTOR.open(credentials, Instrumentation(memory=memory))
        assert isinstance(opened, PipedriveClient)
        return opened

    first = CONNECTOR.create_field(client({}), "person", NEWSLETTER)
    person = client({}).create_person({"name": "Zoe", "custom_fields": {first.key: first.options[0].key}})
    memory: dict[str, Any] = {}
    before = field_lists()

    for _ in range(3):
        [read] = client(memory).get_persons([person.id])
        assert read.custom_fields[first.key] == first.options[0].key  # the option's id, and not a number
    assert field_lists() == before + 1

    second = CONNECTOR.create_field(client({}), "person", NEWSLETTER)
    client({}).update_person(person.id, {"custom_fields": {second.key: second.options[1].key}})
    before = field_lists()
    for _ in range(3):
        [read] = client(memory).get_persons([person.id])
        assert read.custom_fields[second.key] == second.options[1].key
    assert field_lists() == before + 1


def test_a_person_lives_a_whole_life(client: PipedriveClient) -> None:
    field = CONNECTOR.create_field(client, "person", NEWSLETTER)
    yes, no = (option.key for option in field.options)
    made = client.create_person(
        {"first_name": "Zoe", "last_name": "Quux", "email": "zoe@example.com", "custom_fields": {field.key: yes}}
    )
    assert (made.name, made.primary_email, made.custom_fields[field.key]) == ("Zoe Quux", "zoe@example.com", yes)
    changed = client.update_person(made.id, {"email": "new@example.com", "custom_fields": {field.key: no}})
    assert (changed.primary_email, changed.custom_fields[field.key]) == ("new@example.com", no)
    assert client.update_person(made.id, {"custom_fields": {field.key: None}}).custom_fields[field.key] is None
    client.persons.delete(made.id)
    assert client.get_persons([made.id]) == []


def test_lists_resume_from_their_cursor(client: PipedriveClient) -> None:
    everybody = [person.id for person in client.iter_persons()]
    first = client.persons_page(limit=1)
    second = client.persons_page(first.next_cursor, limit=2)
    assert [person.id for person in (*first.records, *second.records)] == everybody[:3]
    assert client.persons_page(since=datetime.now(UTC) + timedelta(days=1)).records == ()


def test_the_other_objects_are_read_and_written(client: PipedriveClient) -> None:
    organization = client.create_organization({"name": "Looms Ltd"})
    deal = client.create_deal({"title": "Loom", "value": 12.5, "currency": "EUR", "org_id": organization.id})
    assert client.deals.change(deal.id, {"status": "won"}).won_time is not None
    assert [row.id for row in client.deals_page(org_id=organization.id).records] == [deal.id]
    note = client.create_note({"content": "x", "deal_id": deal.id})
    assert [row.id for row in client.notes_page(deal_id=deal.id).records] == [note.id]
    lead = client.create_lead({"title": "L", "organization_id": organization.id})
    assert client.update_lead(lead.id, {"title": "M"}).title == "M"
    activity = client.create_activity({"subject": "Call", "type": "call", "deal_id": deal.id})
    assert client.activities.change(activity.id, {"done": True}).done
    assert client.get_users()[0].active
    assert {stage.pipeline_id for stage in client.get_stages()} == {row.id for row in client.get_pipelines()}


def test_people_are_found_by_address(client: PipedriveClient) -> None:
    assert [hit.name for hit in client.search_persons("ALAN@example.com")] == ["Alan Turing"]
    assert client.search_persons("nobody@example.com") == []


def test_a_webhook_comes_in_verified_and_parsed(
    client: PipedriveClient, sandbox: SandboxThread, inbox: tuple[str, list[WebhookRequest]]
) -> None:
    url, received = inbox
    for event in ("person.change", "person.delete"):
        webhooks.subscribe(client, event, url, SECRET)
    field = CONNECTOR.create_field(client, "person", NEWSLETTER)
    client.update_person("1", {"custom_fields": {field.key: field.options[0].key}})
    client.persons.delete("2")
    sandbox.wait_until_delivered()
    assert all(webhooks.verify(call, [SECRET]) for call in received)
    assert not any(webhooks.verify(call, ["lockstep:other"]) for call in received)
    events = {event.vendor_event: event for call in received for event in webhooks.parse(call)}
    changed, gone = events["person.change"], events["person.delete"]
    assert (changed.account_id, changed.external_id, changed.email) == ("9001", "1", "ada@example.com")
    assert changed.payload["record"]["custom_fields"][field.key] == field.options[0].key
    assert changed.payload["previous"]["custom_fields"] == {field.key: None}
    assert gone.payload["previous"]["email"] == "alan@example.com"
    rows = webhooks.list_subscriptions(client)
    assert {row.event for row in rows} == {"person.change", "person.delete"}
    for row in rows:
        webhooks.unsubscribe(client, row.external_id)
        webhooks.unsubscribe(client, row.external_id)
    assert webhooks.list_subscriptions(client) == []


def test_rest_and_webhook_agree_about_a_person(
    client: PipedriveClient, sandbox: SandboxThread, inbox: tuple[str, list[WebhookRequest]]
) -> None:
    from integration.connectors.pipedrive.records import record_values

    url, received = inbox
    webhooks.subscribe(client, "person.change", url, SECRET)
    values: dict[str, Any] = {}
    for kind, value in (
        ("text", "abc"),
        ("number", 12.5),
        ("date", "2026-01-31"),
        ("money", {"value": 2, "currency": "EUR"}),
    ):
        values[CONNECTOR.create_field(client, "person", FieldSpec("", f"My {kind}", kind, custom=True)).key] = value
    topics = CONNECTOR.create_field(
        client, "person", FieldSpec("", "Topics", "options", NEWSLETTER.options, custom=True)
    )
    values[topics.key] = [option.key for option in topics.options]
    client.update_person("1", {"custom_fields": values})
    sandbox.wait_until_delivered()
    (event,) = webhooks.parse(received[-1])
    rest = record_values(client.get_person("1"))
    assert {key: rest["custom_fields"][key] for key in values} == values
    assert {key: event.payload["record"]["custom_fields"][key] for key in values} == values
    for key in ("id", "name", "email", "emails", "owner_id", "org_id", "update_time"):
        assert event.payload["record"][key] == rest[key], key


def test_refusals_have_our_names(client: PipedriveClient, sandbox: SandboxThread) -> None:
    with pytest.raises(NotFound):
        client.get_person("999999")
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "account": "acme", "daily_budget_left": 0})
    with pytest.raises(RateLimited) as caught:
        client.get_person("1")
    assert (caught.value.retry_after or 0) > 60


def test_a_wrong_token_is_refused(sandbox: SandboxThread) -> None:
    credentials = Credentials("api_token", f"{sandbox.url}/pipedrive/acme", {"api_token": "f" * 40})
    with pytest.raises(AuthError):
        CONNECTOR.check(CONNECTOR.open(credentials, Instrumentation()))


def test_oauth_from_consent_to_goodbye(sandbox: SandboxThread) -> None:
    code = consent_code(sandbox)
    tokens = oauth.exchange_code(OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, code, OAUTH_REDIRECT_URI)
    assert tokens.api_domain == f"{sandbox.url}/pipedrive/acme"
    with pytest.raises(AuthError):
        oauth.exchange_code(OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, code, OAUTH_REDIRECT_URI)
    fresh = oauth.refresh(OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, tokens.refresh_token)
    client = CONNECTOR.open(Credentials("oauth", fresh.api_domain, fresh.values()), Instrumentation())
    assert CONNECTOR.check(client).external_id == "9001"
    oauth.revoke(OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, fresh.refresh_token)
    with pytest.raises(TenantActionError):
        oauth.refresh(OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, fresh.refresh_token)


def test_a_token_has_the_role_of_its_user(client: PipedriveClient, sandbox: SandboxThread) -> None:
    assert [(right.name, right.granted) for right in CONNECTOR.rights(client)] == [("administrator", True)]
    user = sandbox.control("POST", "/pipedrive/acme/users", {"name": "Lin", "email": "lin@example.com"})
    credentials = Credentials("api_token", f"{sandbox.url}/pipedrive/acme", {"api_token": user["api_token"]})
    [right] = CONNECTOR.rights(CONNECTOR.open(credentials, Instrumentation()))
    assert not right.granted
    assert "administrator in Pipedrive" in right.fix


def test_a_consent_tells_its_scopes_and_they_are_kept(sandbox: SandboxThread) -> None:
    tokens = oauth.exchange_code(OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, consent_code(sandbox), OAUTH_REDIRECT_URI)
    granted = Credentials("oauth", tokens.api_domain, tokens.values())
    assert {"base", "contacts:full", "admin"} <= set(tokens.values()["scope"].split(","))
    assert all(right.granted for right in CONNECTOR.rights(CONNECTOR.open(granted, Instrumentation())))
