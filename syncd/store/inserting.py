"""How do many rows get into a table at the least cost?

SQLAlchemy prepares the values of each row anew, which costs more than SQLite's own work. Here the statement is written once
for each set of columns, and the driver gets the rows as they are: text, whole numbers, booleans and None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql

Row = Sequence[str | int | None]
Columns = tuple[str, ...]

ROWS_A_STATEMENT = 2048  # of up to 15 columns: SQLite takes 32,766 values a statement
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
        _insert_flat(connection, table, columns, list(chain.from_iterable(rows)), updated)
    else:
        insert_columns(connection, table, dict(zip(columns, zip(*rows, strict=True), strict=True)), updated)


def insert_columns(
    connection: Connection, table: Table, columns: Mapping[str, Sequence[object]], updated: Columns | None = None
) -> int:
    """Insert rows that are given by column. Returns how many were new or changed.

    Shapes: as `insert_rows`; no two rows have one primary key.
    """
    if connection.dialect.name == "sqlite":
        values = list(chain.from_iterable(zip(*columns.values(), strict=True)))
        return _insert_flat(connection, table, tuple(columns), values, updated)
    statement = _postgresql_text(table, tuple(columns), updated)
    return connection.exec_driver_sql(statement, tuple([list(values) for values in columns.values()])).rowcount


def _insert_flat(
    connection: Connection, table: Table, columns: Columns, values: Sequence[object], updated: Columns | None
) -> int:
    """Insert rows whose values stand one after the other, many rows a statement: a step for each row takes twice as long.

    Shapes: statements have powers of two as their numbers of rows, so that a few of them, prepared once, serve any number.
    """
    width, start, changed = len(columns), 0, 0
    while rest := (len(values) - start) // width:
        rows = min(1 << rest.bit_length() - 1, ROWS_A_STATEMENT)
        some = tuple(values[start : start + rows * width])
        changed += connection.exec_driver_sql(_sqlite_text(table, columns, updated, rows), some).rowcount
        start += rows * width
    return changed


@cache
def _postgresql_text(table: Table, columns: Columns, updated: Columns | None) -> str:
    """Write a statement that takes an array for each column, in binary: the driver would look at each sign of a text."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    arrays = ", ".join(f"%b::{table.c[name].type.compile(dialect)}[]" for name in columns)
    return _insert_text(table, columns, f"SELECT * FROM unnest({arrays})", updated)  # noqa: S608


@cache
def _sqlite_text(table: Table, columns: Columns, updated: Columns | None, rows: int) -> str:
    """Write the statement by hand: SQLAlchemy would take the values in the order of the table's columns."""
    marks = ",".join("?" * len(columns))
    return _insert_text(table, columns, "VALUES " + ",".join([f"({marks})"] * rows), updated)


def _insert_text(table: Table, columns: Columns, source: str, updated: Columns | None) -> str:
    quoted = ", ".join(f'"{table.c[name].name}"' for name in columns)
    text = f'INSERT INTO "{table.name}" ({quoted}) {source}'  # our own names
    if updated is None:
        return text
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in updated)
    return f"{text} ON CONFLICT ({keys}) DO " + (f"UPDATE SET {changes}" if updated else "NOTHING")
