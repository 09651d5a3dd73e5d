"""What do all parts of the store share: a connection, the org, and errors in the user's words?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Engine, Table, bindparam, select
from sqlalchemy.dialects import sqlite

from syncd.store.encoding import from_json, to_json
from syncd.store.faults import in_our_words
from syncd.store.tables import settings

INDEXED = "store.indexed"  # the setting that remembers which fields have keys
_SETTING = select(settings.c.value).where(settings.c.org == bindparam("of_org"), settings.c.key == bindparam("of_key"))


def insert(connection: Connection, table: Table) -> sqlite.Insert:
    """Start an INSERT that may say ON CONFLICT, in the connection's dialect (PostgreSQL's has the same methods)."""
    return insert_in(connection.dialect.name, table)


def insert_in(dialect: str, table: Table) -> sqlite.Insert:
    """Start an INSERT that may say ON CONFLICT, in a dialect by name."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return cast(sqlite.Insert, postgresql.insert(table))
    return sqlite.insert(table)


def replace(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None
) -> None:
    """Insert rows; one that is there by primary key gets the new values (of `columns`, by default all)."""
    if rows:
        names = None if columns is None else tuple(columns)
        connection.execute(_replacing(connection.dialect.name, table, names), [dict(row) for row in rows])


@cache
def _replacing(dialect: str, table: Table, columns: tuple[str, ...] | None) -> sqlite.Insert:
    """Build the statement once: that takes longer than to run it for one row."""
    statement = insert_in(dialect, table)
    keys = [column.name for column in table.primary_key]
    names = columns if columns is not None else [column.name for column in table.columns if column.name not in keys]
    return statement.on_conflict_do_update(index_elements=keys, set_={name: statement.excluded[name] for name in names})


@dataclass(frozen=True, slots=True)
class Database:
    """How the tables are reached: an engine to read with, for each org one to write with, and who holds an org's lock."""

    readers: Engine
    writers: Callable[[str], Engine]
    lockers: Callable[[str], Sequence[str]] = lambda org: ()

    def dispose(self) -> None:
        """Close all connections."""
        self.readers.dispose()
        self.writers("").dispose()


class Reads:
    """The reading half: each method opens one short transaction."""

    engine: Engine
    org: str
    where: str

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with in_our_words(self.where), self.engine.connect() as connection:
            yield connection


class Writes:
    """The writing half: all methods work in the one transaction they were given."""

    def __init__(
        self, connection: Connection, org: str, indexed: Mapping[str, Sequence[str]], salts: Callable[[int], bytes]
    ) -> None:
        self.connection = connection
        self.org = org
        self.indexed = indexed
        self.salts = salts


def read_setting(connection: Connection, org: str, key: str) -> Any:
    """Return a stored JSON value, or None."""
    text = connection.execute(_SETTING, {"of_org": org, "of_key": key}).scalar_one_or_none()
    return None if text is None else from_json(text)


def write_setting(connection: Connection, org: str, key: str, value: object) -> None:
    """Store a JSON value."""
    replace(connection, settings, [{"org": org, "key": key, "value": to_json(value)}])
