"""Insert many rows of one model at once.

`bulk_create` compiles every value of every row into its statement, which takes longer than the database does with them
(benchmarks/RESULTS.md, fetch). Here the statement depends on the columns only: SQLite takes it once per row,
PostgreSQL takes all rows as one JSON document.
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
    values = zip(*(_column(field, rows) for field in plan.fields), strict=True)
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            names = [field.column for field in plan.fields]
            cursor.execute(plan.statement, [json.dumps([dict(zip(names, row, strict=True)) for row in values])])
        else:
            cursor.executemany(plan.statement, list(values))


def _column(field: models.Field[Any, Any], rows: Sequence[models.Model]) -> list[Any]:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return [_prepared(field)(field.pre_save(rows[0], True))] * len(rows)
    name = field.attname
    values = [getattr(row, name) for row in rows]
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    return values if isinstance(target, AS_THEY_ARE) else list(map(_prepared(field), values))


def _prepared(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """How a value is turned into what the database takes. Equal values, as times and owners are, are turned once."""
    in_document = connection.vendor == "postgresql"
    if isinstance(field, models.JSONField):
        return (lambda value: value) if in_document else (lambda value: None if value is None else json.dumps(value))
    known: dict[Any, Any] = {None: None}

    def prepare(value: Any) -> Any:
        if value not in known:
            known[value] = str(value) if in_document else field.get_db_prep_save(value, connection)
        return known[value]

    return prepare


@lru_cache(maxsize=64)
def _plan(model: type[models.Model], unique: tuple[str, ...], update: tuple[str, ...], vendor: str) -> _Plan:
    meta = model._meta
    fields = tuple(field for field in meta.concrete_fields if not field.primary_key)
    columns = _names(meta, [field.name for field in fields])
    if vendor == "postgresql":
        typed = ", ".join(f"{_names(meta, [field.name])} {_type(field)}" for field in fields)
        source = f"SELECT {columns} FROM json_to_recordset(%s::json) AS rows ({typed})"  # noqa: S608 (our names)
    else:
        source = f"VALUES ({', '.join(['%s'] * len(fields))})"
    statement = f"INSERT INTO {connection.ops.quote_name(meta.db_table)} ({columns}) {source}"  # noqa: S608 (our names)
    if unique:
        new = ", ".join(f"{column} = EXCLUDED.{column}" for column in (_names(meta, [one]) for one in update))
        statement += f" ON CONFLICT ({_names(meta, unique)}) DO UPDATE SET {new}"
    return _Plan(statement, fields)


def _names(meta: Any, fields: Sequence[str]) -> str:
    return ", ".join(connection.ops.quote_name(meta.get_field(name).column) for name in fields)


def _type(field: models.Field[Any, Any]) -> str:
    """A column's type without its length: too long a text is refused by the column, not cut before it gets there."""
    return str(field.db_type(connection)).partition("(")[0]
