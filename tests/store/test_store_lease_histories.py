"""Do several daemons on one store ever write at the same time, in many histories of pauses, crashes and clock steps?

Simulated clocks, real stores on one real file. A process may be paused at any point but between its last look at the lease and
the sending itself, which no look can cover: there the write's own precondition stands.
"""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.errors import LeaseHeld
from syncd.store import lease, sqlite
from syncd.store.sql import SqlStore, Surroundings, open_store

ORG = "00D5e00000SYNCDAAA"
STEPS = 40
LEASE_S = lease.EXPIRES_AFTER.total_seconds()


@dataclass(slots=True)
class World:
    """The clocks of all: the machine's steady one, and the time of day, which is corrected now and then."""

    steady_s: float = 10_000.0
    wall_at: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def pass_by(self, seconds: float) -> None:
        self.steady_s += seconds
        self.wall_at += timedelta(seconds=seconds)


@dataclass(slots=True)
class Daemon:
    """One host's syncd: `epoch` of the lease that it believes to hold, None while it does not run."""

    host: str
    store: SqlStore
    pid: int = 1
    epoch: int | None = None
    asleep_until_s: float = 0.0


@dataclass(slots=True)
class History:
    """What happened: who sent in which epoch, and when the lease was last renewed, taken or given back."""

    random: random.Random
    world: World
    daemons: list[Daemon]
    sent: list[tuple[int, str]] = field(default_factory=list)
    beat_s: float | None = None
    told: list[str] = field(default_factory=list)

    def live(self) -> None:
        for _ in range(STEPS):
            self.world.pass_by(self.random.choice((0.0, 0.1, 1.0, 4.0, 9.0, 14.0)))
            if self.random.random() < 0.05:
                self.world.wall_at += timedelta(hours=self.random.choice((-24, -1, 1, 24)))
            awake = [one for one in self.daemons if one.asleep_until_s <= self.world.steady_s]
            if awake:
                self.step(self.random.choice(awake))

    def step(self, one: Daemon) -> None:
        if self.random.random() < 0.15:
            one.asleep_until_s = self.world.steady_s + self.random.uniform(0, 2.5 * LEASE_S)
            return
        if one.epoch is None:
            self.start(one)
            return
        what = self.random.choices((self.renew, self.commit, self.send, self.end, self.crash), (4, 3, 4, 1, 1))[0]
        try:
            what(one)
        except LeaseHeld:
            self.told.append(f"{one.host} was told at {self.world.steady_s:.1f}")
            assert self.present_epoch() != one.epoch, "only who lost the lease is told so"
            self.crash(one)

    def start(self, one: Daemon) -> None:
        is_free = self.beat_s is None or self.world.steady_s - self.beat_s >= LEASE_S
        try:
            one.store.acquire_lease(one.host, one.pid)
        except LeaseHeld:
            assert not is_free, f"{one.host} was refused {self.world.steady_s - (self.beat_s or 0):.1f} s after the last beat"
            return
        assert is_free, f"{one.host} took a lease that was renewed {self.world.steady_s - (self.beat_s or 0):.1f} s ago"
        one.epoch = one.store._epoch
        self.beat_s = self.world.steady_s

    def renew(self, one: Daemon) -> None:
        one.store.renew_lease(one.host, one.pid)
        self.beat_s = self.world.steady_s

    def commit(self, one: Daemon) -> None:
        with one.store.begin() as tx:
            tx.put_setting("who", one.host)
        self.beat_s = self.stored_beat()

    def send(self, one: Daemon) -> None:
        one.store.check_writer()
        assert one.epoch is not None
        self.sent.append((one.epoch, one.host))
        self.beat_s = self.stored_beat()

    def end(self, one: Daemon) -> None:
        one.store.release_lease(one.host, one.pid)
        if one.store._epoch is None:
            self.beat_s = None
        one.epoch = None

    def crash(self, one: Daemon) -> None:
        one.epoch = one.store._epoch = None
        one.pid += 1

    def present_epoch(self) -> int:
        return self._row()[0]

    def stored_beat(self) -> float:
        """Return the beat as the store has it: transactions of the holder count as one now and then."""
        return self._row()[1]

    def _row(self) -> tuple[int, float]:
        store = self.daemons[0].store
        with store._reading() as connection:
            row = store._row(connection)
        assert row is not None
        return row.epoch, float(row.beat_s or 0)

    def problems(self) -> list[str]:
        epochs = [epoch for epoch, _ in self.sent]
        hosts: dict[int, set[str]] = {}
        for epoch, host in self.sent:
            hosts.setdefault(epoch, set()).add(host)
        wrong = [f"epoch {epoch}: written by {sorted(who)}" for epoch, who in hosts.items() if len(who) > 1]
        return wrong + (["somebody wrote again after another had begun to"] if epochs != sorted(epochs) else [])


@pytest.mark.parametrize("histories", [100, pytest.param(1000, marks=pytest.mark.sweep)])
def test_nobody_writes_after_another_began_and_a_take_over_takes_one_lease_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, histories: int
) -> None:
    world = World()
    monkeypatch.setattr(sqlite, "database_on", functools.partial(sqlite.database_on, is_durable=False))
    monkeypatch.setattr(lease, "steady_seconds", lambda: world.steady_s)
    monkeypatch.setattr(lease, "is_gone", lambda pid, token: False)  # whatever runs on the machine that tests
    stores = [
        open_store(
            f"sqlite:///{tmp_path / 'syncd.db'}", ORG, around=Surroundings(now=lambda: world.wall_at, host=f"host-{number}")
        )
        for number in range(3)
    ]
    writes, epochs = 0, 0
    try:
        for seed in range(histories):
            daemons = [Daemon(f"host-{number}", store) for number, store in enumerate(stores)]
            history = History(random.Random(seed), world, daemons)
            history.live()
            assert history.problems() == [], (seed, history.sent)
            writes, epochs = writes + len(history.sent), epochs + len({epoch for epoch, _ in history.sent})
            world.pass_by(LEASE_S)
            last = daemons[seed % 3]
            history.crash(last)
            last.store.acquire_lease(last.host, last.pid)
            last.store.release_lease(last.host, last.pid)
    finally:
        for store in stores:
            store.dispose()
    assert writes > 2 * histories
    assert epochs > histories
