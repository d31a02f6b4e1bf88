"""Faults of the database, the clock and the deploy that need no process of their own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.db import connection as database
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField, AlterField, DeleteModel, RemoveField, RenameField, RenameModel
from django.test import Client
from django.utils import timezone

from integration.connectors.hubspot import oauth
from integration.engine import runner
from integration.models import (
    ConsentEntry,
    Cursor,
    Integration,
    RecordLink,
    SyncJob,
    SyncLog,
    SyncRun,
    VendorCall,
    WebhookEvent,
)
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tests.support import hub
from tests.support.factories import EndpointFactory

FIRST = "0006"  # from here on a migration runs while the old code still writes


class Later(datetime):
    """An hour ahead, for those who ask the clock themselves."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(hours=1)


def knock(endpoint, number):
    call = Client(headers={"Authorization": "Basic bG9ja3N0ZXA6czNjcmV0LW9mLXRoaXMtZW5kcG9pbnQ="})
    body = {
        "data": {"id": 8}, "previous": None,
        "meta": {"action": "change", "entity": "person", "entity_id": "8", "company_id": "9001", "id": f"e-{number}",
                 "timestamp": "2026-11-21T10:00:00.000Z", "version": "2.0"},
    }  # fmt: skip
    return call.post(f"/hooks/pipedrive/{endpoint.token}/", body, content_type="application/json").status_code


def run_sql(*statements):
    with database.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def read_only():
    sqlite = database.vendor == "sqlite"
    run_sql("PRAGMA query_only = ON" if sqlite else "SET default_transaction_read_only = on")
    try:
        yield
    finally:
        run_sql("PRAGMA query_only = OFF" if sqlite else "SET default_transaction_read_only = off")


@contextmanager
def locked():
    """Another connection holds the inbox for as long as the block lasts."""
    holds, done = threading.Event(), threading.Event()

    def hold():
        with database.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE" if database.vendor == "sqlite" else "BEGIN")
            if database.vendor != "sqlite":
                cursor.execute("LOCK TABLE integration_webhookevent IN ACCESS EXCLUSIVE MODE")
            holds.set()
            done.wait(20)
            cursor.execute("ROLLBACK")
        database.close()

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait(10)
    run_sql("PRAGMA busy_timeout = 200" if database.vendor == "sqlite" else "SET lock_timeout = '200ms'")
    try:
        yield
    finally:
        done.set()
        thread.join()
        run_sql("PRAGMA busy_timeout = 20000" if database.vendor == "sqlite" else "SET lock_timeout = '8s'")


@pytest.mark.chaos("P7")
@pytest.mark.parametrize("fault", [read_only, locked])
@pytest.mark.django_db(transaction=True)
def test_nothing_is_acknowledged_that_the_database_did_not_take(fault, tally):
    endpoint = EndpointFactory(connection__external_account_id="9001")
    with fault():
        assert knock(endpoint, 1) == 503
        tally.injected += 1

    assert knock(endpoint, 1) == 200
    tally.events = 1
    tally.lost = 1 - WebhookEvent.objects.count()


@pytest.mark.chaos("P9")
@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_doubles_nothing_and_stops_nothing(world, monkeypatch, hours):
    first = world.person("Ada Byron")
    world.deliver()
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(hours=hours))

    second = world.person("Alan Turing")
    world.change(first, name="Ada Lovelace")
    world.deliver()
    monkeypatch.undo()
    world.change(second, name="Alan M. Turing")
    world.deliver()

    assert sorted(world.mails()) == ["ada.byron@example.com", "alan.turing@example.com"]
    names = {row["standard"]["FULLNAME"] for row in world.contacts().values()}
    assert names == {"Ada Lovelace", "Alan M. Turing"}


@pytest.mark.chaos("P9")
def test_no_token_is_renewed_again_and_again_when_the_clock_jumps(hubspot_world, monkeypatch):
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(hours=1))
    monkeypatch.setattr(oauth, "datetime", Later)
    hubspot_world.calls("hubspot")
    for number in range(3):
        hubspot_world.contact(f"Ada Nr{number}", maileon_subscribe="true")
        hubspot_world.deliver()

    renewals = [call for call in hubspot_world.calls("hubspot") if "/oauth/" in call and call.startswith("POST")]
    assert len(renewals) <= 1
    assert len(hubspot_world.mails()) == 3


@pytest.mark.chaos("P12")
def test_the_old_code_goes_on_writing_while_a_migration_runs():
    """What a migration adds to a table is optional or has a default in the database; nothing is taken away."""
    loader = MigrationLoader(None)
    for (app, name), migration in loader.disk_migrations.items():
        if app != "integration" or name < FIRST:
            continue
        created = {operation.name_lower for operation in migration.operations if hasattr(operation, "options")}
        for operation in migration.operations:
            assert not isinstance(operation, RemoveField | RenameField | RenameModel | DeleteModel), (name, operation)
            if isinstance(operation, AddField) and operation.model_name_lower not in created:
                field = operation.field
                assert field.null or field.has_db_default() or field.many_to_many, (name, operation.name)
            if isinstance(operation, AlterField):
                assert operation.field.choices, (name, operation.name, "only its choices may change")


@pytest.mark.chaos("P12")
@pytest.mark.django_db(transaction=True)
def test_an_event_written_without_the_new_column_is_taken():
    endpoint = EndpointFactory(connection__external_account_id="9001")
    assert knock(endpoint, 1) == 200
    columns = [field.column for field in WebhookEvent._meta.fields if field.column not in ("id", "deferred")]
    names = ", ".join(columns)
    values = ", ".join("'second'" if column == "dedupe_key" else column for column in columns)
    run_sql(f"INSERT INTO integration_webhookevent ({names}) SELECT {values} FROM integration_webhookevent")

    assert WebhookEvent.objects.get(dedupe_key="second").deferred is False


@pytest.mark.chaos("P12")
@pytest.mark.django_db(transaction=True)
def test_a_job_of_newer_code_waits_for_newer_code(sandbox, settings):
    integration = hub.install(sandbox.url)
    job = SyncJob.objects.create(integration=integration, flow="a_flow_of_tomorrow", external_id="1")

    assert runner.run(str(integration.pk), get_recipe) == "idle"

    job.refresh_from_db()
    assert (job.state, job.attempts) == ("waiting", 0)


@pytest.mark.chaos("H13")
def test_yesterdays_database_catches_up_and_asks_nobody_twice(world):
    """Restore: what was written since is unknown here, but the vendors know it."""
    before = world.person("Ada Byron")
    world.deliver()
    kept = _backup()
    late = world.person("Alan Turing")
    world.deliver()
    world.click("alan.turing@example.com")
    world.leave("ada.byron@example.com")
    world.deliver()
    asked = list(world.mails())

    _restore(kept)
    start_runs(world.integration, "poll")
    hub.drain()
    world.deliver()

    assert world.mails() == asked
    assert world.contacts()["alan.turing@example.com"]["permission"] == 5
    assert "ada.byron@example.com" not in world.contacts()
    assert world.shown(before)[0] == "no"
    assert Integration.objects.get().links.filter(source_id=late).exists()


def _backup():
    """What a database of yesterday lacks: links, jobs, log, events, consent and cursors of today."""
    models = (WebhookEvent, VendorCall, SyncRun, SyncJob, RecordLink, SyncLog, ConsentEntry, Cursor)
    return [(model, list(model.objects.values())) for model in models]


def _restore(kept):
    for model, _ in reversed(kept):
        model.objects.all().delete()
    for model, rows in kept:
        model.objects.bulk_create(model(**row) for row in rows)
