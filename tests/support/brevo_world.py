"""Pipedrive and Brevo as a test sees them: people act there, the test looks at what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integration import tasks
from integration.models import SyncLog, SyncRun
from sandbox.thread import SandboxThread
from tests.support import hub
from tests.support.world import Between

ACCOUNT = 801


@dataclass
class BrevoWorld(Between):
    """The two vendors of one integration."""

    @classmethod
    def install(cls, sandbox: SandboxThread, *, plan: str = "unlimited", **settings: Any) -> BrevoWorld:
        sandbox.control("PATCH", f"/brevo/{ACCOUNT}", {"plan": plan, "import_delay_s": 0})
        world = cls(sandbox, hub.install_brevo(sandbox.url, **settings))
        world.hold("pipedrive", "brevo")
        return world

    # Pipedrive

    def person(self, name: str, *, email: str | None = None, **values: Any) -> str:
        address = email if email is not None else f"{name.lower().replace(' ', '.')}@example.com"
        body: dict[str, Any] = {"name": name, **values}
        if address:
            body["emails"] = [{"value": address, "primary": True}]
        return str(self.sandbox.control("POST", "/pipedrive/acme/persons", body)["data"]["id"])

    def change(self, person_id: str, **values: Any) -> None:
        self.sandbox.control("PATCH", f"/pipedrive/acme/persons/{person_id}", values)

    def deal(self, **values: Any) -> str:
        return str(self.sandbox.control("POST", "/pipedrive/acme/deals", values)["data"]["id"])

    def change_deal(self, deal_id: str, **values: Any) -> None:
        self.sandbox.control("PATCH", f"/pipedrive/acme/deals/{deal_id}", values)

    def seed_people(self, count: int) -> None:
        """People who were there before, without events."""
        people = [{"name": f"Seed {n}", "emails": [{"value": f"seed{n}@example.com"}]} for n in range(count)]
        self.sandbox.control("POST", "/pipedrive/acme/seed", {"persons": people})

    def shown(self, person_id: str) -> dict[str, Any]:
        """The person as Pipedrive has it."""
        rows = self.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
        return dict(rows[int(person_id)])

    def status(self, person_id: str) -> str:
        """What the field Brevo status says, in a word."""
        resources = self.integration.resources
        value = str((self.shown(person_id).get("custom_fields") or {}).get(resources["status"]))
        words = ("subscribed", "unsubscribed", "bounced")
        return next((word for word in words if value == resources[f"status_{word}"]), "")

    # Brevo

    def brevo(self) -> dict[str, Any]:
        return dict(self.sandbox.control("GET", f"/brevo/{ACCOUNT}/state"))

    def contacts(self) -> dict[str, dict[str, Any]]:
        """Contacts by address."""
        return {row["email"]: row for row in self.brevo()["contacts"]}

    def contact(self, email: str) -> dict[str, Any]:
        return self.contacts()[email]

    def events(self) -> list[tuple[str, str]]:
        """What was sent: event name and address, in order."""
        return [(row["event_name"], row["email"]) for row in self.brevo()["events"]]

    def make_contact(self, email: str, **values: Any) -> None:
        """Somebody creates a contact in Brevo's pages."""
        self.sandbox.control("POST", f"/brevo/{ACCOUNT}/contacts", {"email": email, **values})

    def edit(self, email: str, **attributes: Any) -> None:
        """Somebody edits a contact in Brevo's pages."""
        self.sandbox.control("PATCH", f"/brevo/{ACCOUNT}/contacts/{email}", {"attributes": attributes})

    def leave(self, email: str, **how: Any) -> None:
        self.sandbox.control("POST", f"/brevo/{ACCOUNT}/contacts/{email}/unsubscribe", how)

    def bounce(self, email: str) -> None:
        self.sandbox.control("POST", f"/brevo/{ACCOUNT}/contacts/{email}/bounce", {})

    def end_imports(self, *, failed: bool = False, rows: int | None = None) -> int:
        """Brevo brings its queued imports to an end: carried out, in part, or failed. Returns how many there were."""
        more = {} if rows is None else {"rows": rows}
        return len(self.sandbox.control("POST", f"/brevo/{ACCOUNT}/imports/end", {"failed": failed, **more}))

    # Between them

    def lose(self) -> None:
        """The webhooks under way never arrive."""
        self.held()

    def poll(self, kind: str = "poll") -> None:
        """Run every flow that takes part, and let the hub work."""
        tasks.start_runs(self.integration, kind)
        hub.drain()
        assert not SyncRun.objects.exclude(state="done").exists(), list(SyncRun.objects.values("flow", "problem"))

    def log(self, **filters: Any) -> SyncLog:
        return SyncLog.objects.filter(**filters).latest("id")
