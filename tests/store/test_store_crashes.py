"""Crashes around commits, leases of dead processes, and two stores on one file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.core.values import Entry, Intent, OrgRecord, Rule
from syncd.errors import LeaseHeld
from syncd.store.sql import SqlStore, Surroundings

T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Opener = Callable[..., SqlStore]
WISH = Intent("k1", "Lead", "00Q1", "Status", "MQL", "Open", "revert", Rule("r", "f", 1), "why", "h", "crossing")


class Killed(BaseException):
    """Stands for the end of the process."""


def killed() -> None:
    raise Killed


def write_all(store: SqlStore) -> None:
    with store.begin() as tx:
        tx.mirror([OrgRecord("Lead", "00Q1", T, {"Email": "ann@example.com"})])
        tx.stage("Lead", [OrgRecord("Lead", "00Q2", T, {})], None, None)
        tx.append([Entry(kind="change", at=T, cycle="c1", before="a")])
        tx.open([(WISH, 1)], T, "c1")
        tx.advance("Lead", T)


@pytest.mark.parametrize(
    ("around", "is_kept"), [(Surroundings(before_commit=killed), False), (Surroundings(after_commit=killed), True)]
)
def test_a_crash_around_a_commit_leaves_all_or_nothing(opened: Opener, around: Surroundings, is_kept: bool) -> None:
    crashing = opened(around=around)
    with pytest.raises(Killed):
        write_all(crashing)
    crashing.dispose()
    store = opened()
    found = (store.count("Lead"), len(store.cases(("Lead",), 9)), store.ledger_size(), store.count_open(), len(store.marks()))
    assert found == ((1, 1, 2, 1, 1) if is_kept else (0, 0, 0, 0, 0))
    assert store.verify().problems == ()


def test_what_a_killed_process_committed_is_there(database: Path, opened: Opener) -> None:
    program = f"""
import os, signal
from datetime import UTC, datetime
from syncd.core.values import Entry
from syncd.store.sql import open_store
store = open_store("sqlite:///{database}", "00D5e00000SYNCDAAA")
for number in range(5):
    with store.begin() as tx:
        tx.append([Entry(kind="note", at=datetime.now(UTC), cycle="c", after=number)])
with store.begin() as tx:
    tx.append([Entry(kind="note", at=datetime.now(UTC), cycle="c", after="never")])
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    store = opened()
    assert store.ledger_size() == 5
    assert store.verify().problems == ()


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_the_lease_of_a_dead_process_on_this_host_is_free_at_once(opened: Opener) -> None:
    pid = dead_pid()
    here, elsewhere = (opened(around=Surroundings(host=host, now=lambda: T)) for host in ("host-a", "host-b"))
    here.acquire_lease("host-a", pid, T)
    assert here.lease_holder() is None
    holder = elsewhere.lease_holder()
    assert holder is not None
    assert (holder.host, holder.pid, holder.since_at) == ("host-a", pid, T)
    with pytest.raises(LeaseHeld):
        elsewhere.acquire_lease("host-b", 1, T)
    here.acquire_lease("host-a", os.getpid(), T)


def test_the_lease_of_a_live_process_on_this_host_is_held(opened: Opener) -> None:
    store = opened(around=Surroundings(host="host-a", now=lambda: T + timedelta(seconds=23)))
    store.acquire_lease("host-a", os.getpid(), T)
    with pytest.raises(LeaseHeld, match=f"process {os.getpid()} on host-a"):
        store.acquire_lease("host-a", os.getpid() + 1, T)
    holder = store.lease_holder()
    assert holder is not None
    assert holder.since_at == T


def test_readers_see_an_expired_lease_as_free(opened: Opener) -> None:
    store = opened(around=Surroundings(host="host-a", now=lambda: T + timedelta(seconds=24)))
    store.acquire_lease("host-b", 7, T)
    assert store.lease_holder() is None
    store.renew_lease("host-b", 7, T + timedelta(seconds=1))
    holder = store.lease_holder()
    assert holder is not None
    assert holder.since_at == T


def test_a_lease_is_for_one_org(opened: Opener) -> None:
    opened("00D1").acquire_lease("host-a", 1, T)
    opened("00D2").acquire_lease("host-b", 2, T)


def test_orgs_in_one_database_do_not_see_each_other(opened: Opener) -> None:
    first, second = opened("00D1"), opened("00D2")
    write_all(first)
    assert (second.count("Lead"), second.ledger_size(), second.count_open(), second.cases(("Lead",), 9), second.marks()) == (
        0,
        0,
        0,
        [],
        {},
    )
    write_all(second)
    assert second.ledger_size() == 2
    assert first.verify().problems == second.verify().problems == ()
