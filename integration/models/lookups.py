"""The lookup `among`: many texts as one value of a query.

`__in` compiles its values one by one, which takes longer than the database does with a thousand of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Lookup, TextField
from django.db.models.sql.compiler import SQLCompiler


@CharField.register_lookup
@TextField.register_lookup
class Among(Lookup):
    """`source_id__among=ids`: the same rows as `source_id__in=ids`.

    PostgreSQL gets an array, whose length its planner sees: it looks each value up in an index, however young the
    table's statistics are. A sub-select gives it nothing to go by, and it may compare each value with each row.
    """

    lookup_name = "among"
    prepare_rhs = False

    def __init__(self, lhs: Any, rhs: Iterable[str]) -> None:
        super().__init__(lhs, list(rhs))

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        """Compare with an array. PostgreSQL stores no NUL and refuses to be asked for one."""
        left, params = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s::text[])", [*params, [text for text in self.rhs if "\0" not in text]]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        """Compare with the rows of a JSON document; SQLite has no arrays and takes few values."""
        left, params = self.process_lhs(compiler, connection)
        return f"{left} IN (SELECT value FROM json_each(%s))", [*params, json.dumps(self.rhs)]  # noqa: S608
