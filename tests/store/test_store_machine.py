"""What the machine does to a SQLite file: no room, no permission, other programs, damage, and long readers."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.values import Entry, OrgRecord
from syncd.errors import StoreUnusable
from syncd.ports import LedgerQuery
from syncd.store import sqlite
from syncd.store.sql import SqlStore, open_store

ORG = "00D5e00000SYNCDAAA"
T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Opener = Callable[..., SqlStore]


def note(store: SqlStore, number: int = 1, length: int = 10) -> None:
    with store.begin() as tx:
        tx.append([Entry(kind="note", at=T, cycle="c", after="x" * length) for _ in range(number)])


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


@contextmanager
def no_room(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- no room ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spare_bytes", [0, 100, 4096, 5000, 9000, 20_000])
def test_a_commit_without_room_is_undone_whole_and_the_next_one_works(store: SqlStore, database: Path, spare_bytes: int) -> None:
    note(store)
    store.index({"Lead": ["Email"]})
    with no_room(log_of(database).stat().st_size + spare_bytes):
        with pytest.raises(StoreUnusable, match=r"cannot be opened or written|disk is full") as caught, store.begin() as tx:  # noqa: PT012 (some fail at once, some at the commit)
            tx.append([Entry(kind="note", at=T, cycle="c", after="x" * 3000) for _ in range(10)])
            tx.mirror([OrgRecord("Lead", "00Q1", T, {"Email": "ann@example.com"})])
        assert not caught.value.permanent
        assert (store.ledger_size(), store.count("Lead"), store.verify().problems) == (1, 0, ())
    note(store)
    assert (store.ledger_size(), store.verify().problems) == (2, ())


def test_a_log_that_cannot_be_moved_into_the_file_is_kept_until_there_is_room(store: SqlStore, database: Path) -> None:
    store.acquire_lease("host-a", 7, T)
    note(store, 100, 1000)
    with no_room(database.stat().st_size):
        store.checkpoint()
        assert log_of(database).stat().st_size > 0
        assert (store.ledger_size(), store.verify().problems) == (100, ())
    store.checkpoint()
    assert log_of(database).stat().st_size == 0
    assert (store.ledger_size(), store.verify().problems) == (100, ())


def test_a_new_database_that_finds_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    with no_room(20_000), pytest.raises(StoreUnusable, match=r"syncd\.db") as caught:
        open_store(f"sqlite:///{path}", ORG)
    assert not caught.value.permanent
    assert list(tmp_path.iterdir()) == []
    open_store(f"sqlite:///{path}", ORG).dispose()


# --- no permission ------------------------------------------------------------------------------------------------------

READ_ONLY = """
import sys
from syncd.errors import StoreUnusable
from syncd.store.sql import open_store
url = sys.argv[1]
reader = open_store(url, None, read_only=True)
print(reader.ledger_size(), reader.verify().problems)
reader.dispose()
try:
    store = open_store(url, "00D5e00000SYNCDAAA")
    with store.begin() as tx:
        tx.put_setting("a", 1)
except StoreUnusable as problem:
    print(problem.permanent, problem, problem.hint)
"""


def as_a_plain_user(program: str, *arguments: str) -> str:
    """Run Python bound by permissions, which root is not, and return what it printed."""
    words = [sys.executable, "-c", program, *arguments]
    if os.getuid() == 0:
        words = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *words]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("clean", [True, False], ids=["after a clean end", "after a crash"])
def test_a_disk_that_takes_no_writes_is_still_read(tmp_path: Path, clean: bool) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    path = folder / "syncd.db"
    store = open_store(f"sqlite:///{path}", ORG)
    note(store, 3)
    if clean:
        store.dispose()
    for entry in folder.iterdir():
        entry.chmod(0o400)
    folder.chmod(0o500)
    try:
        told = as_a_plain_user(READ_ONLY, f"sqlite:///{path}")
    finally:
        folder.chmod(0o700)
        for entry in folder.iterdir():
            entry.chmod(0o600)
    read, refused = told.splitlines()
    assert read == "3 ()"
    assert refused.startswith(f"False {path}: the file or its folder cannot be opened or written")
    assert "the user syncd runs as may write to it" in refused
    store.dispose()
    again = open_store(f"sqlite:///{path}", ORG)
    note(again)
    assert again.ledger_size() == 4
    again.dispose()


# --- other programs -----------------------------------------------------------------------------------------------------

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("SELECT count(*) FROM ledger").fetchone()
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def tool(path: Path, statement: str) -> Iterator[int]:
    """Let another program hold on to the file; gives its process number."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), statement], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        assert process.stdout.readline() == "held\n"
        yield process.pid
        process.stdin.write("\n")
    process.wait()


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_tool_that_keeps_the_database_locked_is_waited_for_and_then_named(
    store: SqlStore, database: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    note(store)
    store.dispose()
    with tool(database, statement) as pid:
        with pytest.raises(StoreUnusable, match=rf"another program kept it locked .* It is process {pid} \(python") as caught:
            note(store)
        assert not caught.value.permanent
        assert store.ledger_size() == 1, "readers go on"
    note(store)
    assert store.ledger_size() == 2


def test_an_auditors_long_query_stops_neither_the_sync_nor_later_the_emptying_of_the_log(
    store: SqlStore, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_WAL_BYTES", 100_000)
    store.acquire_lease("host-a", 7, T)
    with tool(database, "BEGIN"):
        for _ in range(20):
            note(store, 10, 3000)
        assert log_of(database).stat().st_size > 400_000
        assert store.ledger_size() == 200
    note(store, 100, 3000)
    assert log_of(database).stat().st_size < 200_000
    store.checkpoint()
    assert log_of(database).stat().st_size == 0
    assert store.verify().problems == ()


def test_our_own_readers_hold_the_log_only_while_they_take_a_page(store: SqlStore, database: Path, opened: Opener) -> None:
    store.acquire_lease("host-a", 7, T)
    note(store, 1200)
    rows = opened(read_only=True).ledger(LedgerQuery(limit=10_000))
    assert next(rows).seq == 1
    store.checkpoint()
    assert log_of(database).stat().st_size == 0
    assert sum(1 for _ in rows) == 1199


def test_the_log_stays_short_while_much_is_written(store: SqlStore, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_WAL_BYTES", 100_000)
    store.acquire_lease("host-a", 7, T)
    sizes = []
    for _ in range(60):
        note(store, 10, 3000)
        sizes.append(log_of(database).stat().st_size)
    assert max(sizes) < 300_000
    assert database.stat().st_size > 1_500_000


def test_who_does_not_hold_the_lease_never_moves_the_log_into_the_file(store: SqlStore, database: Path) -> None:
    for _ in range(30):
        note(store, 20, 8000)
    store.checkpoint()
    assert log_of(database).stat().st_size > 4_500_000, "SQLite by itself would have begun at 4 MB"
    with store.database.writers(ORG).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 0


# --- damage -------------------------------------------------------------------------------------------------------------


def open_and_note(path: Path) -> None:
    store = open_store(f"sqlite:///{path}", ORG)
    try:
        note(store)
    finally:
        store.dispose()


def test_damage_that_comes_while_it_runs_is_told_as_such_and_nothing_is_made_over_it(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    store = open_store(f"sqlite:///{path}", ORG)
    note(store, 2000, 200)
    store.dispose()
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(len(content) - 8192))
    damaged = path.read_bytes()
    with pytest.raises(StoreUnusable, match="the file is damaged") as caught:
        open_and_note(path)
    assert caught.value.permanent
    assert "restore the latest backup" in caught.value.hint
    assert path.read_bytes()[8192:] == damaged[8192:]


@pytest.mark.parametrize("keep_bytes", [100, 4096, 20_000])
def test_a_file_that_was_cut_off_is_refused(database: Path, keep_bytes: int) -> None:
    with database.open("r+b") as file:
        file.truncate(keep_bytes)
    with pytest.raises(StoreUnusable, match="damaged") as caught:
        open_and_note(database)
    assert caught.value.permanent
    assert database.stat().st_size == keep_bytes


def test_a_backup_without_a_log_gets_one_and_loses_nothing(store: SqlStore, database: Path, tmp_path: Path) -> None:
    note(store, 5)
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    again = open_store(f"sqlite:///{copy}", ORG)
    note(again)
    assert (again.ledger_size(), again.verify().problems) == (6, ())
    assert log_of(copy).exists()
    again.dispose()
