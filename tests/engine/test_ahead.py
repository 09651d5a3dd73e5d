"""Things are made ahead of their use, and nobody notices but the clock."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from syncd.engine.ahead import AHEAD_MAX, made_ahead


def numbers(made: list[int], last: int, fails_at: int | None = None) -> Iterator[int]:
    for number in range(last):
        if number == fails_at:
            raise LookupError(f"nothing at {number}")
        made.append(number)
        yield number


def never(number: int) -> bool:
    return False


def test_all_things_come_in_their_order() -> None:
    assert list(made_ahead(numbers([], 500), never)) == list(range(500))


def test_what_making_one_raises_comes_in_its_place() -> None:
    things = made_ahead(numbers([], 20, fails_at=7), never)
    assert [next(things) for _ in range(7)] == list(range(7))
    with pytest.raises(LookupError, match="nothing at 7"):
        next(things)


def test_behind_a_stop_nothing_is_made_before_it_is_asked_for() -> None:
    made: list[int] = []
    things = made_ahead(numbers(made, 20), lambda number: number % 5 == 4)
    got = [next(things) for _ in range(5)]
    assert (got, made) == (list(range(5)), list(range(5)))
    assert next(things) == 5


def test_whether_one_stops_is_asked_once_even_if_the_answer_changes() -> None:
    asked: list[int] = []

    def is_stop(number: int) -> bool:
        asked.append(number)
        return asked.count(number) > 1

    assert list(made_ahead(numbers([], 50), is_stop)) == list(range(50))
    assert asked == list(range(50))


def test_no_more_than_a_few_things_wait() -> None:
    made: list[int] = []
    is_far = threading.Event()

    def watched() -> Iterator[int]:
        for number in numbers(made, 1000):
            if number > AHEAD_MAX + 2:
                is_far.set()
            yield number

    things = made_ahead(watched(), never)
    next(things)
    assert not is_far.wait(0.2)
    assert len(made) <= AHEAD_MAX + 3


def test_left_early_the_thread_ends_and_the_switch_interval_is_as_before() -> None:
    before, usual_s = threading.active_count(), sys.getswitchinterval()
    things = made_ahead(numbers([], 1000), never)
    assert next(things) == 0
    assert sys.getswitchinterval() < usual_s
    things.close()  # type: ignore[attr-defined]  # it is a generator
    assert sys.getswitchinterval() == usual_s
    for thread in [one for one in threading.enumerate() if one.name == "made ahead"]:
        thread.join(5)
    assert threading.active_count() <= before
