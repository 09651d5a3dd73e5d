"""Does the database have the tables of this program?

Alembic is imported only when there is something to migrate: the usual start reads one row.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from syncd.errors import StoreOutdated, StoreUnusable
from syncd.store import postgres

HEAD = "0009"
KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")


def version_of(connection: Connection) -> str | None:
    """Return the schema revision of a database, or None when it has no tables at all.

    Errors: StoreUnusable when the tables are not syncd's.
    """
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if "alembic_version" not in names or "ledger_head" not in names:
        raise StoreUnusable(
            "the database has tables, but they are not syncd's",
            hint="Check the database in config.toml: it names another program's file.",
        )
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if version is None else str(version)


def is_current(connection: Connection, where: str, *, may_migrate: bool) -> bool:
    """Tell whether the tables are those of this program; False when they are older.

    Errors: StoreUnusable when they are newer, foreign, or older and may not be migrated.
    """
    try:
        version = version_of(connection)
    except StoreUnusable as problem:
        raise StoreUnusable(f"{where}: {problem}.", hint=problem.hint) from None
    if version == HEAD:
        return True
    if version is not None and version not in KNOWN:
        raise StoreUnusable(
            f"{where}: was written by a newer syncd (schema {version}; this one knows up to {HEAD}). Nothing was changed.",
            hint="Install the newer syncd again, or restore the backup made before it.",
        )
    if not may_migrate:
        raise StoreOutdated(
            f"{where}: has the tables of an older syncd (schema {version}; this one needs {HEAD}).",
            hint="Run `syncd run --once`: the daemon brings them up to date.",
        )
    return False


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the tables up to date, or up to one revision, inside the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    if connection.dialect.name == postgres.DIALECT:
        postgres.sort_by_code_point(connection)
