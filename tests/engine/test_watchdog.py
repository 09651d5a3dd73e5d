"""Is a cycle that overruns told of once, a hang found, and a crash loop slowed down?"""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta

import pytest

from syncd.engine import health
from syncd.engine.bell import Bell
from syncd.engine.health import STARTS_ALLOWED, read_trouble
from syncd.engine.watchdog import HANGS_AFTER_S, Watchdog
from syncd.errors import OrgUnreachable
from tests.engine.scene import Scene

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Steady:
    """A steady clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.s = 1000.0
        self.calls = 0

    def watchdog(self) -> Watchdog:
        return Watchdog(120, lambda: self.s, lambda: self.calls)


def test_nothing_is_said_while_nothing_runs_or_all_is_in_time() -> None:
    steady = Steady()
    dog = steady.watchdog()
    steady.s += 10**6
    assert dog.look() is None
    with dog.watching("cycle"):
        steady.s += 119
        assert dog.look() is None
    steady.s += 10**6
    assert dog.look() is None


def test_an_overrun_is_told_once_with_what_and_where() -> None:
    steady = Steady()
    dog = steady.watchdog()
    with dog.watching("cycle"):
        steady.s += 120
        dog.sign()
        found = dog.look()
        assert found is not None
        assert (found.what, found.running_s, found.is_hanging) == ("cycle", 120, False)
        steady.s += 60
        assert dog.look() is None
    with dog.watching("request"):
        steady.s += 121
        again = dog.look()
        assert again is not None
        assert again.what == "request"


@pytest.mark.parametrize("sign", ["pause point", "answer", "none"])
def test_only_what_shows_no_sign_of_life_hangs(sign: str) -> None:
    steady = Steady()
    dog = steady.watchdog()
    with dog.watching("cycle"):
        for _ in range(4):
            steady.s += HANGS_AFTER_S / 2
            if sign == "pause point":
                dog.sign()
            elif sign == "answer":
                steady.calls += 1
            found = dog.look()
        assert (found is not None and found.is_hanging) == (sign == "none")


def test_starts_that_finish_no_cycle_wait_longer_each_time_until_one_is_finished(scene: Scene) -> None:
    with scene.world() as (world, _):
        waits = [health.note_start(world.store, AT).total_seconds() for _ in range(12)]
        assert waits[: STARTS_ALLOWED + 4] == [0, 0, 5, 10, 20, 40]
        assert waits[-1] == health.BACK_OFF_MAX_S
        assert read_trouble(world.store).starts == 12
        health.note_settled(world.store)
        assert read_trouble(world.store) == health.CALM
        assert health.note_start(world.store, AT) == timedelta(0)


def test_failures_in_a_row_keep_when_they_began_and_say_the_latest_reason(scene: Scene) -> None:
    with scene.world() as (world, _):
        for minute, words in enumerate(("no answer", "no route")):
            health.note_failure(world.store, OrgUnreachable(words), AT + timedelta(minutes=minute))
        health.note_overrun(world.store, "cycle", "acting.py:7 in act", AT)
        trouble = read_trouble(world.store)
    assert (trouble.failing, trouble.failing_since_at, trouble.reason) == (2, AT, "no route")
    assert (trouble.running, trouble.seen_in, trouble.running_since_at) == ("cycle", "acting.py:7 in act", AT)


def test_the_bell_stays_rung_and_may_ring_from_a_signal() -> None:
    bell = Bell()
    assert not bell.wait(0)
    before = signal.signal(signal.SIGUSR1, lambda *_: bell.ring())
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert bell.wait(5)
        assert bell.wait(0)
        for _ in range(70_000):  # more than a pipe holds
            bell.ring()
    finally:
        signal.signal(signal.SIGUSR1, before)
