"""Webhooks: who sent them, what they say, and which of them there are."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from integration.connectors.base import ParsedEvent, Subscription, WebhookRequest
from integration.connectors.pipedrive import webhooks
from integration.connectors.pipedrive.client import PipedriveClient
from integration.errors import IntegrationError, NotFound, RecordError, TenantActionError
from tests.support import webhook_cases
from tests.support.client_cases import Stub

from .conftest import FIXTURES, api, webhook

NEWSLETTER = "946947d1b02fd3ef20798d6112ec5d895a686a21"
ALL = sorted((FIXTURES / "webhooks").glob("*.json"))
URL = "https://hub.example/hooks/pipedrive/x/"


def request(body: Any, secret: str | None = webhook_cases.SECRET) -> WebhookRequest:
    headers = {} if secret is None else {"authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest("POST", URL, headers, {}, raw)


def parsed(name: str) -> ParsedEvent:
    (event,) = webhooks.parse(request(webhook(name)))
    return event


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Bearer abc", "basic " + "A" * 9000, "Basic YQ== YQ=="])
def test_a_broken_header_proves_nothing(header: str) -> None:
    call = WebhookRequest("POST", URL, {"Authorization": header}, {}, b"{}")
    assert not webhooks.verify(call, [webhook_cases.SECRET])


def test_a_change_carries_record_and_previous() -> None:
    event = parsed("change.person")
    assert (event.vendor_event, event.object_type, event.external_id) == ("person.change", "person", "8")
    assert (event.account_id, event.email) == ("9001", "ada@example.com")
    assert event.occurred_at == datetime(2026, 1, 2, 15, 18, 35, 616000, tzinfo=UTC)
    assert event.payload["action"] == "change"
    assert event.payload["record"]["custom_fields"] == {NEWSLETTER: "31"}
    assert event.payload["record"]["emails"] == ["ada@example.com", "ada.home@example.com"]
    assert event.payload["previous"] == {
        "first_name": "Augusta", "name": "Augusta Lovelace", "custom_fields": {NEWSLETTER: None},
    }  # fmt: skip
    assert event.payload["change_source"] == "app"
    assert event.payload["user_id"] == "12415231"


@pytest.mark.chaos("W10")
def test_an_emptied_field_is_null_not_absent() -> None:
    payload = parsed("change.person__field_emptied").payload
    assert payload["record"]["custom_fields"] == {NEWSLETTER: None}
    assert payload["previous"]["custom_fields"] == {NEWSLETTER: "31"}


def test_a_person_without_address_has_none() -> None:
    event = parsed("create.person__no_email")
    assert event.email == ""
    assert event.payload["record"]["email"] is None
    assert event.payload["record"]["emails"] == []
    assert event.payload["record"]["update_time"] is None


def test_a_delete_carries_the_last_state() -> None:
    payload = parsed("delete.person").payload
    assert payload["record"] == {}
    assert payload["previous"]["email"] == "ada@example.com"
    assert payload["previous"]["custom_fields"] == {NEWSLETTER: "31"}


def test_a_merge_is_told_on_both_sides() -> None:
    assert parsed("delete.person__merged").payload.get("merged_into") == "8"
    assert parsed("change.person__merged").payload.get("merged_from") == "9"
    assert "merged_into" not in parsed("delete.person").payload


def test_labels_are_read_under_both_names() -> None:
    assert parsed("change.person__label_ids").payload["record"]["label_ids"] == ["1", "2"]
    assert parsed("change.person").payload["record"]["label_ids"] == []


def test_a_deal_and_an_activity_in_our_shape() -> None:
    deal = parsed("change.deal").payload
    assert (deal["record"]["value"], deal["record"]["currency"], deal["record"]["stage_id"]) == (1200.5, "EUR", "3")
    assert deal["previous"] == {"stage_id": "1"}
    assert parsed("create.activity").payload["record"]["due_time"] == "15:00:00"
    assert parsed("create.lead").external_id == "adf21080-0e10-11eb-879b-05d71fb426ec"


def test_retries_share_their_key_and_other_events_do_not() -> None:
    first, again, later = webhook("change.person"), webhook("change.person"), webhook("change.person")
    again["meta"]["attempt"] = 2
    later["meta"]["timestamp"] = "2026-01-02T15:18:36.616Z"
    keys = [webhooks.parse(request(body))[0].dedupe_key for body in (first, again, later)]
    assert keys[0] == keys[1] != keys[2]


def test_user_events_reuse_an_id_but_not_a_time() -> None:
    event = parsed("change.user")
    assert event.occurred_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert event.dedupe_key.endswith(":1767312000")


@pytest.mark.chaos("W12")
@pytest.mark.parametrize(
    ("name", "event"),
    [("added", "create"), ("updated", "change"), ("deleted", "delete"), ("merged", "change")],
)
def test_version_1_is_understood_but_partial(name: str, event: str) -> None:
    found = parsed(f"{name}.person__v1")
    assert (found.vendor_event, found.external_id, found.account_id) == (f"person.{event}", "8", "9001")
    assert found.payload["partial"] is True
    assert found.email == "ada@example.com"
    known = found.payload["record"] or found.payload["previous"]
    assert (known["first_name"], known["org_id"], known["custom_fields"]) == ("Ada", "7", {})


def test_version_1_and_2_agree_on_plain_fields() -> None:
    one, two = parsed("updated.person__v1").payload["record"], parsed("change.person").payload["record"]
    for key in (
        "id",
        "name",
        "first_name",
        "last_name",
        "email",
        "phone",
        "owner_id",
        "org_id",
        "add_time",
        "visible_to",
    ):
        assert one[key] == two[key], key


def test_characters_no_database_stores_are_dropped() -> None:
    body = webhook("change.person")
    body["data"]["name"] = "A\x00da\ud800"
    (event,) = webhooks.parse(request(body))
    assert event.payload["record"]["name"] == "Ada"


@pytest.mark.chaos("W12")
def test_an_unknown_event_is_named_not_refused() -> None:
    body = webhook("change.person")
    body["meta"]["entity"] = "project"
    (event,) = webhooks.parse(request(body))
    assert event.vendor_event == "project.change"
    assert event.payload["record"] == {}


def test_subscribe_creates_one_versioned_webhook(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("POST_webhooks__201"), 201)
    assert webhooks.subscribe(client, "person.change", URL, "lockstep:pass:word") == "4710827"
    assert (stub.last.method, stub.last.path) == ("POST", "/pipedrive/acme/api/v1/webhooks")
    assert json.loads(stub.last.body) == {
        "name": "Lockstep person.change", "subscription_url": URL, "event_object": "person", "event_action": "change",
        "version": "2.0", "http_auth_user": "lockstep", "http_auth_password": "pass:word",
    }  # fmt: skip


@pytest.mark.chaos("V14")
def test_the_fortyfirst_webhook_needs_a_person(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("POST_webhooks__422"), 422)
    with pytest.raises(IntegrationError) as caught:
        webhooks.subscribe(client, "person.change", URL, "u:p")
    assert (type(caught.value), caught.value.reason) == (TenantActionError, "webhook_limit")


def test_an_unreachable_address_is_said_by_name(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("POST_webhooks__400"), 400)
    with pytest.raises(RecordError) as caught:
        webhooks.subscribe(client, "person.change", URL, "u:p")
    assert "subscription_url: invalid or non-reachable URL" in caught.value.public


def test_a_missing_webhook_is_as_good_as_deleted(stub: Stub, client: PipedriveClient) -> None:
    stub.will(b'{"status":"ok","success":true}').will(b"", 404)
    webhooks.unsubscribe(client, "4710827")
    webhooks.unsubscribe(client, "4710827")
    assert [(seen.method, seen.path.rpartition("/")[2]) for seen in stub.seen] == [("DELETE", "4710827")] * 2


def test_webhooks_are_listed_with_their_state(stub: Stub, client: PipedriveClient) -> None:
    stub.will(api("GET_webhooks__200"))
    assert webhooks.list_subscriptions(client) == [
        Subscription("4710827", "person.change", URL, True),
        Subscription("4710828", "deal.*", "https://other.example/", False),
    ]


def test_not_found_is_not_swallowed_elsewhere(stub: Stub, client: PipedriveClient) -> None:
    stub.will(b"", 404)
    with pytest.raises(NotFound):
        webhooks.list_subscriptions(client)
