"""Do several daemons on one store and one org ever write at the same time, and how long does a take-over take?

Daemons are started, stopped with SIGSTOP, woken up, killed and started again by chance while people and a tool edit the org.
The org's own request log tells who wrote when: whoever wrote must never write again after another began to.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.local import RunningOrg, running
from tests.engine.scene import Scene, write_home
from tests.engine.small_org import owner, write_small_org
from tests.sweep.daemons import Deed, Nursery, deeds_of, events, overlaps, wait_until

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(900)]

FAST = '[schedule]\ninterval = "1 s"\n'
RUNS = 20
STEPS = 12
FACTOR = 0.15  # a lease of 4.5 s, so that a run sees several take-overs
TAKES_OVER_WITHIN_S = 30.0
LEADS = 2 * STEPS + 4
FRESH = {"LastName": "Fresh", "Company": "Acme", "Status": "Working", "OwnerId": owner("ada")}


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it tells of each request whose client was killed
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def ticking(tmp_path: Path) -> Iterator[RunningOrg]:
    folder = tmp_path / "load"
    folder.mkdir()
    with running(load=write_small_org(folder), frozen=False) as served:
        yield served


class Chaos:
    """Some daemons on one home, and what was done to them."""

    def __init__(self, served: RunningOrg, folder: Path, nursery: Nursery, seed: int, factor: float) -> None:
        self.served, self.nursery, self.factor = served, nursery, factor
        self.home = folder / f"home-{seed}"
        self.home.mkdir()
        write_home(self.home, served.url, config=FAST)
        self.scene = Scene(served, self.home)
        self.scene.fences(status={"tool": "revert"})
        self.scene.limits(records_max=100_000, records_min=100_000)
        self.random = random.Random(seed)
        made = [self.scene.do("ada", "create", "Lead", **FRESH)["id"] for _ in range(LEADS)]
        self.scene.cycle()
        self.fresh: list[str] = made
        self.touched: list[str] = []
        self.asleep: set[int] = set()
        self.logs: dict[int, Path] = {}
        self.history: list[str] = []

    def start(self) -> int:
        log = self.home / f"log-{len(self.logs)}"
        pid = self.nursery.start(self.home, log, lease=self.factor)
        self.logs[pid] = log
        self.history.append(f"start {pid}")
        return pid

    def living(self) -> list[int]:
        """Return the daemons that run, a second one that was refused left out."""
        return [pid for pid in self.logs if pid in self.nursery.alive and not self._is_over(pid)]

    def _is_over(self, pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
        except OSError:
            self.nursery.alive.discard(pid)
            return True
        return state == "Z"

    def step(self) -> None:
        """Do one thing by chance."""
        awake = [pid for pid in self.living() if pid not in self.asleep]
        asleep = [pid for pid in self.living() if pid in self.asleep]
        choices: list[Any] = [self.start] if len(self.living()) < 3 else []
        choices += [lambda: self._signal(signal.SIGSTOP, awake), lambda: self._signal(signal.SIGKILL, awake)] if awake else []
        choices += [lambda: self._signal(signal.SIGCONT, asleep)] * 2 if asleep else []
        self.random.choice(choices)()
        for _ in range(2):
            self.cross()
        time.sleep(self.random.uniform(0.1, 1.6))

    def cross(self) -> str:
        """Let the tool take a lead over the fence that it never took before: syncd fights a machine for a record once."""
        self.touched.append(self.fresh.pop())
        self.scene.edit("marketo", self.touched[-1], Status="Inquiry")
        return self.touched[-1]

    def is_back(self, id: str) -> bool:
        """Tell whether a lead was put back."""
        return bool(self.scene.row(id)["Status"] == "Working")

    def _signal(self, number: signal.Signals, pids: list[int]) -> None:
        pid = self.random.choice(pids)
        self.history.append(f"{number.name} {pid}")
        (self.asleep.add if number is signal.SIGSTOP else self.asleep.discard)(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def calm_down(self) -> None:
        """Wake all, let one go on until nothing is left to do, and end it."""
        for pid in self.living():
            if pid in self.asleep:
                self._signal(signal.SIGCONT, [pid])
        deadline = time.monotonic() + 90
        while not self._is_quiet():
            assert time.monotonic() < deadline, (self.history, [events(log)[-3:] for log in self.logs.values()])
            if not self.living():
                self.start()
            time.sleep(0.5)
        for pid in self.living():
            self.nursery.end(pid)

    def _is_quiet(self) -> bool:
        with self.scene.store() as store:
            is_settled = store.count_open() == 0
        return is_settled and all(self.is_back(id) for id in self.touched)

    def deeds(self) -> list[Deed]:
        return deeds_of(self.served, self.scene.first_request)


def one_run(folder: Path, nursery: Nursery, seed: int) -> tuple[list[Deed], list[str]]:
    """Live through one history; return who wrote when, and what is wrong."""
    (folder / "load").mkdir(parents=True)
    with running(load=write_small_org(folder / "load"), frozen=False) as served:
        chaos = Chaos(served, folder, nursery, seed, FACTOR)
        for _ in range(STEPS):
            chaos.step()
        chaos.calm_down()
        deeds = chaos.deeds()
        wrong = overlaps(deeds)
        with chaos.scene.store() as store:
            wrong += store.verify().problems
        wrong += [f"{log.name} holds a traceback" for log in chaos.logs.values() if "Traceback" in log.read_text("utf-8")]
        return deeds, [f"seed {seed}: {one} ({chaos.history})" for one in wrong]


def test_several_daemons_under_chaos_never_write_at_the_same_time(
    tmp_path: Path, nursery: Nursery, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong: list[str] = []
    writes, writers, began = 0, 0, time.monotonic()
    for seed in range(RUNS):
        deeds, found = one_run(tmp_path / f"run-{seed}", nursery, seed)
        wrong += found
        writes, writers = writes + len(deeds), writers + len({deed.pid for deed in deeds})
    with capsys.disabled():
        took_s = time.monotonic() - began
        sys.stdout.write(f"\n{RUNS} runs, {writers} writers, {writes} writes: {len(wrong)} wrong, {took_s:.0f} s\n")
    assert writers > RUNS
    assert not wrong, "\n".join(wrong)


def stop_between_transactions(chaos: Chaos, pid: int) -> None:
    """Stop a daemon while it holds no lock: one that stands still inside a transaction of SQLite locks the file until it ends."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.05)
        with closing(sqlite3.connect(chaos.home / "syncd.db", timeout=0)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
                time.sleep(0.1)
            else:
                other.execute("ROLLBACK")
                return


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_a_daemon_that_stops_is_replaced_within_thirty_seconds_and_writes_no_more_when_it_wakes(
    ticking: RunningOrg, tmp_path: Path, nursery: Nursery, how: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    chaos = Chaos(ticking, tmp_path, nursery, 0, 1.0)
    first = chaos.start()
    wait_until(lambda: any(e["event"] == "cycle" for e in events(chaos.logs[first])), 60, lambda: events(chaos.logs[first]))
    one = chaos.cross()
    wait_until(lambda: chaos.is_back(one), 60, lambda: events(chaos.logs[first]))
    if how is signal.SIGSTOP:
        stop_between_transactions(chaos, first)
    else:
        nursery.kill(first)
    began = time.monotonic()
    second, took_s = first, 0.0
    while second == first:  # as a supervisor does
        pid = chaos.start()
        log = chaos.logs[pid]
        wait_until(
            lambda: chaos._is_over(pid) or any(e["event"] == "started" for e in events(log)),  # noqa: B023
            60,
            lambda: events(log),  # noqa: B023
        )
        if any(event["event"] == "started" for event in events(log)):
            second, took_s = pid, time.monotonic() - began
        else:
            assert f"process {first}" in log.read_text("utf-8")
            nursery.code(pid)
    two = chaos.cross()
    wait_until(lambda: chaos.is_back(two), 60, lambda: events(chaos.logs[second]))
    if how is signal.SIGSTOP:
        three = chaos.cross()
        os.kill(first, signal.SIGCONT)
        assert nursery.code(first) == 1
        assert f"process {second}" in chaos.logs[first].read_text("utf-8")
        wait_until(lambda: chaos.is_back(three), 60, lambda: events(chaos.logs[second]))
    deeds = chaos.deeds()
    with capsys.disabled():
        sys.stdout.write(f"\ntaken over {took_s:.1f} s after {how.name}\n")
    assert overlaps(deeds) == []
    assert {deed.pid for deed in deeds} == {first, second}
    assert took_s <= TAKES_OVER_WITHIN_S
    assert nursery.end(second)[0] == 0


def test_the_log_reader_names_who_wrote_again_after_another() -> None:
    assert overlaps([Deed(1, 7), Deed(2, 7), Deed(3, 8), Deed(4, 9)]) == []
    [wrong] = overlaps([Deed(1, 7), Deed(2, 8), Deed(3, 7)])
    assert wrong == "request 3: process 7 writes again after process 8 began to"
