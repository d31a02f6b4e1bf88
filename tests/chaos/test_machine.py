"""Faults of the database, the clock and the deploy that need no process of their own."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField, AlterField, DeleteModel, RemoveField, RenameField, RenameModel
from django.test import Client
from django.utils import timezone

from integration.connectors.hubspot import oauth
from integration.engine.sync import polls, runner
from integration.models import Integration, RecordLink, SyncJob, SyncRun, WebhookEvent
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tests.support import hub
from tests.support.factories import EndpointFactory, IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, recipes_with
from tests.support.leadboxer_world import LEADS
from tests.support.required import missing

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


@contextmanager
def full():
    """The disk has no room for another page: a file that may not grow, or a tablespace on a disk of its own."""
    with full_file() if database.vendor == "sqlite" else full_disk():
        yield


@contextmanager
def full_file():
    """SQLite's file may not grow, and what is left in its pages is taken."""
    with database.cursor() as cursor:
        cursor.execute("VACUUM")  # tests before this one may have left free pages
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        cursor.fetchall()
    try:
        with pytest.raises(OperationalError, match="full"):
            run_sql("CREATE TABLE filler (text)", *["INSERT INTO filler VALUES (zeroblob(300))"] * 100_000)
        yield
    finally:
        run_sql("PRAGMA max_page_count = 1073741823", "DROP TABLE IF EXISTS filler")


@contextmanager
def full_disk():
    """PostgreSQL keeps the inbox on a disk of four megabytes, and something else has taken all of it."""
    name = f"tiny_{os.getpid()}"
    with ExitStack() as undo:
        place = tempfile.mkdtemp(prefix="lockstep-disk-")
        undo.callback(os.rmdir, place)
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700,uid=postgres", "tmpfs", place], check=True)
        except (OSError, subprocess.CalledProcessError) as exc:
            missing("REQUIRE_NETNS", f"a disk of its own needs root, and the database on this machine: {exc}")
        undo.callback(subprocess.run, ["umount", place], check=True)
        run_sql(f"CREATE TABLESPACE {name} LOCATION '{place}'")
        undo.callback(run_sql, f"DROP TABLESPACE {name}")
        run_sql("VACUUM FULL integration_webhookevent")  # tests before this one may have left room in its pages
        run_sql(f"ALTER TABLE integration_webhookevent SET TABLESPACE {name}")
        undo.callback(run_sql, "ALTER TABLE integration_webhookevent SET TABLESPACE pg_default")
        undo.callback(run_sql, "DROP TABLE filler")
        run_sql(f"CREATE TABLE filler (text text) TABLESPACE {name}")
        with pytest.raises(OperationalError, match="No space left on device"):
            run_sql(*["INSERT INTO filler VALUES (repeat('x', 1000))"] * 10_000)
        yield


@pytest.mark.chaos("P7")
@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_told_to_the_vendor_and_what_comes_later_is_taken(tally):
    endpoint, knocks = EndpointFactory(connection__external_account_id="9001"), 60
    assert knock(endpoint, "before") == 200
    with full():
        for number in range(knocks):  # the last page may have room for some
            if knock(endpoint, number) == 503:
                tally.injected += 1
        acknowledged = 1 + knocks - tally.injected
        assert WebhookEvent.objects.count() == acknowledged, "a 200 is a row, and a 503 is none"

    assert knock(endpoint, "after") == 200
    tally.events = acknowledged + 1
    tally.lost = tally.events - WebhookEvent.objects.count()


@pytest.mark.chaos("P7")
@pytest.mark.skipif(database.vendor == "sqlite", reason="SQLite has one writer")
@pytest.mark.django_db(transaction=True)
def test_a_runner_that_loses_a_deadlock_does_its_work_again(tally):
    """Another session holds the job and wants the integration; the runner has the integration and wants the job."""
    integration = IntegrationFactory()
    flow = FakeFlow(source={"1": {"name": "Ada"}})
    job = JobFactory(integration=integration, flow=flow.key, external_id="1")
    holds, wants = threading.Event(), threading.Event()

    def rival():
        with database.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '20s'")  # so the runner is the one who notices, and loses
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM integration_syncjob WHERE id = %s FOR UPDATE", [job.pk])
            holds.set()
            wants.wait(10)
            time.sleep(0.3)  # until the runner waits for the job
            cursor.execute(
                "UPDATE integration_integration SET lease_until = lease_until WHERE id = %s", [integration.pk]
            )
            cursor.execute("COMMIT")
        database.close()

    thread = threading.Thread(target=rival)

    def write(ctx, writes):
        if not holds.is_set():
            thread.start()
            assert holds.wait(10)
            wants.set()

    flow.before_write = write
    with pytest.raises(OperationalError, match="deadlock detected"):
        runner.run(str(integration.pk), recipes_with(flow))
    tally.injected += 1
    thread.join()

    assert runner.run(str(integration.pk), recipes_with(flow)) == "idle"
    job.refresh_from_db()
    assert (job.state, flow.target["1"]["name"]) == ("done", "Ada")
    assert RecordLink.objects.filter(integration=integration, source_id="1").count() == 1
    tally.events = 1


@pytest.mark.chaos("P9")
@pytest.mark.parametrize(
    ("night", "hours"),
    [(datetime(2026, 10, 25, tzinfo=UTC), 4), (datetime(2026, 3, 29, tzinfo=UTC), 4)],
    ids=["the hour that comes twice", "the hour that is left out"],
)
@pytest.mark.django_db(transaction=True)
def test_in_the_night_the_clocks_change_each_hour_has_one_poll(monkeypatch, tally, night, hours):
    """The machine lives in Amsterdam: at 1:00 UTC its clock jumps. A look every minute, as the schedule has it."""
    monkeypatch.setenv("TZ", "Europe/Amsterdam")
    time.tzset()
    try:
        offsets = {(night + timedelta(hours=hour)).astimezone().utcoffset() for hour in range(hours)}
        tally.injected += len(offsets) - 1
        assert tally.injected == 1, "the clock of this machine does change in this night"
        integration = IntegrationFactory(recipe="leadboxer_pipedrive", activated_at=night - timedelta(days=2))
        integration.settings = {**LEADS, "interval": 60}
        integration.save(update_fields=["settings"])
        recipe = get_recipe("leadboxer_pipedrive")
        for minute in range(hours * 60):
            moment = night + timedelta(minutes=minute, seconds=3)
            monkeypatch.setattr(timezone, "now", lambda moment=moment: moment)
            polls.start_due([integration], lambda key: recipe)
            SyncRun.objects.filter(state="waiting").update(state="done")
    finally:
        monkeypatch.undo()
        time.tzset()
    begun = sorted(SyncRun.objects.filter(flow="lead_to_lead").values_list("created_at", flat=True))
    assert [moment.replace(second=0, microsecond=0) for moment in begun] == [
        night + timedelta(hours=hour) for hour in range(hours)
    ]
    tally.events = hours


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
def test_yesterdays_database_catches_up_and_asks_nobody_twice(world, tmp_path, tally):
    """A real dump and a real restore. What was written since is unknown here, but the vendors know it."""
    before = world.person("Ada Byron")
    world.deliver()
    kept = tmp_path / "yesterday"
    back_up(kept)
    late = world.person("Alan Turing")
    world.deliver()
    world.click("alan.turing@example.com")
    world.leave("ada.byron@example.com")
    world.deliver()
    asked = list(world.mails())

    links = RecordLink.objects.count()
    restore(kept)
    tally.injected = links - RecordLink.objects.count()
    assert tally.injected == 1, "the link of today is gone"
    start_runs(world.integration, "poll")
    hub.drain()
    world.deliver()

    assert world.mails() == asked
    assert world.contacts()["alan.turing@example.com"]["permission"] == 5
    assert "ada.byron@example.com" not in world.contacts()
    assert world.shown(before)[0] == "no"
    assert Integration.objects.get().links.filter(source_id=late).exists()


def back_up(file):
    """What the operator's guide says: pg_dump, or SQLite's own copy of a database in use."""
    if database.vendor == "sqlite":
        with closing(sqlite3.connect(database.settings_dict["NAME"])) as own, closing(sqlite3.connect(file)) as copy:
            own.backup(copy)
    else:
        postgres("pg_dump", "--clean", "--if-exists", "--file", str(file))


def restore(file):
    """Put it back in place of what is there; the hub's connections are closed."""
    database.close()
    if database.vendor == "sqlite":
        name = database.settings_dict["NAME"]
        for end in ("-wal", "-shm"):
            if os.path.exists(name + end):
                os.unlink(name + end)
        shutil.copyfile(file, name)
    else:
        postgres("psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", str(file))


def postgres(program, *arguments):
    """Run a program of PostgreSQL on the test database."""
    row = database.settings_dict
    where = ["-h", row["HOST"] or "127.0.0.1", "-p", str(row["PORT"] or 5432), "-U", row["USER"], "-d", row["NAME"]]
    password = {"PGPASSWORD": row["PASSWORD"]} if row["PASSWORD"] else {}
    answer = subprocess.run(
        [program, *where, "-w", *arguments], capture_output=True, text=True, timeout=120, env={**os.environ, **password}
    )
    assert answer.returncode == 0, answer.stderr
