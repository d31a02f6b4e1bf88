"""Rows whose column has one of many values, in a form that every planner takes by its index (docs/decisions/0020)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeVar

from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=models.Model)


def among(rows: models.QuerySet[M], column: str, values: Iterable[str]) -> models.QuerySet[M]:
    """Narrow rows to those whose column is one of many texts, as `__in` does, with all texts as one value.

    A query compiles the values of `__in` one by one, which takes longer than the database does with a thousand of them.
    PostgreSQL gets an array, whose length its planner sees; it looks each value up in an index. A sub-select gives it
    nothing to go by: on young statistics each value would be compared with each row.
    """
    if connection.vendor != "postgresql":
        listed = RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(values))])
        return rows.filter(**{f"{column}__in": listed})
    texts = [text for text in values if "\0" not in text]  # which no row can hold, and nobody may ask for
    return rows.filter(_Among(models.F(column), texts))


class _Among(models.Lookup):
    """`column = ANY(array)`."""

    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        """Return the comparison."""
        left, params = self.process_lhs(compiler, connection)
        return f"{left} = ANY (%s::text[])", (*params, self.rhs)
