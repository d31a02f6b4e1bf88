"""An installation with data is upgraded: five recipes with links, consent, open and held jobs, and people with roles.

`filled_2026_11_30.json.gz` holds the tables as the code of that day wrote them, with the names of its migrations.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection as database
from django.db import models, transaction
from django.db.migrations.executor import MigrationExecutor

from integration.models import Connection, ConsentEntry, Integration, RecordLink, SyncJob
from integration.recipes.registry import RECIPES

DUMP = Path(__file__).parent / "filled_2026_11_30.json.gz"
OURS = ("integration", "tenants")
DEMO_KEY = "ZGV2ZWxvcG1lbnQtb25seS1sb2Nrc3RlcC1rZXktMDE="


@pytest.fixture
def dump() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(DUMP.read_bytes()))
    return found


@pytest.fixture
def filled(empty_database: None, dump: dict[str, Any], settings: Any) -> dict[str, int]:
    """The installation of that day; returns how many rows each of its tables has."""
    settings.LOCKSTEP_SECRET_KEYS = [DEMO_KEY]
    older = list(dump["migrations"].items())
    executor = MigrationExecutor(database)
    executor.migrate(older)
    known = executor.loader.project_state(older).apps.get_models(include_auto_created=True)
    types = {model._meta.db_table: {field.column: field for field in model._meta.concrete_fields} for model in known}
    with transaction.atomic(), database.cursor() as cursor:
        for table, content in dump["tables"].items():
            columns, fields = content["columns"], types[table]
            places = ", ".join("%s::jsonb" if _is_json(fields[name]) else "%s" for name in columns)
            names = ", ".join(database.ops.quote_name(name) for name in columns)
            rows = [[_value(fields[name], value) for name, value in zip(columns, row, strict=True)]
                    for row in content["rows"]]  # fmt: skip
            cursor.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({places})', rows)  # noqa: S608 (our own dump)
        for statement in database.ops.sequence_reset_sql(no_style(), known):  # rows came with their ids
            cursor.execute(statement)
    return {table: len(content["rows"]) for table, content in dump["tables"].items()}


def _is_json(field: models.Field[Any, Any]) -> bool:
    return database.vendor == "postgresql" and field.db_type(database) == "jsonb"


def _value(field: models.Field[Any, Any], value: Any) -> Any:
    if value is None or isinstance(field, models.JSONField):
        return value
    if isinstance(field, models.BooleanField):
        return bool(value)
    if isinstance(field, models.DateTimeField) and database.vendor == "postgresql":
        return value if "+" in value else f"{value}+00:00"
    return value


def reads(model: type[models.Model]) -> int:
    """Every row with every column."""
    return len(list(model._default_manager.all()))


def test_no_row_is_lost_and_each_can_be_read(filled: dict[str, int]) -> None:
    call_command("migrate", verbosity=0)

    tables = {model._meta.db_table: model for model in apps.get_models() if model._meta.app_label in OURS}
    found = {table: reads(model) for table, model in tables.items() if table in filled}
    assert found == {table: count for table, count in filled.items() if table.startswith(OURS)}
    assert set(Integration.objects.values_list("recipe", flat=True)) == set(RECIPES)
    assert {row.connector.label for row in Connection.objects.all()} > {"Pipedrive", "Maileon", "HubSpot"}
    assert all(row.plain_credentials.values for row in Connection.objects.exclude(health="disconnected"))


def test_what_links_and_jobs_remember_is_still_understood(filled: dict[str, int], dump: dict[str, Any]) -> None:
    call_command("migrate", verbosity=0)

    jobs = dump["tables"]["integration_syncjob"]
    before = sorted(row[jobs["columns"].index("state")] for row in jobs["rows"])
    assert sorted(SyncJob.objects.values_list("state", flat=True)) == before
    assert {"held", "dead", "waiting", "running"} < set(before)
    assert RecordLink.objects.exclude(email_hash="").count() > 500
    assert ConsentEntry.objects.count() == filled["integration_consententry"]


def test_who_gave_a_consent_is_known_and_whether_they_administer_the_account_is_not(filled: dict[str, int]) -> None:
    call_command("migrate", verbosity=0)

    consents = Connection.objects.filter(auth_kind="oauth").values_list("vendor", "consent_user_id", "administered")
    assert list(consents) == [("hubspot", "49150885", None)]
    assert set(Connection.objects.exclude(auth_kind="oauth").values_list("consent_user_id", flat=True)) == {""}


def test_roles_may_what_they_might_before(filled: dict[str, int]) -> None:
    call_command("setup", verbosity=0)

    support = User.objects.get(username="support@example.com")
    assert [group.name for group in support.groups.all()] == ["Support"]
    looks = ("integration.view_synclog", "integration.view_recordlink", "tenants.view_tenant")
    assert all(support.has_perm(name) for name in looks)
    assert not support.has_perm("integration.see_personal_data")
    assert not support.has_perm("integration.change_connection")
    assert set(Group.objects.values_list("name", flat=True)) == {"Support", "Operator", "Administrator"}


def test_nothing_is_left_to_migrate(filled: dict[str, int]) -> None:
    call_command("migrate", verbosity=0)

    executor = MigrationExecutor(database)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
