"""Several daemons at one store, paused, killed and woken at any point: never two that write or send at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from syncd.errors import LeaseHeld
from syncd.store import lease as leases
from syncd.store.sql import SqlStore, Surroundings
from syncd.store.sqlite import database_on

ORG = "00D5e00000SYNCDAAA"
STEPS = 40
BATCH_S = 10
LIVES_S = leases.EXPIRES_AFTER.total_seconds()


class Time:
    """The steady clock that all rivals share."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Rival:
    """A daemon: what it believes, and what it did."""

    name: str
    store: SqlStore
    believes: bool = False
    sign_s: float = 0.0

    def start(self) -> None:
        self.store.acquire_lease(self.name, 1)
        self.believes = True

    def write(self) -> None:
        with self.store.begin() as tx:
            tx.put_setting("written by", self.name)


@dataclass
class Play:
    """One history, and who was the lawful writer at each moment of it."""

    database: Path
    time: Time
    seed: int
    rivals: list[Rival] = field(default_factory=list)
    holder: Rival | None = None
    sent_s: float = 0.0
    handovers: int = 0
    refused: int = 0

    def go(self) -> None:
        chance = random.Random(self.seed)
        shared = database_on(self.database, is_durable=False)
        self.rivals = [
            Rival(f"host-{n}", SqlStore(shared, ORG, "store", Surroundings(host=f"host-{n}"), read_only=False)) for n in range(3)
        ]
        for _ in range(STEPS):
            self.time.now_s += chance.choice((0.1, 1, 5, 8, 8, 12, 29, 31))
            rival = chance.choice(self.rivals)
            chance.choice((self.acquire, self.renew, self.write, self.send, self.send, self.give_back, self.crash))(rival)
        for rival in self.rivals:
            rival.store.unclaim()
        shared.dispose()

    def is_over(self) -> bool:
        """Tell whether whoever may write has shown no sign of life for as long as a lease lives."""
        return self.holder is None or self.time.now_s - self.holder.sign_s >= LIVES_S

    def acquire(self, rival: Rival) -> None:
        try:
            rival.start()
        except LeaseHeld:
            self.refused += 1
            assert self.holder is not rival
            assert not self.is_over(), "whoever shows no sign of life for 30 seconds is taken over from"
            return
        assert self.is_over() or self.holder is rival, f"{rival.name} took over from one that lives"
        if self.holder not in (None, rival):
            assert self.time.now_s - self.sent_s >= BATCH_S, f"{rival.name} took over while a batch was on its way"
        self.handovers += self.holder is not rival
        self.holder = rival
        rival.sign_s = self.time.now_s

    def renew(self, rival: Rival) -> None:
        self._only_the_holder(rival, lambda: rival.store.renew_lease(rival.name, 1))

    def write(self, rival: Rival) -> None:
        self._only_the_holder(rival, rival.write)
        if rival is self.holder and rival.believes:
            assert rival.store.setting("written by") == rival.name

    def send(self, rival: Rival) -> None:
        self._only_the_holder(rival, rival.store.check_writer)
        if rival is self.holder and rival.believes:
            self.sent_s = self.time.now_s

    def _only_the_holder(self, rival: Rival, act: Callable[[], None]) -> None:
        if not rival.believes:
            return
        try:
            act()
        except LeaseHeld:
            assert rival is not self.holder, "the holder was refused"
            rival.believes = False
            self.refused += 1
        else:
            assert rival is self.holder, f"{rival.name} acted after {self.holder and self.holder.name} took over"
            if self.time.now_s - rival.store._beat_s < 1e-9:
                rival.sign_s = self.time.now_s

    def give_back(self, rival: Rival) -> None:
        rival.store.release_lease(rival.name, 1)
        if rival is self.holder and rival.believes:
            self.holder = None
        rival.believes = False

    def crash(self, rival: Rival) -> None:
        """End without a word: the lease stays until it is over."""
        rival.store._epoch = None
        rival.believes = False


@pytest.mark.parametrize("runs", [100, pytest.param(1_000, marks=pytest.mark.sweep)])
def test_of_rival_daemons_one_writes_at_a_time(database: Path, monkeypatch: pytest.MonkeyPatch, runs: int) -> None:
    time = Time()
    monkeypatch.setattr(leases, "steady_seconds", time)
    monkeypatch.setattr(leases, "is_gone", lambda pid, token: False)
    handovers = refused = 0
    for seed in range(runs):
        time.now_s += 1_000
        play = Play(database, time, seed)
        try:
            play.go()
        except AssertionError as wrong:
            pytest.fail(f"history {seed}: {wrong}")
        handovers, refused = handovers + play.handovers, refused + play.refused
    assert handovers > 3 * runs
    assert refused > runs
