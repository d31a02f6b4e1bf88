"""LeadBoxer and Pipedrive as a test sees them: visitors act at the one, the test looks at the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from integration import tasks
from integration.engine.sync import runs
from integration.models import Connection, Integration, RateBudget, SyncJob, SyncLog, SyncRun
from sandbox.leadboxer.seed import SITE
from sandbox.thread import SandboxThread
from tests.support import hub

ACCOUNT = 401
# Both parts on the whole dataset: the segment “Target Audience” has no criteria.
LEADS = {"leads_enabled": True, "leads_dataset": SITE, "leads_segment": f"{SITE}:900", "cap": 0}
ACTIVITIES = {"activities_enabled": True, "activities_dataset": SITE, "activities_segment": f"{SITE}:900", "cap": 0}


@dataclass
class LeadBoxerWorld:
    """The two vendors of one integration."""

    sandbox: SandboxThread
    integration: Integration

    @classmethod
    def install(cls, sandbox: SandboxThread, **settings: Any) -> LeadBoxerWorld:
        world = cls(sandbox, hub.install_leadboxer(sandbox.url, **settings))
        world.integration.activated_at = timezone.now() - timedelta(hours=1)  # a visit takes its time to be over
        world.integration.save(update_fields=["activated_at"])
        world.no_limits()
        sandbox.control("DELETE", "/calls")
        return world

    def no_limits(self) -> None:
        """Let nothing wait for budgets; that they are kept is tested in test_calls and test_limits."""
        self.sandbox.control("PATCH", "/pipedrive/acme", {"plan": "unlimited"})
        self.sandbox.control("PATCH", f"/leadboxer/{ACCOUNT}", {"calls_per_minute": 0})
        much = {"limit": 1e6, "remaining": 1e6, "resets_at": timezone.now() + timedelta(days=1)}
        for connection in (self.integration.left, self.integration.right):
            for window in connection.connector.windows:
                RateBudget.objects.update_or_create(connection=connection, window=window.key, defaults=much)

    def set(self, **settings: Any) -> None:
        """Change settings without a save of the form."""
        self.integration.settings = {**self.integration.settings, **settings}
        self.integration.save(update_fields=["settings"])

    # LeadBoxer

    def track(self, dataset: str = SITE, **wish: Any) -> dict[str, str]:
        """A visitor does something; returns the ids of lead, session and event."""
        found: dict[str, str] = self.sandbox.control("POST", f"/leadboxer/{ACCOUNT}/{dataset}/track", wish)
        return found

    def visit(self, *pages: str, minutes_ago: float = 12, **wish: Any) -> dict[str, str]:
        """One visit that is over, a page view each."""
        made: dict[str, str] = {}
        for number, page in enumerate(pages or ("/",)):
            known = {"lead": made["lead"]} if made else {}
            seen = {"url": f"https://acme.example{page}", "minutes_ago": minutes_ago + len(pages) - number}
            made = self.track(**{**wish, **known, **seen})
        return made

    def ada(self, **wish: Any) -> dict[str, str]:
        """Ada of X GmbH looks at a page."""
        known = {"email": "ada@x.example", "firstName": "Ada", "lastName": "Byron"}
        return self.company(**{**known, **wish})

    def company(self, **wish: Any) -> dict[str, str]:
        """Somebody of X GmbH looks at a page."""
        return self.visit(**{"organizationName": "X GmbH", "organizationDomain": "x.example", "score": 50, **wish})

    def edit(self, lead: str, **values: Any) -> None:
        """Somebody edits a lead in LeadBoxer."""
        self.sandbox.control("PATCH", f"/leadboxer/{ACCOUNT}/{SITE}/leads/{lead}", values)

    # Pipedrive

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """The living records of one kind."""
        return list(self.sandbox.state.pipedrive.companies["acme"].tables[kind].living())

    def leads(self) -> list[dict[str, Any]]:
        return self.rows("lead")

    def activities(self) -> list[dict[str, Any]]:
        return self.rows("activity")

    def named(self, kind: str, name: str) -> list[dict[str, Any]]:
        """The living records of this name."""
        return [row for row in self.rows(kind) if row["name"] == name]

    def create(self, plural: str, **values: Any) -> int:
        """Somebody creates a record in Pipedrive; returns its id."""
        return int(self.sandbox.control("POST", f"/pipedrive/acme/{plural}", values)["data"]["id"])

    def pipeline(self, name: str = "Test") -> str:
        """A further pipeline with one stage."""
        number = self.create("pipelines", name=name)
        self.create("stages", name="New", pipeline_id=number)
        return str(number)

    def person(self, email: str = "ada@x.example", name: str = "Ada L.", **values: Any) -> int:
        return self.create("persons", name=name, emails=[{"value": email, "primary": True}], **values)

    # Between them

    def poll(self, kind: str = "poll") -> None:
        """Run every flow that takes part, and let the hub work."""
        tasks.start_runs(self.integration, kind)
        hub.drain()
        self.at_rest()

    def at_rest(self) -> None:
        """No run is unfinished or failed."""
        assert not SyncRun.objects.exclude(state="done").exists(), list(SyncRun.objects.values("flow", "problem"))

    def wait(self) -> None:
        """Time passes: pauses after failures are over, what waits is due."""
        now = timezone.now()
        SyncRun.objects.filter(state__in=("waiting", "running")).update(next_attempt_at=now)
        SyncJob.objects.filter(state="waiting").update(next_attempt_at=now)
        Connection.objects.update(not_before=None)
        hub.drain()

    def fetch_all(self, flow: str, *, due_now: bool = True, **how: Any) -> SyncRun:
        run = runs.start(self.integration, "fetch_all", flow, **how)
        hub.drain(due_now=due_now)
        run.refresh_from_db()
        assert run.state == "done", run.problem
        return run

    def fail(self, vendor: str, status: int, path: str, **how: Any) -> None:
        """Let the next call of this path fail; with `after` it is carried out and the answer lost."""
        wish = {"status": status, "path_contains": path, **how}
        self.sandbox.control("POST", "/misbehave", {"vendor": vendor, "fail_next": [wish]})

    def calls(self, vendor: str) -> list[str]:
        """Method and path of every API call a vendor has seen since the last look."""
        rows = self.sandbox.control("GET", f"/calls?vendor={vendor}")
        self.sandbox.control("DELETE", "/calls")
        return [f"{row['method']} {row['path'].partition('/leadboxer/v1')[2] or row['path'][15:]}" for row in rows]

    def said(self, **filters: Any) -> list[tuple[str, str]]:
        """Action and reason of the log's rows, in order."""
        rows = SyncLog.objects.filter(integration=self.integration, **filters).order_by("pk")
        return list(rows.values_list("action", "reason"))

    def no_trouble(self) -> None:
        """Nothing failed, nothing is held."""
        stuck = SyncJob.objects.filter(state__in=("dead", "held")).exclude(reason="flow_off")
        assert not stuck.exists(), list(stuck.values("flow", "reason", "detail"))
