"""Opening: what is made, what is refused, and in which words."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from syncd.core.values import Entry, OrgRecord
from syncd.errors import StoreUnusable
from syncd.store import schema, sqlite
from syncd.store.sql import SqlStore, open_store
from syncd.store.tables import metadata

ORG = "00D5e00000SYNCDAAA"
T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Opener = Callable[..., SqlStore]


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_migrations_make_the_tables_that_the_program_uses(store: SqlStore) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_migration_is_the_one_that_is_checked_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == schema.HEAD
    assert {script.revision for script in scripts.walk_revisions()} == set(schema.KNOWN)


def test_a_missing_database_is_made_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    store = open_store(f"sqlite:///{path}", ORG)
    assert store.is_new
    store.dispose()
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in path.parent.iterdir() if entry.name.endswith(".new")] == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    for read_only in (False, True):
        again = open_store(f"sqlite:///{path}", ORG, read_only=read_only)
        assert not again.is_new
        again.dispose()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_missing_folder_is_refused_and_not_made(tmp_path: Path, read_only: bool) -> None:
    folder = tmp_path / "not mounted" / "state"
    with pytest.raises(StoreUnusable, match=rf"the folder {folder} does not exist") as caught:
        open_store(f"sqlite:///{folder / 'syncd.db'}", ORG, read_only=read_only)
    assert caught.value.permanent
    assert "mount the disk" in caught.value.hint
    assert f"mkdir -p '{folder}'" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def remove(path: Path) -> None:
    path.unlink()


def replace_by_another(path: Path) -> None:
    shutil.copy(path, path.with_name("another"))
    path.with_name("another").rename(path)


@pytest.mark.parametrize("lose", [remove, replace_by_another])
def test_a_database_that_was_removed_or_replaced_is_written_no_more(
    store: SqlStore, database: Path, lose: Callable[[Path], None]
) -> None:
    with store.begin() as tx:
        tx.put_setting("a", 1)
    store.acquire_lease("host-a", 1, T)
    lose(database)
    with pytest.raises(StoreUnusable, match=r"syncd\.db: .* removed or replaced while syncd ran") as caught, store.begin():
        pytest.fail("the transaction began")
    assert caught.value.permanent
    assert "restore the latest backup" in caught.value.hint
    with pytest.raises(StoreUnusable, match="removed or replaced"):
        store.renew_lease("host-a", 1, T)


def test_a_database_that_is_replaced_within_a_transaction_does_not_get_its_rows(store: SqlStore, database: Path) -> None:
    with pytest.raises(StoreUnusable, match="removed or replaced"), store.begin() as tx:  # noqa: PT012 (it fails at the end)
        tx.put_setting("a", 1)
        database.rename(database.with_name("moved"))
    database.with_name("moved").rename(database)
    assert store.setting("a") is None
    with store.begin() as tx:
        tx.put_setting("a", 2)
    assert store.setting("a") == 2


def test_a_crash_while_the_database_is_made_leaves_no_half_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: object) -> None:
        raise RuntimeError("power cut")

    path = tmp_path / "syncd.db"
    with monkeypatch.context() as patched:
        patched.setattr("syncd.store.sql.migrate", fail)
        with pytest.raises(RuntimeError):
            open_store(f"sqlite:///{path}", ORG)
    assert not path.exists()
    open_store(f"sqlite:///{path}", ORG).dispose()


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    open_store(f"sqlite:///{tmp_path / 'syncd.db'}", ORG).dispose()
    assert {entry.name for entry in tmp_path.iterdir()} - {"syncd.db-wal", "syncd.db-shm"} == {"syncd.db"}


def test_of_two_programs_that_make_the_database_the_first_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "syncd.db"

    def slow_migrate(connection: Connection) -> None:
        schema.migrate(connection)
        if not path.exists():
            first = open_store(f"sqlite:///{path}", ORG)
            with first.begin() as tx:
                tx.put_setting("made by", "the first")
            first.dispose()

    numbers = count(1)
    with monkeypatch.context() as patched:
        patched.setattr("syncd.store.sqlite.os.getpid", lambda: next(numbers))
        calls = iter([slow_migrate, schema.migrate])
        patched.setattr("syncd.store.sql.migrate", lambda connection: next(calls)(connection))
        second = open_store(f"sqlite:///{path}", ORG)
    assert second.setting("made by") == "the first"
    assert not second.is_new
    second.dispose()


def test_writers_wait_for_the_disk_and_erase_what_is_deleted(store: SqlStore) -> None:
    with store.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "secure_delete", "foreign_keys")
        }
    assert pragmas == {"synchronous": 2, "secure_delete": 1, "foreign_keys": 1}


def test_a_current_database_opens_without_alembic(database: Path) -> None:
    program = (
        "import sys; from syncd.store.sql import open_store; "
        f"open_store('sqlite:///{database}', '{ORG}').dispose(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to look like one " * 50, b"SQLite format 3\x00" + b"\xff" * 5000]
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, content: bytes, read_only: bool) -> None:
    path = tmp_path / "syncd.db"
    path.write_bytes(content)
    with pytest.raises(StoreUnusable, match=r"syncd\.db: the file is damaged") as caught:
        open_store(f"sqlite:///{path}", ORG, read_only=read_only)
    assert "restore the latest backup" in caught.value.hint
    assert path.read_bytes() == content


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    path.touch()
    with pytest.raises(StoreUnusable, match="is empty") as caught:
        open_store(f"sqlite:///{path}", ORG)
    assert "restore a backup" in caught.value.hint
    with pytest.raises(StoreUnusable, match="is a folder"):
        open_store(f"sqlite:///{tmp_path}", ORG)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    change(path, "CREATE TABLE customers (id INTEGER)")
    with pytest.raises(StoreUnusable, match=r"other\.db: the database has tables, but they are not syncd's"):
        open_store(f"sqlite:///{path}", ORG)


def test_a_database_of_a_newer_program_is_refused(database: Path) -> None:
    change(database, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnusable, match=r"written by a newer syncd \(schema 9999") as caught:
        open_store(f"sqlite:///{database}", ORG)
    assert "Install the newer syncd" in caught.value.hint


def test_a_database_without_tables_gets_them_only_from_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    change(path, "CREATE TABLE t (a)", "DROP TABLE t")
    with pytest.raises(StoreUnusable, match="older syncd"):
        open_store(f"sqlite:///{path}", ORG, read_only=True)
    store = open_store(f"sqlite:///{path}", ORG)
    assert store.ledger_size() == 0
    store.dispose()


@pytest.mark.parametrize(
    ("url", "words"),
    [("nonsense", "cannot be read"), ("sqlite://", "names no file"), ("sqlite:////proc/syncd.db", "cannot be created")],
)
def test_a_place_where_no_database_can_be_is_refused(url: str, words: str) -> None:
    with pytest.raises(StoreUnusable, match=words) as caught:
        open_store(url, ORG)
    assert caught.value.hint


def test_a_reader_never_makes_a_database(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="there is no database yet"):
        open_store(f"sqlite:///{tmp_path / 'syncd.db'}", ORG, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_sees_what_the_daemon_commits_and_cannot_write(store: SqlStore, opened: Opener) -> None:
    store.index({"Lead": ["Email"]})
    reader = opened(read_only=True)
    with store.begin() as tx:
        tx.mirror([OrgRecord("Lead", "00Q1", T, {"Email": "ann@example.com"})])
    assert reader.by_key("Lead", "Email", ["ann@example.com"])[0].id == "00Q1"
    reader.index({"Lead": ["Email"]})
    with pytest.raises(StoreUnusable, match="reading only") as caught:
        reader.index({"Lead": ["Email", "Phone"]})
    assert "syncd run --once" in caught.value.hint
    with pytest.raises(AssertionError, match="reading only"), reader.begin():
        pass
    with reader.scratch() as copy:
        copy.index({"Lead": ["Phone"]})
        with copy.begin() as tx:
            tx.put_setting("a", 1)
    assert reader.setting("a") is None


def test_a_reader_that_does_not_know_the_org_takes_the_only_one(store: SqlStore, opened: Opener) -> None:
    with pytest.raises(StoreUnusable, match="holds no org yet"):
        opened(None, read_only=True)
    with store.begin() as tx:
        tx.append([Entry(kind="note", at=T, cycle="c1")])
    assert opened(None, read_only=True).ledger_size() == 1
    other = opened("00D5e00000OTHERAAA")
    assert other.ledger_size() == 0
    with other.begin() as tx:
        tx.advance("Lead", T)
    with pytest.raises(StoreUnusable, match="several orgs: 00D5e00000OTHERAAA, 00D5e00000SYNCDAAA"):
        opened(None, read_only=True)
    with pytest.raises(ValueError, match="only a reader"):
        opened(None)


def test_a_locked_database_is_named_after_waiting(store: SqlStore, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.engine.dispose()
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnusable, match="another program kept it locked") as caught, store.begin():
            pass
        assert not caught.value.permanent
        assert store.count("Lead") == 0, "readers go on"


def test_a_full_disk_loses_nothing_that_was_committed(store: SqlStore) -> None:
    with store.begin() as tx:
        tx.append([Entry(kind="note", at=T, cycle="c1")])
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with pytest.raises(StoreUnusable, match="the disk is full") as caught, store.begin() as tx:  # noqa: PT012 (a full disk, then a row)
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 1}")
        tx.mirror([OrgRecord("Lead", f"00Q{n}", T, {"Text": "x" * 3000}) for n in range(20)])
    assert not caught.value.permanent
    assert (store.ledger_size(), store.count("Lead"), store.verify().problems) == (1, 0, ())


def test_scratch_copies_are_gone_at_the_end(store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with store.scratch() as copy, copy.begin() as tx:
        tx.put_setting("a", 1)
        [made] = folder.rglob("scratch.db")
        assert made.stat().st_mode & 0o077 == 0
    assert os.listdir(folder) == []  # noqa: PTH208 (a bare listing says it best)


def test_a_private_copy_is_read_while_a_transaction_outgrows_the_cache(
    store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with store.begin() as tx:
        tx.mirror([OrgRecord("Lead", "00Q0", T, {})])
    with store.scratch() as copy:
        with copy.begin() as tx:
            tx.connection.exec_driver_sql("PRAGMA cache_size=10")
            for n in range(1, 20):
                tx.mirror([OrgRecord("Lead", f"00Q{n}", T, {"Text": "x" * 30_000})])
                assert copy.marks() == {}
                assert list(copy.get("Lead", ["00Q0", f"00Q{n}"])) == ["00Q0"]
        assert copy.count("Lead") == 20
    assert store.count("Lead") == 1
    assert list(tmp_path.glob("syncd-*")) == []
