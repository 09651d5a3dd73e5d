"""What only PostgreSQL does: a server that goes away, locks that wait, text of every language, and layers beside a daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import select, text

from syncd.core.values import Entry, Flag, FlagFact, InboxItem, OrgRecord
from syncd.errors import LeaseHeld, StoreUnusable
from syncd.ports import LedgerQuery
from syncd.store import postgres, schema
from syncd.store.sql import SqlStore, Surroundings, open_store
from syncd.store.tables import metadata, settings
from tests.postgres import ORG, Server, serving

T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Opener = Callable[..., SqlStore]


@pytest.fixture
def opened(postgres_url: str) -> Iterator[Opener]:
    """Return a function that opens the database; what it opened is closed at the end."""
    stores: list[SqlStore] = []

    def open_it(org: str = ORG, *, read_only: bool = False, around: Surroundings | None = None) -> SqlStore:
        stores.append(open_store(postgres_url, org, read_only=read_only, around=around))
        return stores[-1]

    yield open_it
    for store in stores:
        store.dispose()


@pytest.fixture
def store(opened: Opener) -> SqlStore:
    """Return an open, empty store."""
    return opened()


def test_ids_sort_by_code_point_whatever_the_language_of_the_database(store: SqlStore) -> None:
    ids = ["00QB", "00Qa", "00Q_", "00QÄ", "00Q1", "00Qb", "00Q\U0001f600", "00Qz"]
    with store.engine.connect() as connection:
        told = "SELECT string_agg(id, ',' ORDER BY id) FROM unnest(%(ids)s::text[]) AS id"
        assert connection.exec_driver_sql(told, {"ids": ids}).scalar_one().split(",") != sorted(ids), (
            "the database sorts otherwise"
        )
    with store.begin() as tx:
        tx.mirror([OrgRecord("Lead", id, T, {}) for id in ids])
    assert [row.id for row in store.scan("Lead")] == sorted(ids)
    assert [row.id for row in store.scan("Lead", after_id="00Qa", limit=2)] == sorted(ids)[4:6]


def test_every_text_column_sorts_by_code_point(store: SqlStore) -> None:
    query = text("SELECT table_name, column_name, collation_name FROM information_schema.columns WHERE data_type = 'text'")
    with store.engine.connect() as connection:
        found = {(table, column): collation for table, column, collation in connection.execute(query)}
    ours = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.c
        if (table.name, column.name) in found
    }
    assert len(ours) > 50
    assert {found[column] for column in ours} == {"C"}


def test_a_nul_stops_nothing_and_the_ledger_still_verifies(store: SqlStore) -> None:
    nul = "a\0b"
    store.index({"Lead": ["Company"]})
    with store.begin() as tx:
        tx.mirror([OrgRecord("Lead", "00Q1", T, {"Company": nul})])
        tx.append([Entry(kind="note", at=T, cycle="c", before=nul, after=nul, actor=nul, reason=nul, evidence={"said": nul})])
        tx.add_flags([FlagFact(Flag.UNREACHABLE, None, f"{nul}@example.com", "a.csv", nul, T)])
        tx.put_inbox([InboxItem("refused", "00Q1", nul, nul, nul)], T)
        tx.put_setting("a", nul)
    assert store.get("Lead", ["00Q1"])["00Q1"].fields == {"Company": nul}
    assert [row.id for row in store.by_key("Lead", "Company", [nul])] == ["00Q1"]
    [row] = store.ledger(LedgerQuery())
    assert (row.entry.before, row.entry.evidence, row.entry.reason) == (nul, {"said": nul}, "a\N{SYMBOL FOR NULL}b")
    assert store.verify().problems == ()
    assert store.setting("a") == nul
    assert len(store.flags([], [f"{nul}@example.com"])) == 1
    with store.begin() as tx:
        tx.resolve_inbox("refused", ["00Q1"], T)
    assert store.inbox() == []


def test_writers_of_one_org_wait_for_each_other_and_those_of_another_do_not(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LOCK_WAIT_S", 0.2)
    first, second, elsewhere = opened(), opened(), opened("00D5e00000OTHERAAA")
    with first.begin() as tx:
        tx.put_setting("a", 1)
        with elsewhere.begin() as other:
            other.put_setting("a", 2)
        with pytest.raises(StoreUnusable, match="another program kept it locked") as caught, second.begin():
            pytest.fail("the transaction began")
    assert not caught.value.permanent
    assert "It is syncd of syncd on the server itself (backend " in str(caught.value)
    with second.begin() as tx:
        tx.put_setting("a", 3)
    assert (first.setting("a"), elsewhere.setting("a")) == (3, 2)


def test_many_processes_at_once_lose_no_row_and_give_no_number_twice(opened: Opener) -> None:
    stores = [opened() for _ in range(4)]

    def append(store: SqlStore) -> None:
        for number in range(25):
            with store.begin() as tx:
                tx.append([Entry(kind="note", at=T, cycle="c", after=number)])

    threads = [threading.Thread(target=append, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verified = stores[0].verify()
    assert (verified.rows, verified.problems) == (100, ())


PAUSED = """
import os, sys
from syncd.store import postgres
from syncd.store.sql import Surroundings, open_store
postgres.STANDSTILL_S = 1
store = open_store(sys.argv[1], "00D5e00000SYNCDAAA", around=Surroundings(host="host-a"))
store.acquire_lease("host-a", os.getpid())
try:
    with store.begin() as tx:
        tx.put_setting("written by", "the paused one")
        print("inside", flush=True)
        sys.stdin.readline()
except Exception as problem:
    print(type(problem).__name__, getattr(problem, "permanent", None), flush=True)
try:
    store.check_writer()
except Exception as problem:
    print(type(problem).__name__, flush=True)
"""


def test_a_process_that_is_paused_inside_a_transaction_blocks_nobody_and_writes_nothing(
    opened: Opener, postgres_url: str
) -> None:
    paused = subprocess.Popen(
        [sys.executable, "-c", PAUSED, postgres_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert paused.stdout is not None
    assert paused.stdin is not None
    with paused.stdin, paused.stdout:
        assert paused.stdout.readline() == "inside\n"
        os.kill(paused.pid, signal.SIGSTOP)
        store = opened(around=Surroundings(host="host-b"))
        now = datetime.now(UTC)
        with pytest.raises(LeaseHeld, match=f"process {paused.pid} on host-a"):
            store.acquire_lease("host-b", os.getpid(), now)  # waits until the server has ended the paused transaction
        store.acquire_lease("host-b", os.getpid(), now + timedelta(seconds=31))
        with store.begin() as tx:
            tx.put_setting("mine", 1)
        os.kill(paused.pid, signal.SIGCONT)
        paused.stdin.write("\n")
        paused.stdin.flush()
        assert paused.stdout.readline() == "StoreUnusable False\n"
        assert paused.stdout.readline() == "LeaseHeld\n"
        paused.wait()
    assert (store.setting("written by"), store.setting("mine")) == (None, 1)


def test_a_plan_neither_holds_up_the_daemon_nor_sees_what_it_writes_meanwhile(opened: Opener) -> None:
    daemon, planner = opened(), opened()
    daemon.index({"Lead": ["Email"]})
    with daemon.begin() as tx:
        tx.mirror([OrgRecord("Lead", "00Q1", T, {"Email": "a@example.com"})])
        tx.append([Entry(kind="note", at=T, cycle="c")])
    daemon.acquire_lease("host-a", 7, T)
    with planner.scratch() as layer:
        with layer.begin() as tx:
            tx.advance("Lead", T)
            tx.append([Entry(kind="note", at=T, cycle="plan")])
            tx.put_setting("a", "of the plan")
            with daemon.begin() as other:  # the same rows, while the plan's transaction is open
                other.advance("Lead", T + timedelta(seconds=1))
                other.append([Entry(kind="note", at=T, cycle="c")])
                other.put_setting("a", "of the daemon")
        assert (layer.ledger_size(), layer.setting("a")) == (2, "of the plan")
        assert layer.verify().problems == ()
        assert layer.scan("Lead")[0].id == "00Q1"
    assert (daemon.setting("a"), daemon.ledger_size(), daemon.verify().problems) == ("of the daemon", 2, ())
    assert planner.setting("a") == "of the daemon"
    with planner.engine.connect() as connection:
        names = connection.execute(text("SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relname = 'records'"))
        assert names.scalar_one() == 0, "the copies are gone"


def test_a_read_sees_one_moment(opened: Opener) -> None:
    reader, writer = opened(read_only=True), opened()
    with reader.engine.connect() as connection:
        count = select(settings.c.key)
        assert connection.execute(count).all() == []
        with writer.begin() as tx:
            tx.put_setting("a", 1)
        assert connection.execute(count).all() == []
    assert reader.setting("a") == 1


def test_a_connection_that_only_reads_cannot_write(store: SqlStore) -> None:
    with store.engine.connect() as connection, pytest.raises(Exception, match="read-only transaction"):
        connection.execute(settings.insert(), [{"org": ORG, "key": "a", "value": "1"}])


def test_a_server_that_is_started_again_is_used_again_and_kept_what_was_committed() -> None:
    with serving() as server:
        store = open_store(server.url("migrated"), ORG)
        with store.begin() as tx:
            tx.put_setting("a", 1)
        with pytest.raises(StoreUnusable, match="the database server cannot be reached") as caught, store.begin() as tx:  # noqa: PT012 (the server ends in between)
            tx.put_setting("a", 2)
            server.restart()
            tx.put_setting("b", 2)
        assert not caught.value.permanent
        assert (store.setting("a"), store.setting("b")) == (1, None)
        with store.begin() as tx:
            tx.put_setting("a", 3)
        assert store.setting("a") == 3
        store.dispose()


def test_a_server_that_is_down_says_so_without_a_password() -> None:
    with pytest.raises(StoreUnusable, match=r"postgresql://syncd@/nothing: the database server cannot be reached") as caught:
        open_store("postgresql://syncd:canary-5ecret@/nothing?host=/nonexistent", ORG)
    assert not caught.value.permanent
    assert "canary" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ("CREATE TABLE customers (id int)", "the database has tables, but they are not syncd's"),
        ("CREATE TABLE alembic_version (version_num text); CREATE TABLE ledger_head (a int)", "written by a newer syncd"),
    ],
)
def test_a_database_of_somebody_else_or_of_later_is_refused_and_left_alone(
    postgres_server: Server, made: str, words: str
) -> None:
    url = postgres_server.new_database(template="template0")
    database = url.partition("?")[0].rpartition("/")[2]
    postgres_server.run(*made.split(";"), database=database)
    if "alembic" in made:
        postgres_server.run("INSERT INTO alembic_version VALUES ('9999')", database=database)
    for read_only in (False, True):
        with pytest.raises(StoreUnusable, match=words):
            open_store(url, ORG, read_only=read_only)
    postgres_server.drop(url)


def test_a_migration_that_fails_leaves_the_database_as_it_was(postgres_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres_server.new_database(template="template0")

    def fail(connection: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(postgres, "sort_by_code_point", fail)
        with pytest.raises(RuntimeError):
            open_store(url, ORG)
    with pytest.raises(StoreUnusable, match="older syncd"):
        open_store(url, ORG, read_only=True)
    made = open_store(url, ORG)
    assert made.is_new
    made.dispose()
    with psycopg.connect(
        dbname=url.partition("?")[0].rpartition("/")[2], user="syncd", host=str(postgres_server.folder)
    ) as found:
        assert found.execute("SELECT version_num FROM alembic_version").fetchall() == [(schema.HEAD,)]
    postgres_server.drop(url)


def test_of_two_programs_that_set_up_the_database_one_does_and_both_work(postgres_server: Server) -> None:
    url = postgres_server.new_database(template="template0")
    stores: list[SqlStore] = []
    threads = [threading.Thread(target=lambda: stores.append(open_store(url, ORG))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(store.is_new for store in stores) == [False, False, True]
    for store in stores:
        store.dispose()
    postgres_server.drop(url)
