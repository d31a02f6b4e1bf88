"""Insert many rows of one model at once.

`bulk_create` compiles every value of every row into its statement, which takes longer than the database does with them
(benchmarks/RESULTS.md, fetch). Here the statement depends on the columns only: SQLite takes it once per row,
PostgreSQL takes one array per column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection, models, transaction

# Values of these kinds go to the database as they are.
AS_THEY_ARE = (models.CharField, models.TextField, models.BooleanField, models.IntegerField)


@dataclass(frozen=True)
class _Plan:
    """What is the same for all rows: the statement, and how each column's values are read and prepared."""

    statement: str
    fields: tuple[models.Field[Any, Any], ...]


def insert(rows: Sequence[models.Model], *, unique: Sequence[str] = (), update: Sequence[str] = ()) -> None:
    """Insert rows of one model, all in one transaction. They are not told their primary keys.

    With `unique`, the fields of a unique constraint, a row that is there already gets the new values of the fields in
    `update`; no two of the rows may be the same by that constraint.
    """
    if not rows:
        return
    plan = _plan(type(rows[0]), tuple(unique), tuple(update), connection.vendor)
    columns = [_column(field, rows) for field in plan.fields]
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(plan.statement, columns)
        else:
            cursor.executemany(plan.statement, list(zip(*columns, strict=True)))


def _column(field: models.Field[Any, Any], rows: Sequence[models.Model]) -> list[Any]:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return [_prepared(field)(field.pre_save(rows[0], True))] * len(rows)
    name = field.attname
    values = [getattr(row, name) for row in rows]
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    return values if isinstance(target, AS_THEY_ARE) else list(map(_prepared(field), values))


def _prepared(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """How a value is turned into what the database stores. Equal values, as times and owners are, are turned once."""
    if isinstance(field, models.JSONField):
        return lambda value: None if value is None else json.dumps(value, cls=field.encoder)
    known: dict[Any, Any] = {}

    def prepare(value: Any) -> Any:
        if value not in known:
            known[value] = field.get_db_prep_save(value, connection)
        return known[value]

    return prepare


@lru_cache(maxsize=64)
def _plan(model: type[models.Model], unique: tuple[str, ...], update: tuple[str, ...], vendor: str) -> _Plan:
    meta = model._meta
    fields = tuple(field for field in meta.concrete_fields if not field.primary_key)
    arrays = ", ".join(f"%s::{_type(field)}[]" for field in fields)
    places = ", ".join(["%s"] * len(fields))
    source = f"SELECT * FROM unnest({arrays})" if vendor == "postgresql" else f"VALUES ({places})"  # noqa: S608 (our types)
    columns = _names(meta, [field.name for field in fields])
    statement = f"INSERT INTO {connection.ops.quote_name(meta.db_table)} ({columns}) {source}"  # noqa: S608 (our names)
    if unique:
        new = ", ".join(f"{column} = EXCLUDED.{column}" for column in (_names(meta, [one]) for one in update))
        statement += f" ON CONFLICT ({_names(meta, unique)}) DO UPDATE SET {new}"
    return _Plan(statement, fields)


def _names(meta: Any, fields: Sequence[str]) -> str:
    return ", ".join(connection.ops.quote_name(meta.get_field(name).column) for name in fields)


def _type(field: models.Field[Any, Any]) -> str:
    """A column's type without its length: a cast would cut too long a text, where the column refuses it."""
    return str(field.db_type(connection)).partition("(")[0]
