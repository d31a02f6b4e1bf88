"""The database of the tests: copied from a template that was migrated once, and emptied after a test that committed."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

Kept = dict[str, int]  # table → how many rows it has after the migrations


@contextmanager
def ready() -> Iterator[None]:
    """Give this process a migrated database of its own, and remove it at the end."""
    own, name = str(connection.settings_dict["NAME"]), connection.creation._get_test_db_name()
    with _alone():
        template = _template(own)
        _copy(template, name)
    use(name)
    try:
        yield
    finally:
        use(own)
        remove(name)


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
        checkout = hashlib.sha256(str(settings.BASE_DIR).encode()).hexdigest()[:6]  # a server may serve several
        making, ours = f"test_{own}_{checkout}_making", f"test_{own}_{checkout}_template_"
        name = ours + state
        with connection._nodb_cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [ours])
            known = [row[0] for row in cursor.fetchall()]
        if name not in known:
            for old in known:
                remove(old)
            _migrate(making)
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'ALTER DATABASE "{making}" RENAME TO "{name}"')
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
    files += [
        base / name for name in ("tenants/models.py", "config/settings.py", "tests/settings.py", "requirements.txt")
    ]
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
        use(own)


def _copy(template: str, name: str) -> None:
    if connection.vendor != "postgresql":
        shutil.copyfile(template, name)
        return
    remove(name)
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def use(name: str) -> None:
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()
    settings.DATABASES[connection.alias]["NAME"] = connection.settings_dict["NAME"] = name


def remove(name: str) -> None:
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


def contents(*, but: Container[str]) -> dict[str, list[str]]:
    """The rows of each table, but for these tables, in an order of their own."""
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for table in tables():
            if table not in but:
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
                found[table] = sorted(map(repr, cursor.fetchall()))
    return found


def empty(kept: Kept) -> None:
    """Delete all rows that tests made.

    Django's own flush empties all tables and makes content types and permissions anew, which takes longer than most
    tests do. Keys refer to each other when all is over only, so the order does not matter.
    """
    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql" and _is_superuser():
            cursor.execute("SET LOCAL session_replication_role = replica")  # asks no key about each row
        now = filled()
        with _triggers_away(cursor):
            for table in now.keys() - kept.keys():
                cursor.execute(f"DELETE FROM {quote(table)}")
    left = {table: now.get(table, 0) for table in kept}
    assert left == kept, "a test changed tables that the migrations fill"


@contextmanager
def _triggers_away(cursor: CursorWrapper) -> Iterator[None]:
    """Let rows be deleted that the database protects; on PostgreSQL the role that copies rows asks no trigger."""
    if connection.vendor == "postgresql":
        yield
        return
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    known = cursor.fetchall()
    for name, _ in known:
        cursor.execute(f"DROP TRIGGER {connection.ops.quote_name(name)}")
    yield
    for _, statement in known:
        cursor.execute(statement)


def _is_superuser() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('is_superuser')")
        return bool(cursor.fetchone()[0] == "on")
