"""What each statement of the hub costs its database, and an account that has grown to a size."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models, transaction

from integration.models import ConsentEntry, IdentityIndex, Integration, RecordLink, SyncLog, WebhookEvent

STEP = 100  # instructions of SQLite between two looks
EXPLAINED = ("SELECT", "UPDATE", "DELETE", "WITH")
OF_A_RECORD = ("source_id", "target_id", "external_id", "dedupe_key", "marker")

Costs = dict[str, int]  # statement → the most it cost


@contextmanager
def measured() -> Iterator[Costs]:
    """Note what each statement of this thread costs: rows touched on PostgreSQL, instructions on SQLite."""
    costs: Costs = {}
    measure = _rows_touched if connection.vendor == "postgresql" else _instructions
    with measure(costs):
        yield costs


@contextmanager
def _rows_touched(costs: Costs) -> Iterator[None]:
    explaining = False

    def explained(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        nonlocal explaining
        if not explaining and not many and sql.startswith(EXPLAINED):
            explaining = True
            try:
                kind = _kind(sql)
                costs[kind] = max(costs.get(kind, 0), _explain(sql, params))
            finally:
                explaining = False
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        yield


def _kind(sql: str) -> str:
    """Return the statement for any number of values in a list."""
    return re.sub(r"%s(, %s)+", "%s, …", sql)


def _explain(sql: str, params: Any) -> int:
    """Carry the statement out, take it back, and return how many rows its plan looked at."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
        found = cursor.fetchone()[0]
        transaction.set_rollback(True)
    return _looked_at((json.loads(found) if isinstance(found, str) else found)[0]["Plan"])


def _looked_at(node: dict[str, Any]) -> int:
    removed = sum(count for name, count in node.items() if name.startswith("Rows Removed by"))
    here = (node["Actual Rows"] + removed) * node["Actual Loops"]
    return int(here) + sum(_looked_at(child) for child in node.get("Plans", ()))


@contextmanager
def _instructions(costs: Costs) -> Iterator[None]:
    connection.ensure_connection()
    spent: Costs = {}
    current = ""

    def look() -> None:
        spent[current] = spent.get(current, 0) + STEP

    def settle() -> None:
        for sql, cost in spent.items():
            costs[sql] = max(costs.get(sql, 0), cost)
        spent.clear()

    def run(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        nonlocal current
        settle()  # rows are fetched after the statement has begun: it goes on until the next one begins
        current = _kind(sql)
        spent[current] = 0
        return execute(sql, params, many, context)

    connection.connection.set_progress_handler(look, STEP)
    try:
        with connection.execute_wrapper(run):
            yield
    finally:
        connection.connection.set_progress_handler(None, STEP)
        settle()


def grow(integration: Integration, numbers: range) -> None:
    """Add rows like those the integration has: a link and an address per number, and log, consent, events of a few."""
    connections = (integration.left, integration.right)
    few = numbers[::5]
    own: list[tuple[type[models.Model], dict[str, Any], tuple[str, ...], range]] = [
        (RecordLink, {"integration": integration}, ("link_type",), numbers),
        (IdentityIndex, {"connection__in": connections}, ("connection", "object_type"), numbers),
        (SyncLog, {"integration": integration}, ("flow",), few),
        (ConsentEntry, {"integration": integration}, ("became",), few),
        (WebhookEvent, {"connection__in": connections}, ("connection", "object_type"), few),
    ]
    for model, filters, kind, chosen in own:
        rows = model._default_manager.filter(**filters).order_by("pk")
        first_of_kind = {tuple(getattr(row, name) for name in kind): row for row in reversed(rows)}
        for row in first_of_kind.values():
            _copy(row, chosen)


def _copy(row: models.Model, numbers: range) -> None:
    """Insert a row like this one for each number, of other records; the database makes them itself."""
    quote = connection.ops.quote_name
    other = {name: f"'r{row.pk}-' || numbers.n" for name in OF_A_RECORD if getattr(row, name, "")}
    if getattr(row, "email_hash", ""):
        other["email_hash"] = f"substr('{row.pk}x' || numbers.n || '{'0' * 32}', 1, 32)"
    columns = [field.column for field in row._meta.concrete_fields if not field.primary_key]
    taken = ", ".join(other.get(column, f"sample.{quote(column)}") for column in columns)
    source = "generate_series(%s::int, %s::int, %s::int) AS numbers (n)"
    if connection.vendor == "sqlite":
        source = (
            "(WITH RECURSIVE rising (n, last, step) AS (VALUES (%s, %s, %s) UNION ALL"
            " SELECT n + step, last, step FROM rising WHERE n + step <= last) SELECT n FROM rising) AS numbers"
        )
    table = quote(row._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(map(quote, columns))})"
            f" SELECT {taken} FROM {table} AS sample, {source} WHERE sample.id = %s",
            [numbers[0], numbers[-1], numbers.step, row.pk],
        )


def forget_statistics() -> None:
    """Leave the database what a new account leaves it: no statistics at all, or those of an empty table."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DELETE FROM pg_statistic WHERE starelid::regclass::text LIKE 'integration_%'")
            cursor.execute("UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relname LIKE 'integration_%'")
        else:
            cursor.execute("ANALYZE sqlite_schema")  # makes the table of statistics
            cursor.execute("DELETE FROM sqlite_stat1")
            cursor.execute("ANALYZE sqlite_schema")  # reads it again


def gather_statistics() -> None:
    """Let the database look at what it has."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
