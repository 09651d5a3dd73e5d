"""Does the daemon keep its beat when the host's clock is corrected, and does every fault end it?"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from syncd.engine import schedule
from syncd.engine.schedule import Daemon
from syncd.engine.world import World
from syncd.errors import StoreUnusable, SyncdError
from syncd.ports import CycleRecord, OrgWriter
from tests.engine.scene import Scene


class Running:
    """A daemon in a thread of this process, whose cycles are counted instead of run."""

    def __init__(self, scene: Scene, monkeypatch: pytest.MonkeyPatch, *, interval_s: float = 0.2) -> None:
        self.daemon = Daemon()
        self.cycles: list[float] = []
        self.fault: BaseException | None = None
        self.does: Any = lambda: None
        self._scene, self._interval = scene, timedelta(seconds=interval_s)
        monkeypatch.setattr(schedule, "run_cycle", self._cycle)
        self._thread = threading.Thread(target=self._run)

    def _cycle(self, world: World, org: OrgWriter) -> CycleRecord:
        self.cycles.append(time.monotonic())
        self.does()
        now = datetime.now(UTC)
        return CycleRecord("c", now, now, {})

    @contextmanager
    def _world(self) -> Iterator[tuple[World, OrgWriter]]:
        with self._scene.world() as (world, org):
            pace = replace(world.pace, interval=self._interval)
            yield replace(world, pace=pace, is_stopping=self.daemon.is_ending), org

    def _run(self) -> None:
        try:
            self.daemon.run(self._world)
        except BaseException as fault:  # noqa: BLE001 - looked at by the test
            self.fault = fault

    def wait_for(self, cycles: int) -> None:
        deadline = time.monotonic() + 20
        while len(self.cycles) < cycles:
            assert time.monotonic() < deadline, self.cycles
            time.sleep(0.01)

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.daemon._bell.ring()
        self._thread.join(20)
        assert not self._thread.is_alive()
        logging.getLogger("apscheduler").setLevel(logging.NOTSET)


@pytest.mark.sweep
@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(days=-400), timedelta(hours=3), timedelta(days=400)])
def test_a_clock_that_is_corrected_neither_stops_the_beat_nor_doubles_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, step: timedelta
) -> None:
    with Running(scene, monkeypatch) as running:
        running.wait_for(2)
        with time_machine.travel(datetime.now(UTC) + step, tick=True):
            running.wait_for(len(running.cycles) + 3)
            seen = running.cycles[-3:]
        assert seen[2] - seen[0] >= 0.3
    assert running.fault is None


def test_a_cycle_that_failed_comes_again_and_an_end_in_mid_cycle_is_clean(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = threading.Event()

    def fail() -> None:
        if len(running.cycles) < 3:
            raise SyncdError("no answer")
        entered.set()
        while not running.daemon.is_ending():
            time.sleep(0.01)

    running = Running(scene, monkeypatch)
    running.does = fail
    with running:
        assert entered.wait(20)
    assert running.fault is None


@pytest.mark.parametrize("fault", [AssertionError("a promise of ours"), StoreUnusable("gone")])
def test_a_broken_promise_or_a_lost_store_ends_the_daemon(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def fail() -> None:
        raise fault

    running = Running(scene, monkeypatch)
    running.does = fail
    with running:
        running._thread.join(20)
    assert running.fault is fault
    assert len(running.cycles) == 1


def test_a_worker_without_a_sign_of_life_ends_the_daemon(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    release, left = threading.Event(), threading.Event()
    running = Running(scene, monkeypatch, interval_s=3600)
    offset = [0.0]
    running.daemon._steady = lambda: time.monotonic() + offset[0]
    running.does = lambda: release.wait(30)
    monkeypatch.setattr(schedule, "DRAIN_S", 0.5)
    monkeypatch.setattr(Daemon, "_leave", lambda self: left.set())
    with running:
        running.wait_for(1)
        offset[0] = 1000.0
        assert left.wait(20)
        release.set()
    assert "showed no sign of life" in str(running.fault)
    assert "test_beat.py" not in str(running.fault)
