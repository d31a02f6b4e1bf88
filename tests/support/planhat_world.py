"""Pipedrive and Planhat as a test sees them: people act there, the test looks at what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integration import tasks
from integration.engine.sync import runs
from integration.models import RateBudget, RecordLink, SyncLog, SyncRun
from sandbox.thread import SandboxThread
from tests.support import hub
from tests.support.world import Between

PLANHAT = 901


@dataclass
class PlanhatWorld(Between):
    """The two vendors of one integration."""

    @classmethod
    def install(cls, sandbox: SandboxThread, **settings: Any) -> PlanhatWorld:
        sandbox.control("PATCH", f"/planhat/{PLANHAT}", {"plan": "unlimited"})
        sandbox.control("PATCH", "/pipedrive/acme", {"plan": "unlimited"})
        world = cls(sandbox, hub.install_planhat(sandbox.url, **settings))
        world.hold("pipedrive", "planhat")
        RateBudget.objects.all().delete()  # what installing used up is not the test's
        return world

    # Pipedrive

    def _made(self, plural: str, **values: Any) -> str:
        return str(self.sandbox.control("POST", f"/pipedrive/acme/{plural}", values)["data"]["id"])

    def organization(self, name: str, **values: Any) -> str:
        return self._made("organizations", name=name, **values)

    def person(self, name: str, org_id: str, *, email: str | None = None, **values: Any) -> str:
        address = email if email is not None else f"{name.lower().replace(' ', '.')}@example.com"
        emails = [{"value": address, "primary": True}] if address else []
        return self._made("persons", name=name, org_id=int(org_id), emails=emails, **values)

    def deal(self, org_id: str | None, *, title: str = "Engine", value: float = 1200, **values: Any) -> str:
        more = {"org_id": int(org_id)} if org_id else {}
        return self._made("deals", title=title, value=value, currency="EUR", **more, **values)

    def won(self, org_id: str | None, **values: Any) -> str:
        return self.deal(org_id, status="won", **values)

    def note(self, content: str, **parents: str) -> str:
        return self._made("notes", content=content, **{key: int(value) for key, value in parents.items()})

    def change(self, plural: str, record_id: str, **values: Any) -> None:
        self.sandbox.control("PATCH", f"/pipedrive/acme/{plural}/{record_id}", values)

    def deal_field(self, name: str, kind: str = "date", **more: Any) -> str:
        """Somebody makes a deal field; returns its key."""
        return self._field("dealFields", name, kind, **more)

    def _field(self, plural: str, name: str, kind: str, **more: Any) -> str:
        client = self.integration.left
        row = hub.client_of(client).write(
            "POST", f"/api/v2/{plural}", {"field_name": name, "field_type": kind, **more}, cost=5
        )
        return str(row["field_code"])

    def shown(self, plural: str, record_id: str) -> dict[str, Any]:
        """A record as Pipedrive has it."""
        kind = {"organizations": "organization", "persons": "person", "deals": "deal"}[plural]
        return dict(self.sandbox.state.pipedrive.companies["acme"].tables[kind].rows[int(record_id)])

    # Planhat

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Records of one collection."""
        return list(self.sandbox.control("GET", f"/planhat/{PLANHAT}/state")[path])

    def company(self, org_id: str) -> dict[str, Any]:
        return next(row for row in self.rows("companies") if row.get("sourceId") == org_id)

    def edit(self, org_id: str, **values: Any) -> None:
        """Somebody edits a company in Planhat."""
        self.sandbox.control("PATCH", f"/planhat/{PLANHAT}/companies/srcid-{org_id}", values)

    def custom_key(self, name: str) -> str:
        """A custom field's key as a mapping row names it."""
        return "custom." + next(row["_id"] for row in self.rows("customfields") if row["name"] == name)

    def counts(self) -> dict[str, int]:
        """How many records each collection has."""
        names = ("companies", "endusers", "licenses", "sales", "conversations")
        return {name: len(self.rows(name)) for name in names}

    # Between them

    def save(self, **settings: Any) -> None:
        """Somebody changes settings and saves."""
        hub.save(self.integration, **settings)

    def run(self, kind: str = "fetch_all", **options: Any) -> dict[str, Any]:
        """Run every flow that takes part, and let the hub work; returns what each run counted."""
        before = set(SyncRun.objects.values_list("pk", flat=True))
        if options:
            for flow in hub.taking_part(self.integration, self.integration.recipe, kind):
                runs.start(self.integration, kind, flow, **options)
        else:
            tasks.start_runs(self.integration, kind)
        hub.drain()
        done = SyncRun.objects.exclude(pk__in=before)
        assert not done.exclude(state="done").exists(), list(done.values("flow", "state", "problem"))
        return {run.flow: run.counts for run in done}

    def log(self, **filters: Any) -> SyncLog:
        return SyncLog.objects.filter(**filters).latest("id")

    def link(self, link_type: str, source_id: str) -> RecordLink:
        return RecordLink.objects.get(integration=self.integration, link_type=link_type, source_id=source_id)

    def forget_calls(self) -> None:
        self.sandbox.control("DELETE", "/calls")

    def all_calls(self) -> list[str]:
        """Method and path of every call at both vendors since the last look."""
        rows = self.sandbox.control("GET", "/calls")
        self.forget_calls()
        return [f"{row['method']} {row['path']}" for row in rows]

    def grace(self) -> str:
        """The team member who owns what Pipedrive's admin owns."""
        return str(next(row["_id"] for row in self.rows("users") if row["nickName"] == "Grace"))
