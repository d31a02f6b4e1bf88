from __future__ import annotations

from sandbox.hubspot.seed import CLIENT_ID, CLIENT_SECRET, PORTAL_ID
from tests.sandbox.conftest import Client
from tests.sandbox.probes.look import Look, Probe, shape, until_refused

CONTACTS = "/crm/objects/2026-09/contacts"
EVENTS = ("contact.merge", "contact.deletion", "contact.restore")


def _missing(look: Look):
    return look.hubspot("POST", f"{CONTACTS}/batch/read", json={"properties": [], "inputs": [{"id": "999"}]})


def _contact(look: Look, name: str) -> str:
    return str(look.control("POST", f"/hubspot/{PORTAL_ID}/contacts", {"email": f"{name}@example.com"})["id"])


def _merged(look: Look):
    ada, bob = _contact(look, "ada"), _contact(look, "bob")
    return str(look.control("POST", f"/hubspot/{PORTAL_ID}/contacts/{bob}/merge", {"into": ada})["id"]) == ada


def _told(look: Look) -> list[str]:
    """Whom the events are about and how they are marked, of a merge and of a restore."""
    wanted = [{"subscriptionType": name} for name in EVENTS]
    app = {"client_id": CLIENT_ID, "target_url": f"{look.receiver.url}/hook", "subscriptions": wanted}
    look.control("POST", "/hubspot/apps", app)
    look.control("POST", f"/hubspot/{PORTAL_ID}/install", {"client_id": CLIENT_ID})
    eve = _contact(look, "eve")
    look.control("DELETE", f"/hubspot/{PORTAL_ID}/contacts/{eve}")
    look.control("POST", f"/hubspot/{PORTAL_ID}/contacts/{eve}/restore", {})
    _merged(look)
    rows = [event for body in look.heard(3) for event in body]
    return sorted(f"{row['subscriptionType']} {row.get('changeFlag', '')}" for row in rows)


def _refreshed(look: Look):
    tokens = look.control("POST", f"/hubspot/{PORTAL_ID}/install", {"client_id": CLIENT_ID})
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET}  # fmt: skip
    fresh = Client(f"{look.sandbox.url}/hubspot", {})("POST", "/oauth/2026-03/token", data=form)
    assert fresh.ok, fresh.text
    return fresh.json()["refresh_token"] == tokens["refresh_token"]


def _found(look: Look):
    client = look.hubspot
    client("POST", CONTACTS, json={"properties": {"email": "ada@example.com"}})
    wish = {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "EQ", "value": "ada@example.com"}]}]}
    return client("POST", f"{CONTACTS}/search", json=wish).json()["total"]


def _stage(look: Look):
    client = look.hubspot
    made = client("POST", CONTACTS, json={"properties": {"email": "ada@example.com"}}).json()["id"]
    return client("GET", f"{CONTACTS}/{made}?properties=lifecyclestage").json()["properties"]["lifecyclestage"]


def _limited(look: Look):
    client = look.hubspot
    return shape(until_refused(lambda: client("GET", CONTACTS)))[1]


PROBES: dict[str, Probe] = {
    "hubspot.batch_status": lambda look: _missing(look).status_code,
    "hubspot.error_context": lambda look: sorted(_missing(look).json()["errors"][0]),
    "hubspot.merge_id": _merged,
    "hubspot.merge_deletion": _told,
    "hubspot.retry_after": _limited,
    "hubspot.refresh_token": _refreshed,
    "hubspot.restore_flag": _told,
    "hubspot.search_delay": _found,
    "hubspot.first_stage": _stage,
}
