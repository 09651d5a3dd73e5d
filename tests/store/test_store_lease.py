"""One writer: what the epoch lets through, and what it refuses, whatever the clocks say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.errors import LeaseHeld
from syncd.store import lease as leases
from syncd.store import process
from syncd.store.sql import SqlStore, Surroundings

T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOST = "host-a"
Opener = Callable[..., SqlStore]

HOLDER = """
import os, sys
from syncd.store.sql import Surroundings, open_store
store = open_store(sys.argv[1], "00D5e00000SYNCDAAA", around=Surroundings(host=sys.argv[2]))
store.acquire_lease(sys.argv[2], os.getpid())
print("held", flush=True)
for line in sys.stdin:
    try:
        if "check" in line:
            store.check_writer()
        elif "renew" in line:
            store.renew_lease(sys.argv[2], os.getpid())
        else:
            with store.begin() as tx:
                tx.put_setting("written by", os.getpid())
    except Exception as problem:
        print(type(problem).__name__, flush=True)
    else:
        print("done", flush=True)
"""


class Other:
    """A daemon in a process of its own that took the lease."""

    def __init__(self, database: Path, host: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, f"sqlite:///{database}", host],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        self._hear("held")

    def _hear(self, *words: str) -> str:
        assert self._process.stdout is not None
        found = self._process.stdout.readline().strip()
        assert found in words or not words
        return found

    def does(self, what: str) -> str:
        """Let it check, renew or write, and return how that went."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._hear()

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def other(database: Path, host: str = HOST) -> Iterator[Other]:
    process = Other(database, host)
    try:
        yield process
    finally:
        process.end()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that lets seconds pass on this process's steady clock."""
    passed = 0.0
    steady = process.steady_seconds

    def let_pass(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    monkeypatch.setattr(leases, "steady_seconds", lambda: steady() + passed)
    return let_pass


def epoch_of(store: SqlStore) -> int:
    with store.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT epoch FROM lease").scalar_one())


def test_each_acquisition_has_a_number_of_its_own(opened: Opener) -> None:
    store = opened(around=Surroundings(host=HOST))
    epochs = []
    for _ in range(3):
        store.acquire_lease(HOST, os.getpid())
        epochs.append(epoch_of(store))
        store.release_lease(HOST, os.getpid())
    assert epochs == [1, 2, 3]
    assert store.lease_holder() is None


@pytest.mark.parametrize("door", ["begin", "check_writer", "renew_lease", "index"])
def test_who_lost_the_lease_writes_nothing_more(opened: Opener, door: str) -> None:
    first, second = (opened(around=Surroundings(host=host, now=lambda: T)) for host in ("host-a", "host-b"))
    first.acquire_lease("host-a", 7, T)
    second.acquire_lease("host-b", 8, T + timedelta(seconds=30))

    def begin() -> None:
        with first.begin() as tx:
            tx.put_setting("a", 1)

    doors: dict[str, Callable[[], None]] = {
        "begin": begin,
        "check_writer": first.check_writer,
        "renew_lease": lambda: first.renew_lease("host-a", 7, T),
        "index": lambda: first.index({"Lead": ["Email"]}),
    }
    with pytest.raises(LeaseHeld, match="process 8 on host-b, since 2026-03-01T12:00:30"):
        doors[door]()
    second.release_lease("host-b", 8)
    with pytest.raises(LeaseHeld, match="no longer this process's"):
        doors[door]()
    assert second.setting("a") is None


def test_a_process_that_never_took_the_lease_writes_only_while_nobody_holds_it(opened: Opener, database: Path) -> None:
    store = opened(around=Surroundings(host=HOST))
    with store.begin() as tx:
        tx.put_setting("a", 1)
    with other(database) as daemon:
        with pytest.raises(LeaseHeld, match=f"process {daemon.pid} on {HOST}"), store.begin():
            pytest.fail("the transaction began")
        with pytest.raises(LeaseHeld):
            store.check_writer()
        with store.begin(as_writer=False) as tx:
            tx.put_setting("asked", 1)
        with store.scratch() as layer, layer.begin() as tx:
            tx.put_setting("a", 2)
    with store.begin() as tx:
        tx.put_setting("a", 3)
    assert store.setting("asked") == 1


def test_a_process_that_wakes_up_after_a_take_over_can_neither_write_nor_send(
    opened: Opener, database: Path, later: Callable[[float], None]
) -> None:
    store = opened(around=Surroundings(host="host-b"))
    with other(database) as first:
        assert first.does("write") == "done"
        later(23)
        with pytest.raises(LeaseHeld, match=f"process {first.pid} on {HOST}"):
            store.acquire_lease("host-b", os.getpid())
        later(2)
        store.acquire_lease("host-b", os.getpid())
        assert [first.does(what) for what in ("check", "write", "renew")] == ["LeaseHeld"] * 3


def test_a_beat_keeps_the_lease(opened: Opener, later: Callable[[float], None]) -> None:
    store, rival = opened(around=Surroundings(host=HOST)), opened(around=Surroundings(host="host-b"))
    store.acquire_lease(HOST, os.getpid())
    for _ in range(3):
        later(16)
        store.renew_lease(HOST, os.getpid())
    later(16)
    with pytest.raises(LeaseHeld):
        rival.acquire_lease("host-b", os.getpid() + 1)


@pytest.mark.parametrize("steps", [timedelta(days=400), timedelta(days=-400)])
def test_a_clock_that_is_stepped_takes_no_lease_away_and_keeps_none(
    opened: Opener, database: Path, steps: timedelta, later: Callable[[float], None]
) -> None:
    store = opened(around=Surroundings(host="host-b", now=lambda: datetime.now(UTC) + steps))
    with other(database) as first:
        with pytest.raises(LeaseHeld, match=f"process {first.pid}"):
            store.acquire_lease("host-b", os.getpid())
        later(31)
        store.acquire_lease("host-b", os.getpid())


def test_a_beat_of_a_machine_whose_clock_ran_ahead_does_not_hold_for_ever(opened: Opener) -> None:
    store = opened(around=Surroundings(host="host-a"))
    store.acquire_lease("host-b", 7, T + timedelta(days=1))
    store.acquire_lease("host-a", 8, T)


def test_a_sender_that_was_held_up_renews_before_it_goes_on(
    opened: Opener, database: Path, later: Callable[[float], None]
) -> None:
    store = opened(around=Surroundings(host=HOST))
    rival = opened(around=Surroundings(host="host-b"))
    store.acquire_lease(HOST, os.getpid())
    later(40)
    store.check_writer()
    later(23)
    with pytest.raises(LeaseHeld):
        rival.acquire_lease("host-b", os.getpid() + 1)
    later(2)
    rival.acquire_lease("host-b", os.getpid() + 1)
    with pytest.raises(LeaseHeld):
        store.check_writer()


def test_a_long_transaction_is_a_sign_of_life(opened: Opener, later: Callable[[float], None]) -> None:
    store, rival = opened(around=Surroundings(host=HOST)), opened(around=Surroundings(host="host-b"))
    store.acquire_lease(HOST, os.getpid())
    with store.begin() as tx:
        tx.put_setting("a", 1)
        later(60)
    later(23)
    with pytest.raises(LeaseHeld):
        rival.acquire_lease("host-b", os.getpid() + 1)


def test_the_lease_of_a_killed_process_is_free_at_once_though_its_number_lives_again(
    opened: Opener, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(around=Surroundings(host=HOST))
    with other(database) as first:
        pass
    monkeypatch.setattr(process, "is_alive", lambda pid: True)  # another program was given the number
    assert first.pid
    assert store.lease_holder() is None
    store.acquire_lease(HOST, os.getpid())


def test_a_container_with_our_name_and_our_number_is_another_process(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (opened(around=Surroundings(host=HOST)) for _ in range(2))
    with monkeypatch.context() as patched:
        patched.setattr(leases, "process_token", lambda: "pid:[1]/100")
        first.acquire_lease(HOST, os.getpid())
    with pytest.raises(LeaseHeld, match=f"process {os.getpid()} on {HOST}"):
        second.acquire_lease(HOST, os.getpid())


def test_a_lease_given_back_is_not_taken_again_by_a_late_renewal(opened: Opener) -> None:
    store = opened(around=Surroundings(host=HOST))
    store.acquire_lease(HOST, os.getpid())
    store.release_lease(HOST, os.getpid())
    store.renew_lease(HOST, os.getpid())
    assert store.lease_holder() is None
