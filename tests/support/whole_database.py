"""Search everything the hub's database holds, queue and sessions included."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection


def raw_texts() -> Iterator[tuple[str, str, str]]:
    """(table, column, text) of every value of every row; what is encrypted stays so."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names of our own tables
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    yield table, name, value if isinstance(value, str) else repr(value)


def found(word: str) -> set[tuple[str, str]]:
    """The tables and columns that hold this word, in any case."""
    return {(table, column) for table, column, text in raw_texts() if word.lower() in text.lower()}
