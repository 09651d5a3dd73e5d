"""How is the next thing made ready while this one is put into the store?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from queue import Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

AHEAD_MAX = 4
_LOOK_S = 0.05
_SWITCH_S = 0.0005  # the store comes back from each statement and waits its turn: with Python's usual 5 ms for half of the time
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Made(Generic[_T]):
    """One thing, or the end of all (`error` is a StopIteration), or what making it raised."""

    thing: _T | None
    error: BaseException | None = None


def made_ahead(things: Iterator[_T], is_stop: Callable[[_T], bool]) -> Iterator[_T]:
    """Give things in their order, made by a thread that stays a few of them ahead.

    Shapes: behind a thing for which `is_stop` holds nothing is made before it is asked for: it may not be wanted.
    Units:  at most AHEAD_MAX things wait in memory.
    Errors: what making one raises is raised in its place.
    """
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        while (yield from _up_to_stop(things, is_stop)):
            pass
    finally:
        sys.setswitchinterval(usual_s)


def _up_to_stop(things: Iterator[_T], is_stop: Callable[[_T], bool]) -> Generator[_T, None, bool]:
    """Give things up to one that stops, and tell whether there may be more."""
    waiting: Queue[_Made[_T]] = Queue(AHEAD_MAX)
    is_left = Event()
    Thread(target=copy_context().run, args=(_make, things, is_stop, waiting, is_left), name="made ahead", daemon=True).start()
    try:
        while True:
            made = waiting.get()
            if isinstance(made.error, StopIteration):
                return False
            if made.error is not None:
                raise made.error
            yield made.thing  # type: ignore[misc]  # what has no error is a thing
            if is_stop(made.thing):  # type: ignore[arg-type]
                return True
    finally:
        is_left.set()


def _make(things: Iterator[_T], is_stop: Callable[[_T], bool], waiting: Queue[_Made[_T]], is_left: Event) -> None:
    is_last = False
    while not is_last and not is_left.is_set():
        try:
            thing = next(things)
            made, is_last = _Made(thing), is_stop(thing)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever asked
            made, is_last = _Made(None, error), True
        while not is_left.is_set():
            try:
                waiting.put(made, timeout=_LOOK_S)
                break
            except Full:
                continue
