"""Insert many rows of one model at once, and read many.

`bulk_create` compiles every value of every row into its statement, which takes longer than the database does with them
(benchmarks/RESULTS.md, fetch); a query makes every object and every value by itself. Here all depends on the columns
only: SQLite takes a statement once per row, or a few rows in one, PostgreSQL takes all rows as one JSON document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import chain
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection, models, transaction
from django.db.models.base import ModelState
from django.db.models.options import Options

# Kinds of fields, by their exact class: one that is derived may store its values in another way.
AS_THEY_ARE = frozenset({
    models.CharField, models.TextField, models.BooleanField, models.FloatField, models.PositiveIntegerField,
    models.BigIntegerField, models.BigAutoField,
})  # fmt: skip
AS_TEXT = frozenset({models.UUIDField, models.DateTimeField})  # equal ones are turned into it once

MOST_VALUES = 999  # that an old SQLite takes in one statement

M = TypeVar("M", bound=models.Model)
AnyField: TypeAlias = "models.Field[Any, Any]"
Value: TypeAlias = Any  # of a column, as the model or the database has it: another type in each
Column = Callable[[Sequence[models.Model]], list[Value]]
Reader = Callable[[Sequence[Value]], list[Value]]


@dataclass(frozen=True)
class _Plan:
    """What is the same for all rows of a model: the statement, and how each column's values are read and prepared."""

    head: str
    source: str  # where the rows come from: a document, or the values of one of them
    tail: str
    columns: dict[str, Column]

    def statement(self, rows: int = 1) -> str:
        """The statement for a document, or for so many rows."""
        return f"{self.head} {', '.join([self.source] * rows)}{self.tail}"


def new(model: type[M], **values: Value) -> M:
    """Return a row, not saved: these values by column attribute, the defaults of all others.

    For rows that are made by the thousand: a model's own constructor takes several times as long. Raises TypeError for
    a name that is no column.
    """
    constants, made = _defaults(model)
    if not values.keys() <= constants.keys():
        raise TypeError(f"{model.__name__} has no {', '.join(sorted(values.keys() - constants.keys()))}.")
    row = model.__new__(model)
    row.__dict__.update(constants)
    row.__dict__.update(values)
    for name, make in made:
        if name not in values:
            row.__dict__[name] = make()
    row._state = ModelState()
    return row


@lru_cache(maxsize=64)
def _defaults(model: type[models.Model]) -> tuple[dict[str, Value], list[tuple[str, Callable[[], Value]]]]:
    """The default of each column, and those that are made anew for each row."""
    fields = model._meta.concrete_fields
    made = [(field.attname, field.get_default) for field in fields if callable(field.default)]
    return {field.attname: None if callable(field.default) else field.get_default() for field in fields}, made


def insert(rows: Sequence[models.Model], *, unique: Sequence[str] = (), update: Sequence[str] = ()) -> None:
    """Insert rows of one model into the default database, all or none. They are not told their primary keys.

    With `unique`, the fields of a unique constraint, a row that is there already gets the new values of the fields in
    `update`, or stays as it is when there are none. No two rows that are to be updated may be the same one.
    """
    if not rows:
        return
    vendor = connection.vendor
    plan = _plan(type(rows[0]), tuple(unique), tuple(update), vendor)
    values = zip(*(read(rows) for read in plan.columns.values()), strict=True)
    # One statement is a transaction of its own: nothing to begin or to end.
    with connection.cursor() as cursor, transaction.mark_for_rollback_on_error():
        if vendor == "postgresql":
            document = [dict(zip(plan.columns, row, strict=True)) for row in values]
            cursor.execute(plan.statement(), [json.dumps(document)])
        elif len(rows) * len(plan.columns) <= MOST_VALUES:
            cursor.execute(plan.statement(len(rows)), list(chain.from_iterable(values)))
        else:
            with transaction.atomic(savepoint=False):
                cursor.executemany(plan.statement(), list(values))


def load(rows: models.QuerySet[M]) -> list[M]:
    """Return the rows of a query as objects of its model, all columns of each.

    For rows that are read by the thousand: making each value and each object by itself takes four times as long.
    """
    columns = _reading(rows.model, connection.vendor)
    try:
        sql, params = rows.values_list(*columns).query.sql_with_params()
    except EmptyResultSet:  # there can be none, so there is nothing to ask
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found = cursor.fetchall()
    if not found:
        return []
    values = [
        column if convert is None else convert(column)
        for convert, column in zip(columns.values(), zip(*found, strict=True), strict=True)
    ]
    return [_stored(rows.model, dict(zip(columns, row, strict=True))) for row in zip(*values, strict=True)]


def _stored(model: type[M], values: dict[str, Value]) -> M:
    row = model.__new__(model)
    row.__dict__ = values
    row._state = ModelState()
    row._state.adding, row._state.db = False, connection.alias
    return row


def _column(field: AnyField, vendor: str) -> Column:
    """How the values of one field are read from rows and turned into what the database takes. Raises TypeError."""
    name, kind = field.attname, _kind(field)
    if kind in AS_TEXT:
        return _text_column(field, vendor)
    if kind is models.JSONField and vendor != "postgresql":
        return lambda rows: [None if (value := getattr(row, name)) is None else json.dumps(value) for row in rows]
    if kind in AS_THEY_ARE or kind is models.JSONField:
        return lambda rows: [getattr(row, name) for row in rows]
    raise TypeError(f"{field}: how a {kind.__name__} is stored is not known here.")


def _text_column(field: AnyField, vendor: str) -> Column:
    """How times and ids are read and prepared: equal ones once, a time of our own making once for all rows."""
    name, prepare = field.attname, _preparation(field, vendor)
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return lambda rows: [prepare(field.pre_save(rows[0], True))] * len(rows)
    return lambda rows: _each_once(prepare, [getattr(row, name) for row in rows])


def _preparation(field: AnyField, vendor: str) -> Callable[[Value], Value]:
    if vendor == "postgresql":
        return str
    if _kind(field) is models.DateTimeField:
        return _moment
    return partial(field.get_db_prep_save, connection=connection)


def _kind(field: AnyField) -> type[AnyField]:
    """Return the exact class of a field; of a foreign key that of the column it points to."""
    return type(field.target_field if isinstance(field, models.ForeignKey) else field)


def _moment(value: datetime) -> Value:
    """A time as SQLite stores it. Raises ValueError for one that does not say where."""
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no time zone.")
    return connection.ops.adapt_datetimefield_value(value)


@lru_cache(maxsize=64)
def _reading(model: type[models.Model], vendor: str) -> dict[str, Reader | None]:
    """How each column's values become what the model holds; None where they are that already. Raises TypeError."""
    return {field.attname: _reader(field, vendor) for field in model._meta.concrete_fields}


def _reader(field: AnyField, vendor: str) -> Reader | None:
    kind = _kind(field)
    if kind is models.JSONField:
        return _from_json
    if vendor == "sqlite" and kind in FROM_SQLITE:
        return FROM_SQLITE[kind]
    if kind in AS_THEY_ARE or kind in AS_TEXT:
        return None
    raise TypeError(f"{field}: how a {kind.__name__} is read is not known here.")


def _each_once(prepare: Callable[[Value], Value], values: Sequence[Value]) -> list[Value]:
    """Prepare values of which many are equal, as times and owners are."""
    known = {value: None if value is None else prepare(value) for value in set(values)}
    return [known[value] for value in values]


def _from_json(values: Sequence[str | None]) -> list[Value]:
    """Read all documents as one."""
    return list(json.loads(f"[{','.join('null' if text is None else text for text in values)}]"))


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


# What SQLite gives in another form than the model holds.
FROM_SQLITE: Mapping[type[AnyField], Reader] = {
    models.BooleanField: lambda values: [None if value is None else bool(value) for value in values],
    models.UUIDField: partial(_each_once, UUID),
    models.DateTimeField: partial(_each_once, _in_utc),
}


@lru_cache(maxsize=64)
def _plan(model: type[models.Model], unique: tuple[str, ...], update: tuple[str, ...], vendor: str) -> _Plan:
    meta = model._meta
    fields = tuple(field for field in meta.concrete_fields if not field.primary_key)
    columns = _names(meta, [field.name for field in fields])
    head, tail = f"INSERT INTO {connection.ops.quote_name(meta.db_table)} ({columns})", ""
    if vendor == "postgresql":
        typed = ", ".join(f"{_names(meta, [field.name])} {_type(field)}" for field in fields)
        source = f"SELECT {columns} FROM json_to_recordset(%s::json) AS rows ({typed})"  # noqa: S608 (our names)
    else:
        head, source = f"{head} VALUES", f"({', '.join(['%s'] * len(fields))})"
    if unique:
        new = ", ".join(f"{column} = EXCLUDED.{column}" for column in (_names(meta, [one]) for one in update))
        tail = f" ON CONFLICT ({_names(meta, unique)}) DO {f'UPDATE SET {new}' if new else 'NOTHING'}"
    return _Plan(head, source, tail, {str(field.column): _column(field, vendor) for field in fields})


def _names(meta: Options[models.Model], fields: Sequence[str]) -> str:
    columns = {field.name: str(field.column) for field in meta.concrete_fields}
    return ", ".join(connection.ops.quote_name(columns[name]) for name in fields)


def _type(field: AnyField) -> str:
    """A column's type without its length: too long a text is refused by the column, not cut before it gets there."""
    return str(field.db_type(connection)).partition("(")[0]
