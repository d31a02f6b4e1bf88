"""The sandbox vendors as a test sees them: people act there, the test looks at what came of it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from django.test import Client

from integration.models import Integration
from sandbox.hubspot.seed import PORTAL_ID
from sandbox.thread import SandboxThread
from tests.support import hub

ACCOUNT = 501


@dataclass
class Between:
    """Two vendors and the hub between them. Webhooks are held back and handed in by `deliver`."""

    sandbox: SandboxThread
    integration: Integration

    def calls(self, vendor: str) -> list[str]:
        """Method and path of every API call a vendor has seen since the last look."""
        rows = self.sandbox.control("GET", f"/calls?vendor={vendor}")
        self.sandbox.control("DELETE", "/calls")
        return [f"{row['method']} {row['path']}" for row in rows]

    def held(self) -> list[Any]:
        """Take the webhooks that wait to be delivered."""
        courier = self.sandbox.state.courier
        taken, courier.held = courier.held, []
        return taken

    def post(self, delivery: Any) -> int:
        """Hand one webhook in at its address."""
        path = "/" + delivery.url.split("/", 3)[3]
        body = delivery.body(1)
        proof = {key: value for key, value in delivery.headers.items() if key.lower() == "authorization"}
        headers = {**proof, **delivery.signed(body)}
        if delivery.auth:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(delivery.auth).encode()).decode()
        content_type = delivery.headers.get("Content-Type", "application/json")
        answer = Client(headers=headers).generic("POST", path, body, content_type=content_type)
        return int(answer.status_code)

    def hold(self, *vendors: str) -> None:
        """Keep webhooks back, and forget the calls made so far."""
        for vendor in vendors:
            self.sandbox.control("POST", "/misbehave", {"vendor": vendor, "webhooks": {"hold": True}})
        self.sandbox.control("DELETE", "/calls")

    def deliver(self) -> None:
        """Deliver everything in order and let the hub work, until nothing moves any more."""
        for _ in range(20):
            waiting = self.held()
            for delivery in waiting:
                assert self.post(delivery) == 200, delivery.url
            hub.drain()
            if not waiting and not self.sandbox.state.courier.held:
                return
        raise AssertionError("echoes go round and round")


@dataclass
class Vendors(Between):
    """What tests of all recipes with Maileon share."""

    def contacts(self) -> dict[str, dict[str, Any]]:
        """Contacts that are not on their way out, by address."""
        rows = self.sandbox.control("GET", f"/maileon/{ACCOUNT}/contacts")["contacts"]
        return {row["email"]: row for row in rows if row.get("email") and row["unsubscribed_at"] is None}

    def mails(self) -> list[str]:
        """Addresses that got an opt-in mail, in order."""
        return [row["email"] for row in self.sandbox.control("GET", f"/maileon/{ACCOUNT}/doi-mails")]

    def click(self, email: str) -> None:
        self.sandbox.control("POST", f"/maileon/{ACCOUNT}/click-doi", {"email": email})

    def leave(self, email: str) -> None:
        self.sandbox.control("POST", f"/maileon/{ACCOUNT}/unsubscribe", {"email": email})

    def events_sent(self) -> list[dict[str, Any]]:
        return list(self.sandbox.control("GET", f"/maileon/{ACCOUNT}/transactions"))


@dataclass
class World(Vendors):
    """Pipedrive and Maileon of one integration."""

    @classmethod
    def install(cls, sandbox: SandboxThread, **settings: Any) -> World:
        world = cls(sandbox, hub.install(sandbox.url, **settings))
        world.hold("pipedrive", "maileon")
        return world

    # Pipedrive

    def person(self, name: str, *, email: str | None = None, newsletter: str | None = "Yes", **values: Any) -> str:
        address = email if email is not None else f"{name.lower().replace(' ', '.')}@example.com"
        body: dict[str, Any] = {"name": name, **values}
        if address:
            body["emails"] = [{"value": address, "primary": True}]
        if newsletter:
            body["custom_fields"] = {**values.get("custom_fields", {}), **self.newsletter(newsletter)}
        return str(self.sandbox.control("POST", "/pipedrive/acme/persons", body)["data"]["id"])

    def change(self, person_id: str, **values: Any) -> None:
        self.sandbox.control("PATCH", f"/pipedrive/acme/persons/{person_id}", values)

    def say(self, person_id: str, newsletter: str | None) -> None:
        """Somebody sets the Newsletter field to Yes or No, or empties it."""
        key = self.integration.resources["newsletter"]
        self.change(person_id, custom_fields=self.newsletter(newsletter) if newsletter else {key: None})

    def delete(self, person_id: str) -> None:
        self.sandbox.control("DELETE", f"/pipedrive/acme/persons/{person_id}")

    def merge(self, loser: str, survivor: str) -> None:
        self.sandbox.control("POST", f"/pipedrive/acme/persons/{loser}/merge", {"into": int(survivor)})

    def deal(self, **values: Any) -> str:
        return str(self.sandbox.control("POST", "/pipedrive/acme/deals", values)["data"]["id"])

    def seed_people(self, count: int, *, newsletter: str = "Yes", per_organization: int = 0) -> None:
        """People who were there before, without events."""
        fields = self.newsletter(newsletter)
        people = [
            {
                "name": f"Seed {n}",
                "emails": [{"value": f"seed{n}@example.com"}],
                "custom_fields": fields,
                "org_id": 1 + n % 3,
            }
            for n in range(count)
        ]
        self.sandbox.control("POST", "/pipedrive/acme/seed", {"persons": people})

    def newsletter(self, option: str) -> dict[str, int]:
        resources = self.integration.resources
        return {resources["newsletter"]: int(resources[f"newsletter_{option.lower()}"])}

    def shown(self, person_id: str) -> tuple[str, str]:
        """What Pipedrive shows of a person: Newsletter and Newsletter status in words."""
        rows = self.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
        fields = rows[int(person_id)].get("custom_fields") or {}
        return self._word(fields, "newsletter", ("yes", "no")), self._word(
            fields, "status", ("pending", "confirmed", "unsubscribed")
        )

    def _word(self, fields: dict[str, Any], name: str, words: tuple[str, ...]) -> str:
        resources = self.integration.resources
        value = str(fields.get(resources[name]))
        return next((word for word in words if value == resources[f"{name}_{word}"]), "")


@dataclass
class HubSpotWorld(Vendors):
    """HubSpot and Maileon of one integration."""

    @classmethod
    def install(cls, sandbox: SandboxThread, **settings: Any) -> HubSpotWorld:
        world = cls(sandbox, hub.install_hubspot(sandbox, **settings))
        world.hold("hubspot", "maileon")
        return world

    def contact(self, name: str, *, email: str | None = None, **values: Any) -> str:
        """Somebody creates a contact in HubSpot; returns its id."""
        first, _, last = name.partition(" ")
        address = email if email is not None else f"{name.lower().replace(' ', '.')}@example.com"
        body = {"firstname": first, "lastname": last, **({"email": address} if address else {}), **values}
        return str(self.sandbox.control("POST", f"/hubspot/{PORTAL_ID}/contacts", body)["id"])

    def change(self, contact_id: str, **values: Any) -> None:
        self.sandbox.control("PATCH", f"/hubspot/{PORTAL_ID}/contacts/{contact_id}", values)

    def say(self, contact_id: str, newsletter: str) -> None:
        """Somebody sets “Subscribe to Maileon Newsletter” to Yes or No, or empties it."""
        self.change(contact_id, maileon_subscribe={"Yes": "true", "No": "false"}.get(newsletter, ""))

    def delete(self, contact_id: str) -> None:
        self.sandbox.control("DELETE", f"/hubspot/{PORTAL_ID}/contacts/{contact_id}")

    def do(self, contact_id: str, what: str, **wish: Any) -> dict[str, Any]:
        """restore, forget, or merge (`into`)."""
        found: dict[str, Any] = self.sandbox.control("POST", f"/hubspot/{PORTAL_ID}/contacts/{contact_id}/{what}", wish)
        return found

    def shown(self, contact_id: str, *names: str) -> list[Any]:
        """What HubSpot shows of a contact."""
        portal = self.sandbox.state.hubspot.portals[PORTAL_ID]
        values = portal.contacts[portal.survivor(int(contact_id))].values
        return [values.get(name) for name in names]

    def notes(self, contact_id: str) -> list[str]:
        """The notes on a contact."""
        rows = self.sandbox.control("GET", f"/hubspot/{PORTAL_ID}/state")["notes"]
        return [row["hs_note_body"] for row in rows if row["contact_id"] == contact_id]
