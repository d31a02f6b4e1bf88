"""The database of the tests: copied from a template that was migrated once, and emptied after a test that committed."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction

Kept = dict[str, int]  # table → how many rows it has after the migrations


@contextmanager
def ready() -> Iterator[None]:
    """Give this process a migrated database of its own, and remove it at the end."""
    own, name = str(connection.settings_dict["NAME"]), connection.creation._get_test_db_name()
    with _alone():
        template = _template(own)
        _copy(template, name)
    _use(name)
    try:
        yield
    finally:
        _use(own)
        _remove(name)


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time makes the template or copies it."""
    with (Path(settings.BASE_DIR) / "var" / "test-template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _template(own: str) -> str:
    """Return the database that this state of the code was migrated into, made now if there is none."""
    state = _state_of_the_code()
    if connection.vendor == "postgresql":
        name = f"test_{own}_template_{state}"
        with connection._nodb_cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"test_{own}_template_%"])
            known = [row[0] for row in cursor.fetchall()]
        if name not in known:
            for old in known:
                _remove(old)
            _migrate(f"test_{own}_making_a_template")
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'ALTER DATABASE "test_{own}_making_a_template" RENAME TO "{name}"')
        return name
    folder = Path(settings.BASE_DIR) / "var"
    path = folder / f"test-template-{state}.sqlite3"
    if not path.exists():
        for file in folder.glob("test-template-*.sqlite3*"):
            file.unlink()
        making = folder / "test-making-a-template.sqlite3"
        _migrate(str(making))
        making.rename(path)
    return str(path)


def _state_of_the_code() -> str:
    """Return a name for what decides how a migrated database looks: our migrations and models, and Django."""
    base = Path(settings.BASE_DIR)
    files = sorted(path for app in ("integration", "tenants") for path in (base / app).glob("m*/**/*.py"))
    files += sorted((base / "tenants").glob("models.py")) + [base / "requirements.txt"]
    digest = hashlib.sha256(django.__version__.encode())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _migrate(name: str) -> None:
    chosen = connection.settings_dict["TEST"]["NAME"]
    own = str(connection.settings_dict["NAME"])
    connection.settings_dict["TEST"]["NAME"] = name
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.settings_dict["TEST"]["NAME"] = chosen
        _use(own)


def _copy(template: str, name: str) -> None:
    if connection.vendor != "postgresql":
        shutil.copyfile(template, name)
        return
    _remove(name)
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def _use(name: str) -> None:
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()
    settings.DATABASES[connection.alias]["NAME"] = connection.settings_dict["NAME"] = name


def _remove(name: str) -> None:
    if connection.vendor != "postgresql":
        for end in ("", "-wal", "-shm"):
            Path(name + end).unlink(missing_ok=True)
        return
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def tables() -> list[str]:
    """All tables of our models, those between two models included."""
    return sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)})


def filled() -> Kept:
    """How many rows each table has that has any."""
    quote = connection.ops.quote_name
    parts = (f"SELECT '{table}', COUNT(*) FROM {quote(table)}" for table in tables())
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return {table: count for table, count in cursor.fetchall() if count}


def empty(kept: Kept) -> None:
    """Delete all rows that tests made.

    Django's own flush empties all tables and makes content types and permissions anew, which takes longer than most
    tests do. Keys refer to each other when all is over only, so the order does not matter.
    """
    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql" and _is_superuser():
            cursor.execute("SET LOCAL session_replication_role = replica")  # asks no key about each row
        for table, count in filled().items():
            if table not in kept:
                cursor.execute(f"DELETE FROM {quote(table)}")
            elif count != kept[table]:
                raise AssertionError(
                    f"A test left {count} rows in {table}, which the migrations fill with {kept[table]}."
                )


def _is_superuser() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('is_superuser')")
        return bool(cursor.fetchone()[0] == "on")
