"""What people do at Pipedrive and Planhat in the demo, and how the story looks for what came of it."""

from __future__ import annotations

import requests
from django.conf import settings

from integration.engine.setup import provisioning
from integration.engine.sync import runs
from integration.management.demo.stage import PLANHAT_TOKEN, Body, Filter, NotSeen, Row, Stage
from integration.models import Integration, RunState, SyncLog, SyncRun
from integration.tasks import start_runs
from tenants.models import Tenant

RECIPE, COMPANY = "planhat_pipedrive", "success"
FLOWS = ("deal_to_license", "person_to_enduser", "note_to_note")


class Sides:
    """One tenant with both systems connected. Its Pipedrive company is its own."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.tenant = Tenant.objects.create(name="ACME Customer Success")
        wish = {"domain": COMPANY, "name": "ACME Sales", "plan": "premium"}
        self.token = str(stage.control("POST", "/pipedrive/companies", wish)["api_token"])
        left = stage.connect(self.tenant, "pipedrive", f"pipedrive/{COMPANY}", api_token=self.token)
        right = stage.connect(self.tenant, "planhat", "planhat", api_token=PLANHAT_TOKEN)
        self.integration = Integration.objects.create(tenant=self.tenant, recipe=RECIPE, left=left, right=right)
        self.number = str(stage.control("GET", "/planhat/accounts")[0]["id"])

    # People at the vendors

    def made(self, plural: str, **values: Body) -> str:
        """Somebody creates a record in Pipedrive; returns its id."""
        return str(self.stage.control("POST", f"/pipedrive/{COMPANY}/{plural}", values)["data"]["id"])

    def change(self, plural: str, number: str, **values: Body) -> None:
        """Somebody edits a record in Pipedrive."""
        self.stage.control("PATCH", f"/pipedrive/{COMPANY}/{plural}/{number}", values)

    def organization(self, name: str) -> str:
        """An organization with a person and a note; returns its id."""
        org = self.made("organizations", name=name, address={"value": "Main Street 1"})
        local = name.lower().replace(" ", ".")
        self.made("persons", name=f"{name} Contact", org_id=int(org), emails=[{"value": f"{local}@example.com"}],
                  phones=[{"value": "+49 30 1234"}])  # fmt: skip
        self.made("notes", content=f"<b>Kick-off with {name}</b>", org_id=int(org))
        return org

    def won(self, org: str, title: str, **values: Body) -> str:
        """Somebody wins a deal; returns its id."""
        body = {"title": title, "org_id": int(org), "value": 1200, "currency": "EUR", "status": "won", **values}
        return self.made("deals", **body)

    def pipedrive(self, plural: str, number: str) -> Row:
        """A record as Pipedrive has it."""
        rows = self.there()[plural]
        return next(row for row in rows if str(row["id"]) == number)

    def there(self) -> Row:
        """Everything the Pipedrive company has."""
        found: Row = self.stage.control("GET", f"/pipedrive/{COMPANY}/state")
        return found

    def planhat(self, path: str) -> list[Row]:
        """Records of one collection in Planhat."""
        return list(self.stage.control("GET", f"/planhat/{self.number}/state")[path])

    def row(self, path: str, **values: Body) -> Row:
        """Wait for a record with these values."""

        def look() -> Row | None:
            rows = (row for row in self.planhat(path) if all(row.get(key) == value for key, value in values.items()))
            return next(rows, None)

        return self.stage.until(f"{path} with {values}", look)

    def save(self, **changes: Body) -> list[provisioning.StepResult]:
        """Save the settings; every step must be fine."""
        results = self.stage.save_settings(self.integration, **changes)
        if failed := [result for result in results if not result.ok]:
            raise NotSeen(f"steps failed: {failed}")
        return results

    def poll(self) -> None:
        """What the schedule does every fifteen minutes."""
        start_runs(self.integration, "poll")
        self.finished()

    def finished(self) -> None:
        """Wait for all runs."""
        unfinished = SyncRun.objects.filter(
            integration=self.integration, state__in=(RunState.WAITING, RunState.RUNNING)
        )
        self.stage.until("the runs", lambda: not unfinished.exists(), patience=60)

    def fetch_all(self, *, dry_run: bool = False) -> dict[str, dict[str, int]]:
        """Fetch All of every flow; returns what each counted."""
        started = [runs.start(self.integration, "fetch_all", flow, dry_run=dry_run).pk for flow in FLOWS]
        self.finished()
        return {run.flow: run.counts for run in SyncRun.objects.filter(pk__in=started)}

    def logged(self, **filters: Filter) -> SyncLog:
        """Wait for a row of this integration's log."""
        return self.stage.logged(integration=self.integration, **filters)

    def field(self, plural: str, name: str, kind: str) -> str:
        """Somebody makes a field in Pipedrive; returns its key."""
        body = {"field_name": name, "field_type": kind}
        return str(self.post(plural, body)["field_code"])

    def post(self, path: str, body: Body) -> Row:
        """An administrator sets something up in Pipedrive."""
        url = f"{settings.SANDBOX_URL}/pipedrive/{COMPANY}/api/v2/{path}"
        made: Row = requests.post(url, json=body, headers={"x-api-token": self.token}, timeout=10).json()["data"]
        return made
