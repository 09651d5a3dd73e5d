"""A database of an older syncd keeps every row when its tables are brought up to date."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from syncd.core.values import OrgRecord
from syncd.store import schema
from syncd.store.sql import open_store

ORG = "00D5e00000SYNCDAAA"
AT = "2026-03-01T12:00:00.000000Z"
T = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at_revision(path: Path, revision: str) -> None:
    """Make a database as the syncd of a revision made it."""
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


@pytest.mark.parametrize("rows", [3, 4_500])
def test_mirrored_and_staged_rows_come_through_with_their_keys(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "syncd.db"
    at_revision(path, "0003")
    leads = [(ORG, "Lead", f"00Q{n:05}", AT, n == 1, f'{{"Email":"P{n}@Example.com","Status":"Open"}}') for n in range(rows)]
    with closing(sqlite3.connect(path)) as old, old:
        old.executemany("INSERT INTO records (org, object, id, modified_at, is_deleted, fields) VALUES (?, ?, ?, ?, ?, ?)", leads)
        old.execute("INSERT INTO records VALUES (?, 'User', '0051', ?, 0, '{\"Name\":\"Ann\"}')", (ORG, AT))
        staged = "INSERT INTO staged (org, object, id, subject_id, modified_at, order_at, is_deleted, fields) VALUES "
        old.execute(staged + "(?, 'Lead', '00Q00000', '00Q00000', ?, ?, 0, '{\"Status\":\"MQL\"}')", (ORG, AT, AT))
        old.execute(staged + "(?, 'Lead', '00Q00002', '00Q00002', ?, ?, 1, NULL)", (ORG, AT, AT))
        old.execute("INSERT INTO settings VALUES (?, 'store.indexed', '{\"Lead\":[\"Email\"]}')", (ORG,))
        old.execute("INSERT INTO ledger_head VALUES (?, 0, '[]')", (ORG,))
    store = open_store(f"sqlite:///{path}", ORG)
    try:
        last = f"00Q{rows - 1:05}"
        assert store.count("Lead") == rows - 1
        assert store.get("Lead", [last]) == {
            last: OrgRecord("Lead", last, T, {"Email": f"P{rows - 1}@Example.com", "Status": "Open"})
        }
        assert store.get("User", ["0051"])["0051"].fields == {"Name": "Ann"}
        assert [row.id for row in store.by_key("Lead", "Email", ["p0@example.com", "p1@example.com"])] == ["00Q00000"]
        first, second = store.cases(("Lead",), 5)
        assert first.staged is not None
        assert first.known is not None
        assert (first.staged.fields, first.known.fields["Status"]) == ({"Status": "MQL"}, "Open")
        assert second.staged is not None
        assert second.staged.is_deleted
        with store.begin() as tx:
            tx.mirror([OrgRecord("Lead", "00Q00000", T, {"Email": "other@example.com"})])
        assert store.by_key("Lead", "Email", ["p0@example.com"]) == []
    finally:
        store.dispose()
