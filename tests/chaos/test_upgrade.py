"""An upgrade of a database that is filled: the rows of the older code are there, readable, and worked off."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection as database
from django.db.migrations.executor import MigrationExecutor

from integration.engine.sync import router, runner
from integration.models import Connection, Integration, RecordLink, SyncJob, SyncLog, SyncRun, WebhookEvent
from tests.support.fake_recipe import FakeFlow, recipes_with

COUNT = 60


def fill(apps):
    """Rows as the older code wrote them."""

    def model(name, app="integration"):
        return apps.get_model(app, name).objects

    tenant = model("Tenant", "tenants").create(name="ACME")
    left, right = (
        model("Connection").create(
            tenant=tenant, vendor=vendor, base_url=f"https://{vendor}.example", auth_kind="api_key", health="ok",
            credentials={"api_key": f"key of {vendor}"}, external_account_id=f"account of {vendor}",
        )
        for vendor in ("pipedrive", "maileon")
    )  # fmt: skip
    integration = model("Integration").create(
        tenant=tenant, recipe="pipedrive_maileon", left=left, right=right, state="active", settings={"permission": "1"}
    )
    model("SyncRun").create(integration=integration, kind="fetch_all", flow="person_to_contact")
    for n in range(COUNT):
        key = {"integration": integration, "flow": "person_to_contact"}
        model("RecordLink").create(integration=integration, link_type="person", source_id=str(n), target_id=f"t{n}")
        model("SyncJob").create(**key, external_id=str(n))
        model("SyncLog").create(**key, source_id=str(n), outcome="synced")
        model("WebhookEvent").create(
            connection=left, vendor_event="person.change", object_type="person", external_id=str(1000 + n),
            dedupe_key=f"e{n}",
        )  # fmt: skip


@pytest.mark.chaos("P12")
@pytest.mark.parametrize("version", ["0001_initial", "0004_alerts_and_webhook_habit", "0005_connection_by_account"])
def test_the_rows_of_older_code_are_there_after_the_upgrade_and_are_worked_off(empty_database, tally, version):
    executor, older = MigrationExecutor(database), [("integration", version)]
    executor.migrate(older)
    fill(executor.loader.project_state(older).apps)

    call_command("migrate", verbosity=0)

    tally.injected, tally.events = 4 * COUNT + 1, 2 * COUNT
    assert [model.objects.count() for model in (RecordLink, SyncJob, SyncLog, WebhookEvent)] == [COUNT] * 4
    assert Connection.objects.get(vendor="maileon").credentials == {"api_key": "key of maileon"}
    flow = FakeFlow(source={str(n): {"name": f"Person {n}"} for n in [*range(COUNT), *range(1000, 1000 + COUNT)]})
    recipes = recipes_with(flow)
    assert router.route_new_events(recipes) == COUNT
    integration = Integration.objects.get()
    assert runner.run(str(integration.pk), recipes) == "idle"

    tally.lost = 2 * COUNT - SyncJob.objects.filter(state="done").count()
    tally.doubled = RecordLink.objects.count() - 2 * COUNT
    assert SyncRun.objects.get().state == "done"
    assert len(flow.target) == 2 * COUNT
