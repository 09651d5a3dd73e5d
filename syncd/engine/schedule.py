"""How does the daemon tick, keep its lease, and end cleanly?

The scheduler only ticks; the lease decides who runs, and the store decides what is due.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import FrameType

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from syncd.engine.cycle import run_cycle
from syncd.engine.world import Stopped, World
from syncd.errors import StoreUnusable, SyncdError
from syncd.ports import CycleRecord, OrgWriter, Store

RENEW_S = 8
DRAIN_S = 8.0


class HostClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the host's time in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@contextmanager
def holding_lease(store: Store) -> Iterator[Callable[[], None]]:
    """Hold the org's lease; gives a function that renews it. Raises LeaseHeld naming who writes for the org now."""
    host, pid = socket.gethostname(), os.getpid()
    store.acquire_lease(host, pid)
    try:
        yield lambda: store.renew_lease(host, pid)
    finally:
        with suppress(StoreUnusable):  # one that cannot be given back ends with this process
            store.release_lease(host, pid)


class Daemon:
    """Runs cycles on a schedule until it is asked to end.

    A cycle that fails is logged and recorded; the next one tries again. A second writer, a database that is gone or damaged,
    or a broken promise of our own ends the daemon.
    """

    def __init__(self) -> None:
        self._ending = threading.Event()
        self._working = threading.Lock()
        self._fault: BaseException | None = None
        self._is_running = False
        self._log = structlog.get_logger("syncd")

    def listen(self) -> None:
        """Take SIGTERM and SIGINT. Before the first cycle nothing is in flight, so that one ends the process at once."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def warn(self, text: str) -> None:
        """Log something that somebody should read before the first cycle."""
        self._log.warning("before the first cycle", text=text)

    def is_ending(self) -> bool:
        """Tell whether the daemon was asked to end."""
        return self._ending.is_set()

    def run(self, world: World, org: OrgWriter) -> None:
        """Run until SIGTERM or SIGINT. Raises LeaseHeld when another daemon writes for this org."""
        with holding_lease(world.store) as renew:
            self._is_running = True
            scheduler = BackgroundScheduler(timezone=UTC)
            rules = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
            every = world.pace.interval.total_seconds()
            scheduler.add_job(
                self._tick, "interval", args=[world, org], seconds=every, next_run_time=datetime.now(UTC), id="cycle", **rules
            )
            scheduler.add_job(self._renew, "interval", seconds=RENEW_S, args=[renew], id="lease", **rules)
            scheduler.start()
            self._log.info("started", interval_s=every, pid=os.getpid())
            self._ending.wait()
            scheduler.shutdown(wait=False)
            settled = self._working.acquire(timeout=DRAIN_S)
            self._log.info("ended", settled=settled)
        if not settled:
            self._leave()
        if self._fault is not None:
            raise self._fault

    def _leave(self) -> None:
        """End the process although a request hangs: the interpreter would wait for its thread.

        It is what a crash at this point would do: the next start looks what became of the request.
        """
        if self._fault is not None:
            self._log.error("ended by a fault", reason=str(self._fault))
        logging.shutdown()
        os._exit(0 if self._fault is None else 1)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._ending.set()
        if not self._is_running:
            raise SystemExit(0)

    def _tick(self, world: World, org: OrgWriter) -> None:
        if self._ending.is_set():
            return
        with self._working:
            try:
                log_cycle(run_cycle(world, org))
            except Stopped:
                self._log.info("cycle cut short", reason="the daemon was asked to end")
            except SyncdError as problem:
                self._log.error("cycle failed", reason=str(problem), next=problem.hint, permanent=problem.permanent)
                self._end_without_store(problem)
            except BaseException as fault:
                self._fault = fault
                self._ending.set()
                raise

    def _renew(self, renew: Callable[[], None]) -> None:
        try:
            renew()
        except SyncdError as problem:
            self._log.error("lease not renewed", reason=str(problem), next=problem.hint)
            self._end_without_store(problem)

    def _end_without_store(self, problem: SyncdError) -> None:
        """End for a lease that another took, or a database that waiting will not bring back."""
        if isinstance(problem, StoreUnusable) and problem.permanent:
            self._fault = problem
            self._ending.set()


def log_cycle(record: CycleRecord) -> None:
    """Log one finished cycle with its counts; warnings about people's changes are its own level."""
    log = structlog.get_logger("syncd").bind(cycle=record.id)
    counts = {name.replace(" ", "_"): number for name, number in sorted(record.counts.items())}
    if record.counts.get("crossings warn"):
        log.warning("crossings to look at", number=record.counts["crossings warn"])
    log.info("cycle", **counts)
