from __future__ import annotations

from sandbox.hubspot.seed import CLIENT_ID, CLIENT_SECRET, PORTAL_ID
from tests.sandbox.conftest import Client
from tests.sandbox.probes.look import Look, Probe, shape, until_refused

CONTACTS = "/crm/objects/2026-09/contacts"
COMPANIES = "/crm/objects/2026-09/companies"
ASSOCIATIONS = "/crm/associations/2026-09/companies/contacts"
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


CRM_SCOPES = [f"crm.objects.{kind}.{verb}" for kind in ("companies", "deals") for verb in ("read", "write")]


def _crm(look: Look) -> Client:
    """The portal as an app sees it that may read and write companies and deals."""
    wish = {"client_id": CLIENT_ID, "scopes": ["crm.objects.contacts.read", "crm.objects.contacts.write", *CRM_SCOPES]}
    token = look.control("POST", f"/hubspot/{PORTAL_ID}/install", wish)["access_token"]
    return Client(f"{look.sandbox.url}/hubspot", {"Authorization": f"Bearer {token}"})


def _company(client: Client, **values: str):
    return client("POST", COMPANIES, json={"properties": {"name": "Engines", **values}})


def _twins(look: Look) -> int:
    client = _crm(look)
    _company(client, domain="e.example")
    return _company(client, domain="e.example").status_code


def _deal(look: Look) -> int:
    return _crm(look)("POST", "/crm/objects/2026-09/deals", json={"properties": {"dealname": "Engine"}}).status_code


def _stages(look: Look):
    return _crm(look)("GET", "/crm/properties/2026-09/deals/dealstage").json()["options"]


def _associated(look: Look):
    client = _crm(look)
    made = _company(client).json()["id"]
    answer = client("POST", f"{ASSOCIATIONS}/batch/read", json={"inputs": [{"id": made}]}).json()
    return [row["to"] for row in answer["results"]]


def _pairs(look: Look) -> int:
    client = _crm(look)
    made, ada = _company(client).json()["id"], _contact(look, "ada")
    pairs = [{"from": {"id": made}, "to": {"id": other}} for other in (ada, "999")]
    return client("POST", f"{ASSOCIATIONS}/batch/associate/default", json={"inputs": pairs}).status_code


PROBES: dict[str, Probe] = {
    "hubspot.company_domain": _twins,
    "hubspot.deal_stage": _deal,
    "hubspot.stage_options": _stages,
    "hubspot.no_associations": _associated,
    "hubspot.association_missing": _pairs,
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
