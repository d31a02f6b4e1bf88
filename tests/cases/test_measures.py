"""Do work that grows with the change and not with the account: look-ups in notes, schedules over all integrations."""

from __future__ import annotations

import json
import uuid

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integration import tasks
from integration.engine.sync import router, runner, runs
from integration.models import RecordLink, SyncJob
from integration.recipes.registry import get_recipe
from tests.support.factories import ConnectionFactory, IntegrationFactory

LINKS = 20_000
ROWS = 2_000  # a change of one record touches no more links than this, however many there are
PLAN = "EXPLAIN (ANALYZE, FORMAT JSON) "
NOTES = {
    "person": "json_build_object('organization', (n %% 5000)::text, 'import', nullif(n %% 1000, 0))",
    "license": "json_build_object('organization', (n %% 5000)::text, 'pipeline', '1')",
    "company": "'{}'::json",
}

postgres = pytest.mark.skipif(database.vendor != "postgresql", reason="only PostgreSQL says how many rows it touched")


def grow(integration):
    """Links of an account that has been in step for long."""
    columns = "integration_id, link_type, source_id, target_id, email_hash, state, marker, written_hash, written, notes"
    with database.cursor() as cursor:
        for kind, value in NOTES.items():
            cursor.execute(
                f"insert into integration_recordlink ({columns}, created_at, updated_at)"
                f" select %s, %s, 'old' || n, 't' || n, md5(n::text), 'active', '', '', '{{}}', {value}, now(), now()"
                " from generate_series(1, %s) n",
                [str(integration.pk), kind, LINKS],
            )
        cursor.execute("analyze integration_recordlink")


def touched(statement):
    """How many rows of links a statement looked at."""
    with database.cursor() as cursor:
        cursor.execute(PLAN + statement)
        answer = cursor.fetchone()[0]
    plans = [(json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]]
    most = 0
    while plans:
        plan = plans.pop()
        plans += plan.get("Plans", [])
        if plan.get("Relation Name") == RecordLink._meta.db_table:
            looked = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
            most = max(most, looked * plan["Actual Loops"])
    return most


def worst(queries):
    """The look-up of links that touched most rows, and how many."""
    table = RecordLink._meta.db_table
    asked = {row["sql"] for row in queries if row["sql"].startswith("SELECT") and table in row["sql"]}
    assert asked, "no link was looked up at all"
    return max((touched(sql), sql) for sql in asked)


def work(world):
    """Route what came in, then one slice of the runner."""
    for delivery in world.held():
        assert world.post(delivery) == 200
    router.route_new_events(get_recipe)
    SyncJob.objects.update(next_attempt_at=timezone.now())  # a deal waits a moment for what belongs to it
    assert runner.run(str(world.integration.pk), get_recipe) in ("idle", "more", "waiting")


@postgres
def test_one_organization_changes(brevo_install):
    world = brevo_install(organizations_enabled=True)
    made = world.sandbox.control("POST", "/pipedrive/acme/organizations", {"name": "Engines"})["data"]["id"]
    world.deliver()
    grow(world.integration)
    world.sandbox.control("PATCH", f"/pipedrive/acme/organizations/{made}", {"name": "Better Engines"})
    with CaptureQueriesContext(database) as queries:
        work(world)
    most, statement = worst(queries)
    assert most <= ROWS, statement


@postgres
def test_one_deal_changes(planhat_install):
    world = planhat_install()
    deal = world.won(world.organization("Engines"))
    world.deliver()
    grow(world.integration)
    world.sandbox.control("PATCH", f"/pipedrive/acme/deals/{deal}", {"title": "Better engine"})
    with CaptureQueriesContext(database) as queries:
        work(world)
    most, statement = worst(queries)
    assert most <= ROWS, statement


@postgres
def test_one_import_is_settled(brevo_install):
    world = brevo_install()
    world.seed_people(25)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    grow(world.integration)
    with CaptureQueriesContext(database) as queries:
        work(world)
        world.deliver()
    most, statement = worst(queries)
    assert most <= ROWS, statement


@pytest.mark.django_db(transaction=True)
def test_a_schedule_over_all_integrations_asks_little_for_each():
    """240 seconds are all that a task has; then its worker is killed."""
    few, many = 5, 15
    counts = []
    for wanted in (few, many - few):
        for _ in range(wanted):
            left = ConnectionFactory(vendor="pipedrive", external_account_id=str(uuid.uuid4()))
            right = ConnectionFactory(vendor="brevo", tenant=left.tenant, external_account_id=str(uuid.uuid4()))
            IntegrationFactory(tenant=left.tenant, recipe="pipedrive_brevo", left=left, right=right)
        with CaptureQueriesContext(database) as queries:
            tasks.poll_all()
        counts.append(len(queries))
        runs.SyncRun.objects.all().delete()
    assert (counts[1] - counts[0]) / (many - few) <= 1
