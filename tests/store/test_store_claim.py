"""Two databases for one org on one machine: the second writer is refused and names the first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncd.errors import LeaseHeld
from syncd.store import claim, lease, process
from syncd.store.sql import SqlStore, open_store

ORG = "00D5e00000SYNCDAAA"
SITE = "127.0.0.1:1"

WRITER = """
import os, sys
from syncd.errors import LeaseHeld
from syncd.store.sql import open_store
store = open_store(sys.argv[1], "00D5e00000SYNCDAAA")
store.site = sys.argv[2]
try:
    store.acquire_lease("host-a", os.getpid())
except LeaseHeld as problem:
    print(problem, problem.hint, flush=True)
else:
    print("held", flush=True)
    sys.stdin.readline()
    store.release_lease("host-a", os.getpid())
    print("released", flush=True)
    sys.stdin.readline()
"""


class Writer:
    """A daemon in a process of its own."""

    def __init__(self, path: Path, site: str) -> None:
        words = [sys.executable, "-c", WRITER, f"sqlite:///{path}", site]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.told = self.hear()

    def hear(self) -> str:
        """Return its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go_on(self) -> str:
        """Let it do the next thing."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.hear()


@contextmanager
def writer(path: Path, site: str = SITE) -> Iterator[Writer]:
    daemon = Writer(path, site)
    try:
        yield daemon
    finally:
        daemon.process.kill()
        daemon.process.wait()
        for pipe in (daemon.process.stdin, daemon.process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture(autouse=True)
def _only_linux() -> None:
    if sys.platform != "linux":
        pytest.skip("the kernel's names for processes are Linux's")


def opened(path: Path, site: str = SITE) -> SqlStore:
    store = open_store(f"sqlite:///{path}", ORG)
    store.site = site
    return store


def test_a_second_database_for_the_same_org_is_refused_and_the_first_process_named(tmp_path: Path) -> None:
    with writer(tmp_path / "a.db") as first, writer(tmp_path / "b.db") as second:
        assert first.told == "held"
        assert f"org {ORG} is written by another syncd on this machine, process {first.process.pid} (python" in second.told
        assert "with another database." in second.told
        assert "Stop that one first" in second.told
        with writer(tmp_path / "b.db", site="127.0.0.1:2") as elsewhere:
            assert elsewhere.told == "held", "another emulated org with the same id"


@pytest.mark.parametrize("way", ["release", "kill"])
def test_the_org_is_free_when_its_writer_ends(tmp_path: Path, way: str) -> None:
    with writer(tmp_path / "a.db") as first:
        if way == "release":
            assert first.go_on() == "released"
        else:
            first.process.kill()
            first.process.wait()
        with writer(tmp_path / "b.db") as second:
            assert second.told == "held"


@pytest.mark.sweep
def test_a_store_that_is_closed_or_that_was_refused_claims_nothing(tmp_path: Path) -> None:
    first, second = opened(tmp_path / "a.db"), opened(tmp_path / "b.db")
    first.acquire_lease("host-a", os.getpid())
    second.acquire_lease("host-a", os.getpid())
    first.dispose()
    with writer(tmp_path / "c.db") as other:
        assert f"process {os.getpid()}" in other.told
    second.dispose()
    with writer(tmp_path / "c.db") as other:
        assert other.told == "held"
        third = opened(tmp_path / "c.db")
        with pytest.raises(LeaseHeld, match=f"process {other.process.pid} on host-a"):
            third.acquire_lease("host-b", os.getpid())
        third.dispose()


def test_a_writer_that_hangs_keeps_only_other_databases_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writer(tmp_path / "a.db") as first:
        os.kill(first.process.pid, signal.SIGSTOP)
        same, other = opened(tmp_path / "a.db"), opened(tmp_path / "b.db")
        same.host = other.host = "host-a"
        steady = process.steady_seconds()
        monkeypatch.setattr(lease, "steady_seconds", lambda: steady + 31)
        same.acquire_lease("host-a", os.getpid())
        with pytest.raises(LeaseHeld, match="with another database"):
            other.acquire_lease("host-a", os.getpid())
        same.dispose()
        other.dispose()


def test_a_writer_that_hangs_and_was_asked_often_does_not_keep_its_own_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writer(tmp_path / "a.db") as first:
        os.kill(first.process.pid, signal.SIGSTOP)
        same = opened(tmp_path / "a.db")
        same.host = "host-a"
        for _ in range(5):
            with pytest.raises(LeaseHeld, match=f"process {first.process.pid} on host-a"):
                same.acquire_lease("host-a", os.getpid())
        monkeypatch.setattr(claim.CLAIMS, "take", lambda org, site: 0)  # the kernel keeps no more questions for it
        with pytest.raises(LeaseHeld, match=f"process {first.process.pid} on host-a"):
            same.acquire_lease("host-a", os.getpid())
        steady = process.steady_seconds()
        monkeypatch.setattr(lease, "steady_seconds", lambda: steady + 31)
        same.acquire_lease("host-a", os.getpid())
        same.dispose()
