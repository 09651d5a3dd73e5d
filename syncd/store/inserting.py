"""How do many rows get into a table at the least cost?

SQLAlchemy prepares the values of each row anew, which costs more than SQLite's own work. Here the statement is written once
for each set of columns, and the driver gets the rows as they are: text, whole numbers, booleans and None.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql

Row = Sequence[str | int | None]
Columns = tuple[str, ...]

KEPT: Columns = ()  # a row that is there by primary key stays as it is


def insert_rows(
    connection: Connection, table: Table, columns: Columns, rows: Sequence[Row], updated: Columns | None = None
) -> None:
    """Insert rows given as values of `columns`, in that order.

    Shapes: one that is there by primary key gets the new values of `updated` (`KEPT`: none); with None it is an error.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_sqlite_text(table, columns, updated), list(rows))
    else:
        connection.execute(_statement(table, updated), [dict(zip(columns, row, strict=True)) for row in rows])


@cache
def _sqlite_text(table: Table, columns: Columns, updated: Columns | None) -> str:
    """Write the statement by hand: SQLAlchemy would take the values in the order of the table's columns."""
    quoted = [f'"{table.c[name].name}"' for name in columns]
    text = f'INSERT INTO "{table.name}" ({", ".join(quoted)}) VALUES ({", ".join("?" * len(columns))})'  # noqa: S608  # our own names
    if updated is None:
        return text
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in updated)
    return f"{text} ON CONFLICT ({keys}) DO " + (f"UPDATE SET {changes}" if updated else "NOTHING")


@cache
def _statement(table: Table, updated: Columns | None) -> postgresql.Insert:
    statement = postgresql.insert(table)
    keys = [column.name for column in table.primary_key]
    if updated is None:
        return statement
    if not updated:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_={name: statement.excluded[name] for name in updated})
