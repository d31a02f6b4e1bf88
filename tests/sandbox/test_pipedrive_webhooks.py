"""Webhook management, payloads 2.0 and 1.0, and the delivery rules."""

from __future__ import annotations

import base64
import time

import pytest

from sandbox.pipedrive.seed import OAUTH_CLIENT_ID


def settle(sandbox, receiver, count):
    """Wait until the receiver has this many deliveries."""
    deadline = time.monotonic() + 5
    while len(receiver.got) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    sandbox.wait_until_delivered()
    assert len(receiver.got) == count


@pytest.mark.parametrize(("change", "key"), [
    ({"subscription_url": "not a url"}, "subscription_url"), ({"subscription_url": None}, "subscription_url"),
    ({"subscription_url": "https://acme.pipedrive.com/x"}, "subscription_url"),
    ({"event_action": "added"}, "event_action"),
    ({"event_object": "people"}, "event_object"), ({"name": "x" * 256}, "name"), ({"name": None}, "name"),
    ({"event_action": "create", "version": "1.0"}, "event_action"), ({"version": "3.0"}, "version"),
])  # fmt: skip
def test_wrong_webhooks_are_refused(pipedrive, change, key):
    body = {"subscription_url": "https://hub.example/x", "event_action": "*", "event_object": "person", "name": "n"}
    answer = pipedrive("POST", "/v1/webhooks", json=body | change)
    assert answer.status_code == 400
    assert key in answer.json()["errors"]


def test_webhook_is_created_listed_and_deleted(pipedrive, subscribe):
    hook = subscribe("change", "person", version=None)
    assert (hook["version"], hook["type"], hook["is_active"]) == ("2.0", "general", 1)
    assert [item["id"] for item in pipedrive.data("GET", "/api/v1/webhooks")] == [hook["id"]]
    assert pipedrive("DELETE", f"/v1/webhooks/{hook['id']}").json() == {"status": "ok", "success": True}
    gone = pipedrive("DELETE", f"/v1/webhooks/{hook['id']}")
    assert (gone.status_code, gone.json()["errors"]) == (404, {"id": ["not found"]})


def test_forty_webhooks_and_no_more(pipedrive, subscribe):
    for _ in range(40):
        subscribe()
    body = {"subscription_url": "https://hub.example/x", "event_action": "*", "event_object": "*", "name": "n"}
    assert pipedrive("POST", "/v1/webhooks", json=body).status_code == 422


def test_change_carries_typed_values_and_only_what_changed_before(sandbox, pipedrive, receiver, subscribe):
    body = {"field_name": "Newsletter", "field_type": "enum", "options": [{"label": "yes"}, {"label": "no"}]}
    code = pipedrive.data("POST", "/api/v2/personFields", json=body)["field_code"]
    hook = subscribe("change", "person", http_auth_user="u", http_auth_password="p")

    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "Ada King", "custom_fields": {code: 31}})

    settle(sandbox, receiver, 1)
    event = receiver.bodies()[0]
    assert event["data"]["custom_fields"] == {code: {"type": "enum", "id": 31}}
    assert event["previous"] == {"name": "Ada Lovelace", "last_name": "Lovelace", "custom_fields": {code: None}}
    assert event["data"]["visible_to"] == "3"
    meta = event["meta"]
    assert (meta["action"], meta["entity"], meta["entity_id"], meta["version"]) == ("change", "person", "1", "2.0")
    assert (meta["company_id"], meta["user_id"], meta["webhook_id"]) == ("9001", "9001001", str(hook["id"]))
    assert (meta["change_source"], meta["attempt"], meta["permitted_user_ids"]) == ("api", 1, ["9001001"])
    expected = "Basic " + base64.b64encode(b"u:p").decode()
    assert receiver.got[0]["headers"]["Authorization"] == expected


def test_create_and_delete_shapes(sandbox, pipedrive, receiver, subscribe):
    subscribe("*", "person")
    person = sandbox.control("POST", "/pipedrive/acme/persons", {"name": "Temp"})["data"]
    settle(sandbox, receiver, 1)
    sandbox.control("DELETE", f"/pipedrive/acme/persons/{person['id']}")
    settle(sandbox, receiver, 2)

    created, deleted = receiver.bodies()
    assert (created["meta"]["action"], created["previous"], created["meta"]["change_source"]) == ("create", None, "app")
    assert (deleted["meta"]["action"], deleted["data"], deleted["previous"]["name"]) == ("delete", None, "Temp")


def test_merge_sends_two_events(sandbox, pipedrive, receiver, subscribe):
    subscribe("*", "person")
    sandbox.control("POST", "/pipedrive/acme/persons/1/merge", {"into": 2})
    settle(sandbox, receiver, 2)
    by_action = {event["meta"]["action"]: event["meta"] for event in receiver.bodies()}
    assert (by_action["delete"]["entity_id"], by_action["delete"]["merged_to_id"]) == ("1", "2")
    assert (by_action["change"]["entity_id"], by_action["change"]["merged_from_id"]) == ("2", "1")


def test_other_objects_and_actions_are_not_sent(sandbox, pipedrive, receiver, subscribe):
    subscribe("delete", "deal")
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "X"})
    pipedrive.data("PATCH", "/api/v2/deals/1", json={"title": "X"})
    pipedrive("DELETE", "/api/v2/deals/1")
    settle(sandbox, receiver, 1)


def test_bulk_seed_and_unchanged_writes_are_silent(sandbox, pipedrive, receiver, subscribe):
    subscribe()
    sandbox.control("POST", "/pipedrive/acme/seed", {"count": 3})
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "Ada Lovelace"})
    settle(sandbox, receiver, 0)


def test_version_one_payload(sandbox, pipedrive, receiver, subscribe):
    body = {"field_name": "Colour", "field_type": "set", "options": [{"label": "red"}, {"label": "blue"}]}
    field = pipedrive.data("POST", "/api/v2/personFields", json=body)
    ids = [option["id"] for option in field["options"]]
    subscribe("updated", "person", version="1.0")
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"custom_fields": {field["field_code"]: ids}})
    settle(sandbox, receiver, 1)
    event = receiver.bodies()[0]
    assert (event["event"], event["v"], event["retry"], event["meta"]["id"]) == ("updated.person", 1, 0, 1)
    assert event["current"][field["field_code"]] == ",".join(map(str, ids))
    assert event["previous"][field["field_code"]] is None
    assert (event["current"]["org_id"], event["current"]["email"][0]["value"]) == (1, "ada@example.com")


def test_failed_delivery_is_retried_three_times_with_its_number(sandbox, pipedrive, receiver, subscribe):
    subscribe()
    receiver.status = 500
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "X"})
    settle(sandbox, receiver, 4)
    assert [event["meta"]["attempt"] for event in receiver.bodies()] == [1, 2, 3, 4]
    assert len({event["meta"]["id"] for event in receiver.bodies()}) == 4


def test_ten_failed_first_tries_ban_and_lose_events(sandbox, pipedrive, receiver, subscribe):
    hook = subscribe()
    receiver.status = 500
    for n in range(10):
        pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": f"X{n}"})
    settle(sandbox, receiver, 40)
    receiver.status = 200

    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "Lost"})
    settle(sandbox, receiver, 40)
    assert pipedrive.data("GET", "/v1/webhooks")[0]["is_active"] == 0
    assert sandbox.control("GET", "/webhook-deliveries?state=banned")[0]["webhook_id"] == str(hook["id"])

    sandbox.control("POST", "/time", {"advance_seconds": 1801})
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "Seen"})
    settle(sandbox, receiver, 41)


def test_three_days_without_success_delete_the_webhook(sandbox, pipedrive, receiver, subscribe):
    subscribe()
    receiver.status = 500
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "X"})
    settle(sandbox, receiver, 4)
    sandbox.control("POST", "/time", {"advance_seconds": 3 * 24 * 3600})
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "Y"})
    settle(sandbox, receiver, 5)
    assert pipedrive.data("GET", "/v1/webhooks") == []


def test_held_webhooks_wait_and_dropped_ones_are_gone(sandbox, pipedrive, receiver, subscribe):
    subscribe()
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "account": "acme", "webhooks": {"hold": True}})
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "Held"})
    settle(sandbox, receiver, 0)
    assert sandbox.control("POST", "/webhooks/release") == {"released": 1}
    settle(sandbox, receiver, 1)

    faults = {"hold": False, "drop_rate": 1}
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "account": "acme", "webhooks": faults})
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "Dropped"})
    settle(sandbox, receiver, 1)

    faults = {"drop_rate": 0, "duplicate_rate": 1}
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "account": "acme", "webhooks": faults})
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "Twice"})
    settle(sandbox, receiver, 3)


def test_reset_forgets_what_was_under_way(sandbox, pipedrive, receiver, subscribe):
    subscribe()
    receiver.status = 500
    sandbox.state.courier.time_scale = 0.1
    pipedrive.data("PATCH", "/api/v2/persons/1", json={"name": "X"})
    settle(sandbox, receiver, 1)
    sandbox.reset()
    sandbox.state.courier.time_scale = 0.01
    time.sleep(0.4)
    assert len(receiver.got) == 1


def test_leads_and_notes_have_events(sandbox, pipedrive, receiver, subscribe):
    subscribe("create", "*")
    lead = pipedrive.data("POST", "/v1/leads", json={"title": "L", "person_id": 1})
    pipedrive.data("POST", "/v1/notes", json={"content": "x", "lead_id": lead["id"]})
    settle(sandbox, receiver, 2)
    by_entity = {event["meta"]["entity"]: event for event in receiver.bodies()}
    assert by_entity["lead"]["meta"]["entity_id"] == lead["id"]
    assert by_entity["note"]["data"]["lead_id"] == lead["id"]


def test_uninstall_is_told_to_the_app(sandbox, pipedrive, receiver):
    app = {"client_id": OAUTH_CLIENT_ID, "client_secret": "s", "redirect_uri": f"{receiver.url}/cb", "scopes": ["base"]}
    sandbox.control("POST", "/pipedrive/apps", app)
    token = pipedrive.session.headers["x-api-token"]
    form = {"grant_type": "exchange_api_token", "api_token": token, "client_id": OAUTH_CLIENT_ID, "client_secret": "s"}
    answer = pipedrive.session.post(f"{sandbox.url}/pipedrive-oauth/oauth/token", data=form)
    assert answer.status_code == 200

    assert sandbox.control("POST", "/pipedrive/acme/uninstall") == {"uninstalled": 1}

    settle(sandbox, receiver, 1)
    assert (receiver.got[0]["method"], receiver.got[0]["path"]) == ("DELETE", "/cb")
    assert receiver.bodies()[0] | {"timestamp": ""} == {
        "client_id": OAUTH_CLIENT_ID, "company_id": 9001, "user_id": 9001001, "timestamp": "",
    }  # fmt: skip
