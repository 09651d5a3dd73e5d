"""Is the database that [store] url names fit for syncd, and what should its keeper know?"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from syncd.errors import StoreUnusable
from syncd.store import postgres
from syncd.store.faults import in_our_words
from syncd.store.schema import is_current, version_of

# Source: sqlite.org, "Write-Ahead Logging", the WAL-reset bug: 3.7.0 to 3.51.2, repaired in these older series too.
_BUG_SINCE, _BUG_UNTIL = (3, 7, 0), (3, 51, 3)
_REPAIRED = {(3, 44): 6, (3, 50): 7}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a PostgreSQL server said about itself. `warnings`: what is wrong, and what to do."""

    text: str
    warnings: tuple[tuple[str, str], ...]


def has_reset_bug(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Tell whether this SQLite may lose pages when one connection writes while another empties the write-ahead log."""
    series, patch = version[:2], version[2]
    if series in _REPAIRED:
        return patch < _REPAIRED[series]
    return _BUG_SINCE <= version < _BUG_UNTIL


def ask_server(url: str) -> Answer:
    """Ask a PostgreSQL server whether syncd could work in the database of a URL. Nothing is changed there.

    Errors: StoreUnusable when it does not answer, holds another program's tables, or is not in UTF-8.
    """
    parsed = make_url(url)
    where = postgres.shown(parsed)
    database = postgres.database_at(parsed, read_only=True)
    try:
        with in_our_words(where), database.readers.connect() as connection:
            is_current(connection, where, may_migrate=True)
            state = "will be set up by the first cycle" if version_of(connection) is None else "is there"
            _require_utf8(connection, where)
            return Answer(f"{where} {state} (PostgreSQL {_shown(connection, 'server_version')})", tuple(_warnings(connection)))
    finally:
        database.dispose()


def _require_utf8(connection: Connection, where: str) -> None:
    encoding = _shown(connection, "server_encoding")
    if encoding != "UTF8":
        raise StoreUnusable(
            f"{where}: is kept in {encoding}, which cannot hold every name.",
            hint="Make the database anew: createdb --encoding=UTF8 --template=template0 --owner=USER DATABASE",
        )


def _warnings(connection: Connection) -> list[tuple[str, str]]:
    found = []
    if _shown(connection, "fsync") == "off" or _shown(connection, "full_page_writes") == "off":
        text = "The server has fsync or full_page_writes off: a power cut may damage the database, the ledger with it."
        found.append((text, "Set fsync = on and full_page_writes = on in postgresql.conf."))
    database = connection.exec_driver_sql("SELECT current_database()").scalar_one()
    may = "SELECT has_database_privilege(current_user, current_database(), 'TEMP')"
    if not connection.exec_driver_sql(may).scalar_one():
        text = "syncd's user may not make temporary tables, on which `syncd plan` works."
        found.append((text, f'GRANT TEMPORARY ON DATABASE "{database}" TO the user of [store] url'))
    return found


def _shown(connection: Connection, name: str) -> str:
    return str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())
