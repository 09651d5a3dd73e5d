"""How does the daemon keep its beat, keep its lease, take up requests, and end cleanly?

The scheduler only ticks, and never twice at once; each tick does what is due: a cycle, then what commands asked for. What is
due is told by the machine's steady clock, so that a corrected host clock neither delays a cycle nor doubles one; a beat that
was missed is not made up for. A keeper renews the lease and watches; the main thread waits for the signal to end.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from types import FrameType
from typing import Any

import structlog

from syncd.engine import health
from syncd.engine.bell import Bell
from syncd.engine.cycle import run_cycle
from syncd.engine.host_clock import HostClock
from syncd.engine.loading import BACKLOG
from syncd.engine.policy_files import PolicyFiles
from syncd.engine.reloading import Reloading
from syncd.engine.requests import take_up
from syncd.engine.ticking import Ticker
from syncd.engine.watchdog import Watchdog
from syncd.engine.world import Stopped, World
from syncd.errors import LoginRefused, OrgRefused, OrgUnreachable, StoreUnusable, SyncdError
from syncd.ports import CycleRecord, OrgReader, OrgWriter, Request, Store

RENEW_S = 8.0
LOOK_S = 0.5
DRAIN_S = 8.0
DRAIN_UNSTARTED_S = 0.5  # before the first cycle nothing is in flight
WAKES_S = 1.0
STUMBLE_S = 5.0  # before the next look at requests, when the store could not be read or written
OVERRUNS_AFTER = 2  # intervals
WAIT_FIRST_S, WAIT_MAX_S, WAIT_REFUSED_S = 1.0, 60.0, 300.0

Work = tuple[World, OrgWriter]


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
    """Runs cycles and takes up requests until it is asked to end.

    A cycle that fails is logged and recorded; the next one tries again. A second writer, a database that is gone or damaged,
    a worker that shows no sign of life, or a broken promise of our own ends the daemon.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic, files: PolicyFiles | None = None) -> None:
        self._steady = steady
        self._bell = Bell()
        self._ending = threading.Event()
        self._is_started = False
        self._due_s = self._rests_until_s = 0.0
        self._fault: BaseException | None = None
        self._watchdog = Watchdog(timedelta(minutes=2).total_seconds(), steady)
        self._log = structlog.get_logger("syncd")
        self._clock = HostClock()
        self._reloading = None if files is None else Reloading(files, steady, self._clock.now)

    def listen(self) -> None:
        """Take SIGTERM and SIGINT, and SIGHUP as the wish to look at the policy files."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, self._on_hangup)

    def warn(self, text: str) -> None:
        """Log something that somebody should read before the first cycle."""
        self._log.warning("before the first cycle", text=text)

    def is_ending(self) -> bool:
        """Tell whether the daemon was asked to end. Cycles ask at each pause point, which is their sign of life as well."""
        self._watchdog.sign()
        return self._ending.is_set()

    def run(self, opened: Callable[[], AbstractContextManager[Work]]) -> None:
        """Open the world and run until SIGTERM or SIGINT. Raises LeaseHeld when another daemon writes for this org."""
        worker = threading.Thread(target=self._work, args=[opened], name="syncd-worker", daemon=True)
        worker.start()
        while not self._bell.wait(WAKES_S):
            pass  # a signal may reach another thread: only a main thread that wakes now and then hears of it
        self._ending.set()
        worker.join(DRAIN_S if self._is_started else DRAIN_UNSTARTED_S)
        is_settled = not worker.is_alive()
        if self._is_started:
            self._log.info("ended", settled=is_settled)
        if not is_settled:
            self._leave()
        if self._fault is not None:
            raise self._fault

    def await_org(self, org: OrgReader, known: Callable[[], AbstractContextManager[Store | None]]) -> None:
        """Return when the org answers; wait for it where it does not, longer each time, with the lease of its known store.

        Errors: OrgRefused when no store is known: a first start says at once what is wrong. Stopped, LeaseHeld, StoreUnusable.
        """
        try:
            org.identity()
        except (OrgUnreachable, OrgRefused) as problem:
            with known() as store:
                if store is None and isinstance(problem, OrgRefused):
                    raise
                with self._kept(store):
                    self._wait_for(org, store, problem)

    def _wait_for(self, org: OrgReader, store: Store | None, problem: SyncdError) -> None:
        wait_s = WAIT_FIRST_S
        while True:
            self._tell_failure("the org does not answer", problem, store)
            self._pause(WAIT_REFUSED_S if isinstance(problem, LoginRefused) else wait_s)
            wait_s = min(2 * wait_s, WAIT_MAX_S)
            try:
                org.identity()
                return
            except (OrgUnreachable, OrgRefused) as again:
                problem = again

    def _pause(self, seconds: float) -> None:
        """Wait. Raises Stopped when the daemon is asked to end."""
        if self._ending.wait(seconds):
            raise Stopped

    @contextmanager
    def _kept(self, store: Store | None) -> Iterator[None]:
        """Hold the lease of a store, renewed and watched by a thread of its own."""
        if store is None:
            yield
            return
        done = threading.Event()
        with holding_lease(store) as renew:
            keeper = threading.Thread(target=self._keep, args=[store, renew, done], name="syncd-keeper", daemon=True)
            keeper.start()
            try:
                yield
            finally:
                done.set()
                keeper.join(DRAIN_S)

    def _keep(self, store: Store, renew: Callable[[], None], done: threading.Event) -> None:
        renewed_s = self._steady()
        while not done.wait(LOOK_S):
            try:
                if self._steady() - renewed_s >= RENEW_S:
                    renewed_s = self._steady()
                    renew()
                self._watch(store)
            except SyncdError as problem:
                self._log.error("lease not renewed", reason=str(problem), next=problem.hint)
                self._end_without_store(problem)
            except BaseException as fault:  # noqa: BLE001 - without its keeper the daemon would lose its lease unnoticed
                self._end(fault)

    def _watch(self, store: Store) -> None:
        found = self._watchdog.look()
        if found is None:
            return
        event = "hangs: no sign of life" if found.is_hanging else "takes longer than it should"
        self._log.warning(event, what=found.what, running_s=round(found.running_s), seen_in=found.seen_in)
        if found.is_hanging:
            self._end(AssertionError(f"{found.what} showed no sign of life for too long; it stood in {found.seen_in}"))
        since_at = self._clock.now() - timedelta(seconds=found.running_s)
        health.note_overrun(store, found.what, found.seen_in, since_at)

    def _work(self, opened: Callable[[], AbstractContextManager[Work]]) -> None:
        try:
            with opened() as (world, org), self._kept(world.store):
                try:
                    self._start(world)
                    self._beat(world, org)
                finally:
                    self._note_end(world.store)
        except Stopped:
            self._log.info("cut short", reason="the daemon was asked to end")
        except BaseException as fault:  # noqa: BLE001 - raised again in the main thread
            self._fault = self._fault or fault
        finally:
            self._bell.ring()

    def _note_end(self, store: Store) -> None:
        """Tell the next start that this one was ended on purpose."""
        if self._ending.is_set() and self._fault is None:
            with suppress(StoreUnusable):
                health.note_settled(store)

    def _start(self, world: World) -> None:
        """Wait first when the starts before this one finished no cycle."""
        interval_s = world.pace.interval.total_seconds()
        self._watchdog = Watchdog(OVERRUNS_AFTER * interval_s, self._steady, lambda: world.org.usage().ours)
        self._is_started = True
        self._log.info("started", interval_s=interval_s, pid=os.getpid())
        wait = health.note_start(world.store, self._clock.now())
        if wait:
            self._log.error("waits before the first cycle: earlier starts ended without one", wait_s=wait.total_seconds())
            self._pause(wait.total_seconds())
        if self._reloading is not None:
            self._reloading.begin(world)

    def _beat(self, world: World, org: OrgWriter) -> None:
        self._due_s = self._steady()
        ticker = Ticker(lambda: self._tick(world, org), self._steady)
        with ticker.running():
            while not self._ending.wait(LOOK_S):
                ticker.nudge()

    def _tick(self, world: World, org: OrgWriter) -> None:
        """Do what is due. Every fault ends the daemon: the scheduler would only log it, and tick on."""
        if self._ending.is_set() or self._steady() < self._rests_until_s:
            return
        try:
            self._do_what_is_due(world, org)
        except Stopped:
            self._log.info("cut short", reason="the daemon was asked to end")
        except BaseException as fault:  # noqa: BLE001 - raised again in the main thread
            self._end(fault)

    def _do_what_is_due(self, started: World, org: OrgWriter) -> None:
        world = self._under_policies(started)
        if self._steady() >= self._due_s:
            is_behind = self._guarded(world, "cycle", lambda: self._cycle(world, org))
            now_s = self._steady()
            self._due_s = now_s if is_behind else max(self._due_s + world.pace.interval.total_seconds(), now_s)
        if self._guarded(world, "request", lambda: take_up(world, org, self._tell_request)) is None:
            self._rests_until_s = self._steady() + STUMBLE_S

    def _under_policies(self, world: World) -> World:
        """Take up edited policy files, and return the world under those that are in force."""
        reloading = self._reloading
        if reloading is None:
            return world
        self._guarded(world, "reload", lambda: reloading.look(world))
        return reloading.under(world)

    def _cycle(self, world: World, org: OrgWriter) -> int:
        record = run_cycle(world, org)
        log_cycle(record)
        health.note_settled(world.store)
        world.store.checkpoint()
        return record.counts.get(BACKLOG, 0)

    def _tell_request(self, request: Request, answer: Mapping[str, Any]) -> None:
        log = self._log.bind(request=request.number, verb=request.verb, by=request.asked_by)
        if "error" in answer:
            log.warning("request refused", reason=answer["error"]["text"])
        else:
            log.info("request done")

    def _guarded(self, world: World, what: str, work: Callable[[], int]) -> int | None:
        """Do one thing under the watchdog; what the world is to blame for is told (None), and the next beat tries again."""
        try:
            with self._watchdog.watching(what):
                return work()
        except SyncdError as problem:
            self._tell_failure(f"{what} failed", problem, world.store)
            self._end_without_store(problem)
            return None

    def _tell_failure(self, event: str, problem: SyncdError, store: Store | None) -> None:
        self._log.error(event, reason=str(problem), next=problem.hint, permanent=problem.permanent)
        if store is not None and not isinstance(problem, StoreUnusable):
            with suppress(StoreUnusable):
                health.note_failure(store, problem, self._clock.now())

    def _end_without_store(self, problem: SyncdError) -> None:
        """End for a lease that another took, or a database that waiting will not bring back."""
        if isinstance(problem, StoreUnusable) and problem.permanent:
            self._end(problem)

    def _end(self, fault: BaseException) -> None:
        self._fault = self._fault or fault
        self._ending.set()
        self._bell.ring()

    def _leave(self) -> None:
        """End the process although a request hangs: the interpreter would wait for its thread.

        It is what a crash at this point would do: the next start looks what became of the request.
        """
        if self._fault is not None:
            self._log.error("ended by a fault", reason=str(self._fault))
        logging.shutdown()
        os._exit(0 if self._fault is None else 1)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._bell.ring()

    def _on_hangup(self, number: int, _frame: FrameType | None) -> None:
        if self._reloading is not None:
            self._reloading.ask()


def log_cycle(record: CycleRecord) -> None:
    """Log one finished cycle with its counts; warnings about people's changes are its own level."""
    log = structlog.get_logger("syncd").bind(cycle=record.id)
    counts = {name.replace(" ", "_"): number for name, number in sorted(record.counts.items())}
    if record.counts.get("crossings warn"):
        log.warning("crossings to look at", number=record.counts["crossings warn"])
    log.info("cycle", **counts)
