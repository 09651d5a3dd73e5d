"""What holds for PostgreSQL only: how it is reached, one writer at a time, text as syncd sorts it, and a private layer.

Writers of one org wait for each other on an advisory lock, as SQLite's BEGIN IMMEDIATE makes them wait; readers see one
snapshot. A writer that stands still inside a transaction is disconnected by the server, which frees the lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, Text, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from syncd.errors import StoreUnusable
from syncd.store.base import Database
from syncd.store.encoding import without_nul
from syncd.store.tables import metadata

DIALECT = "postgresql"
LOCK_WAIT_S = 5
STANDSTILL_S = 20  # less than a lease lives, so that its transaction is gone when another may take over
READING_S = 600


def database_at(url: URL, *, read_only: bool) -> Database:
    """Reach the database of a URL. Errors: StoreUnusable without the driver."""
    engine = engine_at(url, read_only=read_only)
    return Database(readers(engine), partial(writers, engine), partial(_lockers, engine))


def engine_at(url: URL, *, read_only: bool) -> Engine:
    """Return an engine whose connections are set up as the store needs them. Errors: StoreUnusable without the driver."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise StoreUnusable(
            f"{shown(url)}: the driver for PostgreSQL is not installed.", hint="Install it with: pip install 'syncd[postgresql]'"
        ) from error
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=20,
        connect_args={"connect_timeout": 10, "application_name": "syncd", "keepalives_idle": 15, "keepalives_interval": 5},
    )
    limits = {
        "lock_timeout": f"{LOCK_WAIT_S}s",
        "idle_in_transaction_session_timeout": f"{READING_S if read_only else STANDSTILL_S}s",
        "statement_timeout": f"{READING_S}s" if read_only else "0",
        "default_transaction_read_only": "off",
        "client_encoding": "UTF8",
        "timezone": "UTC",
    }
    settings = "; ".join(f"SET {name} = '{value}'" for name, value in limits.items())

    def set_up(driver: Any, _record: object) -> None:
        for dumper in _text_dumpers():  # of two that fit, the driver takes the last one
            driver.adapters.register_dumper(str, dumper)
        driver.autocommit = True
        driver.execute(settings)
        driver.autocommit = False

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _text_dumpers() -> tuple[Any, Any]:
    """Return what sends text, in lists and by itself: without NUL, which stands in no lawful value and would stop a batch."""
    from psycopg.types.string import StrBinaryDumper, StrDumperUnknown

    class BinaryTextDumper(StrBinaryDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(without_nul(obj))

    class TextDumper(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(without_nul(obj))

    return BinaryTextDumper, TextDumper


def shown(url: URL) -> str:
    """Return a database URL as messages name it, without the password."""
    return URL.create(DIALECT, url.username, None, url.host, url.port, url.database).render_as_string()


def readers(engine: Engine) -> Engine:
    """Return the engine for reading: each transaction sees one moment, whatever is committed meanwhile."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def writers(engine: Engine, org: str) -> Engine:
    """Return the engine for writing: each transaction waits until no other writes for this org."""
    return engine.execution_options(
        isolation_level="READ COMMITTED", postgresql_readonly=False, syncd_writes=True, syncd_lock=_lock_of(org)
    )


def _lockers(engine: Engine, org: str) -> Sequence[str]:
    """Name who holds the lock of an org."""
    query = (
        "SELECT a.pid, a.application_name, a.usename, coalesce(a.client_hostname, host(a.client_addr), 'the server itself') "
        "FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted "
        "AND (l.classid::bigint << 32 | l.objid::bigint) = %s"
    )
    try:
        with readers(engine).connect() as connection:
            rows = connection.exec_driver_sql(query, (_lock_of(org),)).all()
    except DBAPIError:  # it is only a name
        return ()
    return [f"{program or 'a program'} of {user} on {host} (backend {pid})" for pid, program, user, host in rows]


def _lock_of(org: str) -> int:
    return int.from_bytes(sha256(b"syncd\0" + org.encode()).digest()[:8], signed=True)


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("syncd_writes"):
        lock = options.get("syncd_lock", _lock_of(""))
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (lock,))


def sort_by_code_point(connection: Connection) -> None:
    """Let every text column sort as SQLite and Python do, by code point, whatever the database's language is.

    Shapes: run after migrations; a column that sorts so already is left alone.
    """
    collations = text(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
    )
    ours = {
        (table.name, column.name) for table in metadata.tables.values() for column in table.c if isinstance(column.type, Text)
    }
    changes: dict[str, list[str]] = {}
    quoted = connection.dialect.identifier_preparer.quote
    for table, column in connection.execute(collations):
        if (table, column) in ours:
            changes.setdefault(table, []).append(f'ALTER COLUMN {quoted(column)} TYPE text COLLATE "C"')
    for table, columns in sorted(changes.items()):
        connection.exec_driver_sql(f"ALTER TABLE {quoted(table)} {', '.join(columns)}")


@contextmanager
def private_layer(database: Database, org: str) -> Iterator[Connection]:
    """Give a connection on which every table of syncd is a temporary copy, made in one snapshot, that ends with it.

    The daemon's rows are neither locked nor held: with an open transaction on the real tables it would wait for the plan.
    """
    with database.writers(org).connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", syncd_writes=False)
        try:
            with connection.begin():
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                _copy_tables(connection, org)
            connection.execution_options(isolation_level="READ COMMITTED")
            yield connection
        finally:
            connection.invalidate()


def _copy_tables(connection: Connection, org: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    schema = quoted(str(connection.exec_driver_sql("SELECT current_schema()").scalar_one()))
    connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
    for name in sorted(metadata.tables):
        table = quoted(name)
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {table} (LIKE {schema}.{table} INCLUDING ALL)")
        mine, given = (" WHERE org = %s", (org,)) if "org" in metadata.tables[name].c else ("", ())
        connection.exec_driver_sql(f"INSERT INTO pg_temp.{table} SELECT * FROM {schema}.{table}{mine}", given)  # noqa: S608
        connection.exec_driver_sql(f"ANALYZE pg_temp.{table}")
