"""Does a user get a backup with one command, the store back with another, and a clear word when neither is possible?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.store.sql import SqlStore
from tests.cli.conftest import ORG, Syncd, a_cycle, change


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    with store.begin() as tx:
        tx.append([change()])
    return store


def test_a_backup_is_told_with_its_root_and_how_to_restore_it(syncd: Syncd, filled: SqlStore, home: Path) -> None:
    assert syncd("store", "backup", "my monday.backup").err == "Restore it with: syncd store restore 'my monday.backup'\n"
    said = syncd("store", "backup", "monday.backup")
    assert said.code == 0
    first, org, root = said.out.splitlines()
    assert first.startswith("monday.backup: ")
    assert org.startswith(f"  org {ORG}: 1 ledger rows, 0 records, no cycle yet")
    assert root == f"  root {filled.verify().root}"
    assert said.err == "Restore it with: syncd store restore monday.backup\n"
    assert (home / "monday.backup").stat().st_mode & 0o077 == 0


def test_without_a_name_it_goes_into_this_folder(syncd: Syncd, filled: SqlStore, home: Path) -> None:
    body = syncd("store", "backup", "--json").json
    assert body["schema"] == 1
    assert (home / body["file"]).stat().st_size == body["size_bytes"]
    assert [one["org"] for one in body["orgs"]] == [ORG]


def test_restored_it_says_where_the_old_one_is_and_what_comes_next(syncd: Syncd, filled: SqlStore, home: Path) -> None:
    a_cycle(filled, datetime.now(UTC))
    assert syncd("store", "backup", "a.backup").code == 0
    filled.dispose()
    said = syncd("store", "restore", "a.backup", "--replace")
    assert said.code == 0, said
    assert said.out.startswith("restored from a.backup")
    assert "The database that was there is now" in said.err
    assert "The next cycle reads, compares and writes nothing: syncd run --once" in said.err
    [aside] = [path for path in home.glob("syncd.db.before-restore-*") if not path.name.endswith(("-wal", "-shm"))]
    assert aside.stat().st_size
    healthy = syncd("status", "--healthcheck")
    assert (healthy.code, healthy.out) == (
        1,
        "the store was restored; the next cycle compares it with the org before it writes\n",
    )


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("backup", "no/folder/x"), 1, "no/folder/x: its folder does not exist."),
        (("backup", "config.toml"), 1, "config.toml: is there already; nothing was written."),
        (("restore", "nothing"), 1, "nothing: there is no backup of this name."),
        (("restore", "config.toml", "--replace"), 1, "config.toml: the file is damaged or is not a SQLite database"),
        (("restore",), 2, "FILE"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_changes(
    syncd: Syncd, filled: SqlStore, words: tuple[str, ...], code: int, says: str
) -> None:
    said = syncd("store", *words)
    assert (said.code, said.out) == (code, "")
    assert says in said.err
    assert "Traceback" not in said.err
    assert filled.verify().rows == 1


def test_a_store_that_is_written_to_is_not_replaced(syncd: Syncd, filled: SqlStore) -> None:
    assert syncd("store", "backup", "a.backup").code == 0
    filled.acquire_lease("elsewhere", 7)
    said = syncd("store", "restore", "a.backup", "--replace")
    assert said.code == 1
    assert "process 7 on elsewhere" in said.err
