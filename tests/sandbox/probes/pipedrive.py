from __future__ import annotations

from sandbox.pipedrive.seed import OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET
from tests.sandbox.conftest import Client
from tests.sandbox.probes.look import Look, Probe, shape, until_refused

PERSONS = "/api/v2/persons"


def _cursor(look: Look):
    first = look.pipedrive("GET", f"{PERSONS}?limit=1").json()
    look.control("POST", "/time", {"advance_seconds": 400})
    cursor = first["additional_data"]["next_cursor"]
    return look.pipedrive("GET", f"{PERSONS}?limit=1&cursor={cursor}").status_code


def _deleted(look: Look):
    look.pipedrive("DELETE", f"{PERSONS}/1")
    return look.pipedrive("GET", f"{PERSONS}/1").status_code


def _twice(look: Look):
    look.pipedrive("DELETE", f"{PERSONS}/1")
    return look.pipedrive("DELETE", f"{PERSONS}/1").status_code


def _subscribed(look: Look) -> None:
    hook = {"subscription_url": f"{look.receiver.url}/hook", "event_action": "*", "event_object": "*", "name": "t",
            "version": "2.0"}  # fmt: skip
    assert look.pipedrive("POST", "/v1/webhooks", json=hook).ok


def _custom(look: Look):
    field = {"field_name": "Level", "field_type": "varchar"}
    look.pipedrive("POST", "/api/v2/personFields", json=field)
    _subscribed(look)
    look.pipedrive("PATCH", f"{PERSONS}/1", json={"name": "X"})
    return look.heard(1)[0]["data"]["custom_fields"]


def _tries(look: Look):
    _subscribed(look)
    look.receiver.statuses = [500]
    look.pipedrive("PATCH", f"{PERSONS}/1", json={"name": "X"})
    return len({event["meta"]["id"] for event in look.heard(2)})


def _merge(look: Look):
    look.control("POST", "/misbehave", {"vendor": "pipedrive", "webhooks": {"hold": True}})
    _subscribed(look)
    look.pipedrive("PUT", "/v1/persons/1/merge", json={"merge_with_id": 2})
    return [row["event"] for row in look.control("GET", "/webhook-deliveries?vendor=pipedrive")]


def _oauth(look: Look) -> Client:
    client = Client(f"{look.sandbox.url}/pipedrive-oauth", {})
    client.session.auth = (OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET)
    return client


def _refreshed(look: Look):
    form = {
        "grant_type": "exchange_api_token",
        "api_token": look.control("GET", "/pipedrive/companies")[0]["api_token"],
    }
    tokens = _oauth(look)("POST", "/oauth/token", data=form).json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    return _oauth(look)("POST", "/oauth/token", data=form).json()["refresh_token"] == tokens["refresh_token"]


def _found(look: Look):
    look.pipedrive("POST", PERSONS, json={"name": "Zaphod Beeblebrox"})
    return len(look.pipedrive("GET", f"{PERSONS}/search?term=Zaphod").json()["data"]["items"])


def _limited(look: Look):
    return shape(until_refused(lambda: look.pipedrive("GET", f"{PERSONS}/search?term=Ada")))


PROBES: dict[str, Probe] = {
    "pipedrive.body_429": lambda look: _limited(look)[2],
    "pipedrive.retry_after": lambda look: _limited(look)[1],
    "pipedrive.cursor_life": _cursor,
    "pipedrive.deleted_get": _deleted,
    "pipedrive.retired_v1": lambda look: look.pipedrive("GET", "/v1/persons").status_code,
    "pipedrive.empty_custom": _custom,
    "pipedrive.event_id": _tries,
    "pipedrive.merge_order": _merge,
    "pipedrive.oauth_error": lambda look: shape(_oauth(look)("POST", "/oauth/token", data={"grant_type": "x"})),
    "pipedrive.refresh_token": _refreshed,
    "pipedrive.search_delay": _found,
    "pipedrive.delete_again": _twice,
}
