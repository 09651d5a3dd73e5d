"""Is a copy whole and private, is a bad one refused before anything is changed, and does a restored one know what it is?"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from _pytest.fixtures import FixtureRequest

from syncd.core.values import Entry, Intent, OrgRecord, Rule
from syncd.errors import LeaseHeld, StoreUnusable
from syncd.ports.restored import RESTORED
from syncd.store.backup import back_up, restore
from syncd.store.sql import SqlStore, open_store

ORG = "00D5e00000SYNCDAAA"
T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WISH = Intent("k1", "Lead", "00Q1", "Status", "MQL", "Open", "revert", Rule("r", "f", 1), "why", "h", "crossing")


@contextmanager
def store_at(url: str, org: str = ORG) -> Iterator[SqlStore]:
    store = open_store(url, org)
    try:
        yield store
    finally:
        store.dispose()


def write(store: SqlStore, *numbers: int) -> None:
    for number in numbers:
        with store.begin() as tx:
            tx.append([Entry(kind="change", at=T, cycle=f"c{number}", before="ünï", after=number)])
            tx.mirror([OrgRecord("Lead", f"00Q{number}", T, {"Email": f"{number}@example.com"})])


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return f"sqlite:///{tmp_path / 'syncd.db'}"


def test_a_backup_is_the_whole_store_at_one_moment_for_its_owner_alone(url: str, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    with store_at(url) as store:
        write(store, *range(5))
        made = back_up(url, target)
        write(store, 9)
        [state] = made.orgs
        assert (state.org, state.ledger_rows, state.records, state.problems) == (ORG, 5, 5, ())
        before = store.verify()
    assert before.rows == 6
    assert made.size_bytes == target.stat().st_size > 0
    assert target.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.glob(".*")] == []
    restored = restore(url, target, by="dana@host", replace=True)
    assert restored.orgs == made.orgs
    with store_at(url) as store:
        found = store.verify()
        assert (found.rows, found.root, found.problems) == (5, state.root, ())
        assert store.count("Lead") == 5
        assert store.get("Lead", ["00Q3"])["00Q3"].fields == {"Email": "3@example.com"}
        write(store, 7)
        assert store.verify().problems == ()


def test_a_restored_store_says_so_has_no_writer_and_answers_who_asked(url: str, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    with store_at(url) as store:
        write(store, 1)
        store.acquire_lease("elsewhere", 7)
        number = store.ask("cycle", {}, "dana@host", T)
        back_up(url, target)
        store.release_lease("elsewhere", 7)
        for _ in range(3):
            store.acquire_lease("elsewhere", 7)
        epoch = store._epoch
        store.release_lease("elsewhere", 7)
    restore(url, target, by="dana@host", replace=True)
    with store_at(url) as store:
        told = store.setting(RESTORED)
        assert isinstance(told, dict)
        assert (told["by"], told["from"], told["ledger_rows"]) == ("dana@host", str(target), 1)
        assert store.lease_holder() is None
        assert store.waiting_requests() == []
        request = store.request(number)
        assert request is not None
        assert request.result is not None
        assert "restored" in request.result["error"]["text"]
        store.acquire_lease("elsewhere", 8)
        assert epoch is not None
        assert store._epoch is not None
        assert store._epoch > epoch


def test_nothing_is_restored_over_a_store_that_somebody_writes(url: str, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    with store_at(url) as store:
        write(store, 1)
        back_up(url, target)
        write(store, 2)
        store.acquire_lease("elsewhere", 7)
        with pytest.raises(LeaseHeld, match="process 7 on elsewhere"):
            restore(url, target, by="dana@host", replace=True)
        assert store.verify().rows == 2
        assert store.setting(RESTORED) is None


def test_without_a_word_nothing_is_overwritten(url: str, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    with store_at(url) as store:
        write(store, 1)
        back_up(url, target)
    size = target.stat().st_size
    with pytest.raises(StoreUnusable, match="is there already"):
        back_up(url, target)
    assert target.stat().st_size == size
    back_up(url, target, replace=True)
    with pytest.raises(StoreUnusable, match="there is a database already") as refused:
        restore(url, target, by="dana@host")
    assert "--replace" in refused.value.hint
    with store_at(url) as store:
        store.acquire_lease(socket.gethostname(), os.getpid() + 1)
        store.release_lease(socket.gethostname(), os.getpid() + 1)


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "turned over"])
def test_a_damaged_backup_is_refused_and_nothing_is_changed(url: str, tmp_path: Path, damage: str) -> None:
    target = tmp_path / "copy"
    with store_at(url) as store:
        write(store, *range(40))
        back_up(url, target)
    whole = target.read_bytes()
    spoilt = {
        "empty": b"",
        "text": b"this is no database\n" * 100,
        "cut": whole[: len(whole) // 3],
        "turned over": whole[: len(whole) // 4] + bytes(255 - byte for byte in whole[len(whole) // 4 :]),
    }
    target.unlink() if damage == "missing" else target.write_bytes(spoilt[damage])
    with pytest.raises(StoreUnusable):
        restore(url, target, by="dana@host", replace=True)
    with store_at(url) as store:
        assert store.verify().rows == 40
        assert store.setting(RESTORED) is None
        assert store.lease_holder() is None
        write(store, 41)


def test_a_backup_of_the_other_kind_is_refused_by_name(tmp_path: Path, postgres_url: str) -> None:
    lite = f"sqlite:///{tmp_path / 'syncd.db'}"
    for url in (lite, postgres_url):
        with store_at(url) as store:
            write(store, 1)
    back_up(lite, tmp_path / "lite.copy")
    back_up(postgres_url, tmp_path / "pg.copy")
    with pytest.raises(StoreUnusable, match="is no dump of a PostgreSQL database"):
        restore(postgres_url, tmp_path / "lite.copy", by="dana@host", replace=True)
    with pytest.raises(StoreUnusable, match=r"pg\.copy"):
        restore(lite, tmp_path / "pg.copy", by="dana@host", replace=True)


def test_a_backup_while_others_write_is_of_one_moment(url: str, tmp_path: Path) -> None:
    stop = threading.Event()

    def go_on() -> None:
        number = 100
        while not stop.is_set():
            write(store, number)
            number += 1

    with store_at(url) as store:
        write(store, *range(20))
        writing = threading.Thread(target=go_on)
        writing.start()
        try:
            made = [back_up(url, tmp_path / f"copy-{n}") for n in range(3)]
        finally:
            stop.set()
            writing.join()
    for copy in made:
        [state] = copy.orgs
        assert state.problems == ()
        assert state.ledger_rows == state.records >= 20


def test_a_ledger_that_was_tampered_with_is_named_and_still_backed_up(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    with store_at(f"sqlite:///{path}") as store:
        write(store, 1, 2)
    with closing(sqlite3.connect(path)) as forger, forger:
        forger.execute("UPDATE ledger SET reason = 'no reason' WHERE seq = 2")
    made = back_up(f"sqlite:///{path}", tmp_path / "copy")
    assert "2" in made.orgs[0].problems[0]
    assert restore(f"sqlite:///{path}", tmp_path / "copy", by="dana@host", replace=True).orgs == made.orgs


def test_the_replaced_database_is_put_aside_whole_and_a_damaged_one_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    url = f"sqlite:///{path}"
    with store_at(url) as store:
        write(store, 1)
        back_up(url, tmp_path / "copy")
        write(store, 2, 3)
    made = restore(url, tmp_path / "copy", by="dana@host", replace=True)
    assert made.put_aside is not None
    with store_at(f"sqlite:///{made.put_aside}") as aside:
        assert aside.verify().rows == 3
    path.write_bytes(b"garbage" * 1000)
    again = restore(url, tmp_path / "copy", by="dana@host", replace=True)
    assert again.put_aside is not None
    with store_at(url) as store:
        assert store.verify().rows == 1


def test_a_store_that_is_gone_is_restored_and_every_org_in_it(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    for org in ("00D1", "00D2"):
        with store_at(f"sqlite:///{path}", org) as store:
            write(store, 1)
    back_up(f"sqlite:///{path}", tmp_path / "copy")
    shutil.rmtree(tmp_path / "new", ignore_errors=True)
    (tmp_path / "new").mkdir()
    url = f"sqlite:///{tmp_path / 'new' / 'syncd.db'}"
    assert [state.org for state in restore(url, tmp_path / "copy", by="dana@host").orgs] == ["00D1", "00D2"]
    for org in ("00D1", "00D2"):
        with store_at(url, org) as store:
            assert store.setting(RESTORED) is not None
            assert store.verify().problems == ()
    assert (tmp_path / "new" / "syncd.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("target", "says"),
    [("no/such/copy", "its folder does not exist"), (".", "is a folder"), ("/proc/copy", "cannot be read or written")],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, target: str, says: str) -> None:
    with store_at(f"sqlite:///{tmp_path / 'syncd.db'}") as store:
        write(store, 1)
    with pytest.raises(StoreUnusable, match=says):
        back_up(f"sqlite:///{tmp_path / 'syncd.db'}", tmp_path / target)


def test_an_open_intent_survives_a_backup(url: str, tmp_path: Path) -> None:
    with store_at(url) as store:
        with store.begin() as tx:
            tx.open([(WISH, None)], T, "c1")
        back_up(url, tmp_path / "copy")
    restore(url, tmp_path / "copy", by="dana@host", replace=True)
    with store_at(url) as store:
        assert [one.intent for one in store.open_intents()] == [WISH]
